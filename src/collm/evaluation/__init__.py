"""Measures a team on a split: returns, metrics, tokens, what critics say of it, and who made episodes fail."""
