"""Engines draw samples: token ids and seeds in, token ids and log-probabilities out."""
