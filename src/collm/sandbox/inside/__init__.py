"""What runs on the far side of the wall: the standard library and nothing else.

These modules are loaded by a fresh interpreter without site-packages, so they import each other
relatively and nothing of the rest of the library. ``server`` forks a ``judge`` for each program, which
forks a ``runner`` before it reads a single test. The runner executes the model's code; the judge
executes the tests. Only plain data passes between the two.
"""
