"""Coding: a helper writes ``aux``, a main agent writes the function that is asked for, tests decide.

``problem`` and ``suite`` (by the AST) or ``suite_by_lines`` read tasks and their tests, ``trials`` tries
them, ``replies/`` makes the joint program of two replies, ``analysis/`` tells how main uses aux, ``ladder``
rewards, ``prompts`` and ``feedback`` write what agents see. A record in ``variants`` says how each reading
does all that, and ``coding`` is the environment. Code runs in :mod:`collm.sandbox` alone.
"""
