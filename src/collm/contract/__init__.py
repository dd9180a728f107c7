"""Holds an environment, which may be a user's own code, to its word; names what it does wrongly."""
