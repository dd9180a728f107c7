"""Environments, one folder for each domain. Each is found by its ``type``; nothing else lists them.

What lives here is text, rules and rewards; no tokens, no models, no tensors.
"""
