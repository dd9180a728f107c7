"""Many runs from one grid: which cells there are, what each of them does, and where they run.

A cell is an ordinary run, or an evaluation of a team that was not trained, as commands that a person could
type. Nothing here imports PyTorch: cells are processes of their own, in whatever place
(:mod:`collm.sweep.places`).
"""
