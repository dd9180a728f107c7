"""What models are made of: weights, tokenizers, packed rows, log-probabilities, optimizers."""
