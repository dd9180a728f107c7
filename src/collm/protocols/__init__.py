"""How a team plays a turn of an environment at evaluation: who is asked what, when, and what then counts.

Every protocol is one small file here, in a package of yours (entry point ``collm.protocols``) or at a
``module:Class``. It is played by :mod:`collm.protocols.playing` around any environment.
"""
