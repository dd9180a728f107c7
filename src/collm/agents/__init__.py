"""Agents and critics: the only owners of weights, tokenizers, optimizers and KV caches.

Plain data in, plain data out. An agent knows no other agent, no reward and no algorithm.
"""
