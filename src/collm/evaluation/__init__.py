"""Measures a team on a split: returns, the environment's metrics, tokens."""
