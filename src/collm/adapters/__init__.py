"""Bridges to environments of other libraries, in both directions. Each needs its extra.

``pettingzoo`` shows our environments in PettingZoo; ``textarena``, ``pettingzoo_games``, ``gymnasium`` and
``openenv`` show other libraries' games as ours, by replay (``replayed``).
"""
