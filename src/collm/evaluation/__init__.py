"""Measures a team on a split: returns, metrics and tokens, task by task, and who made episodes fail."""
