"""Bridges to environments of other libraries, in both directions. Each needs its extra.

``pettingzoo`` and ``verifiers_env`` show our environments in other libraries; ``textarena``,
``pettingzoo_games``, ``gymnasium`` and ``openenv`` show theirs as ours, by replay (``replayed``), and so does
``verifiers``, which rolls them out anew.
"""
