"""The training loop and what it needs: learning from trees, the run folder, checkpoints, metrics."""
