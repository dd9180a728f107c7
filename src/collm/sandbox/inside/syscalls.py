"""The system calls that a confined program may make, each as name:number on x86_64:number on aarch64.

The numbers are the kernel's ABI. A dash means that the machine does not have the call.
"""

from __future__ import annotations

FREE = """
read:0:63 write:1:64 futex:202:98 close:3:57 fstat:5:80 lseek:8:62 mmap:9:222 munmap:11:215
mprotect:10:226 brk:12:214 mremap:25:216 madvise:28:233 newfstatat:262:79 stat:4:- lstat:6:-
statx:332:291 poll:7:- ppoll:271:73 rt_sigaction:13:134 rt_sigprocmask:14:135 rt_sigreturn:15:139
rt_sigpending:127:136 rt_sigtimedwait:128:137 rt_sigsuspend:130:133 sigaltstack:131:132
restart_syscall:219:128 pread64:17:67 pwrite64:18:68 readv:19:65 writev:20:66 preadv:295:69
pwritev:296:70 preadv2:327:286 pwritev2:328:287 access:21:- faccessat:269:48 faccessat2:439:439
readlink:89:- readlinkat:267:78 getdents:78:- getdents64:217:61 getcwd:79:17 chdir:80:49
fchdir:81:50 statfs:137:43 fstatfs:138:44 dup:32:23 dup2:33:- dup3:292:24 pipe:22:- pipe2:293:59
select:23:- pselect6:270:72 epoll_create:213:- epoll_create1:291:20 epoll_ctl:233:21
epoll_wait:232:- epoll_pwait:281:22 epoll_pwait2:441:441 eventfd:284:- eventfd2:290:19
socketpair:53:199 sendto:44:206 recvfrom:45:207 sendmsg:46:211 recvmsg:47:212 shutdown:48:210
getsockname:51:204 getpeername:52:205 getsockopt:55:209 setsockopt:54:208 getpid:39:172
gettid:186:178 getppid:110:173 getpgrp:111:- getpgid:121:155 getsid:124:156 getuid:102:174
geteuid:107:175 getgid:104:176 getegid:108:177 getresuid:118:148 getresgid:120:150 getgroups:115:158
exit:60:93 exit_group:231:94 wait4:61:260 waitid:247:95 uname:63:160 umask:95:166 sysinfo:99:179
times:100:153 time:201:- gettimeofday:96:169 getrusage:98:165 getrlimit:97:163 getpriority:140:141
getcpu:309:168 clock_gettime:228:113 clock_getres:229:114 clock_nanosleep:230:115 nanosleep:35:101
pause:34:- alarm:37:- getitimer:36:102 setitimer:38:103 sched_yield:24:124 sched_getaffinity:204:123
sched_getparam:143:121 sched_getscheduler:145:120 sched_get_priority_max:146:125
sched_get_priority_min:147:126 timer_create:222:107 timer_settime:223:110 timer_gettime:224:108
timer_getoverrun:225:109 timer_delete:226:111 timerfd_create:283:85 timerfd_settime:286:86
timerfd_gettime:287:87 arch_prctl:158:- set_tid_address:218:96 set_robust_list:273:99 rseq:334:293
membarrier:324:283 futex_waitv:449:449 getrandom:318:278 msync:26:227 mincore:27:232 fsync:74:82
fdatasync:75:83 ftruncate:77:46 fallocate:285:47 fadvise64:221:223 copy_file_range:326:285
sendfile:40:71 flock:73:32
"""
"""Harmless whatever their arguments: memory, time, waiting, reading, descriptors that are already open."""

CHANGES_FOLDERS = """
mkdir:83:- mkdirat:258:34 rmdir:84:- unlink:87:- unlinkat:263:35 rename:82:- renameat:264:38
renameat2:316:276 symlink:88:- symlinkat:266:36 creat:85:-
"""
"""Allowed only where something else keeps the program inside its folder."""

CHECKED = """
openat:257:56 open:2:- clone:56:220 clone3:435:435 kill:62:129 tgkill:234:131 prctl:157:167
prlimit64:302:261 ioctl:16:29 fcntl:72:25
"""
"""Allowed for some arguments only."""


COLUMN = {"x86_64": 1, "aarch64": 2}


def numbers(table: str, machine: str) -> dict[str, int]:
    """The calls of a table that ``machine`` has, by name."""
    entries = (entry.split(":") for entry in table.split())
    return {entry[0]: int(entry[COLUMN[machine]]) for entry in entries if entry[COLUMN[machine]] != "-"}
