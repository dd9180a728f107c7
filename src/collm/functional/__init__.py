"""The mathematics, as pure functions on tensors: log-probabilities, returns, advantages, losses.

Nothing here knows agents, models or files. Time indices follow the papers: arrays over turns have one
entry for each ``t`` in ``[0, H)``; ``next_values[t]`` is the value after turn ``t``.
"""
