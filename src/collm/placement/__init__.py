"""Where the roles of a run play: in this process or on a Ray cluster. The loop cannot tell.

Hosts are what a worker holds; stand-ins are what the loop holds instead of agents, critics and environments
that are elsewhere. Between them travel plain data: token ids, numbers, folders as bytes.
"""
