"""Coding: a helper writes ``aux``, a main agent writes the function that is asked for, tests decide.

``problem`` and ``suite`` read tasks and their tests, ``paper`` and ``reference`` read replies, ``usage``
analyses how main calls aux, ``ladder`` rewards, ``prompts`` and ``feedback`` write what agents see, and
``coding`` ties them together. Code runs in :mod:`collm.sandbox` alone.
"""
