"""Bridges to environments of other libraries, in both directions. Each needs its extra.

``pettingzoo`` shows our environments as PettingZoo ones, ``textarena`` shows TextArena games as ours.
"""
