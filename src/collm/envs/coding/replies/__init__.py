"""Reads replies, which may be any text, into the joint program of a turn."""
