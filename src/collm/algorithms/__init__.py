"""Algorithms, one file each: the rollout they need, what a critic sees, how a tree becomes advantages.

Every module here is found by its class's ``type``; nothing else lists them. No models, no files.
"""
