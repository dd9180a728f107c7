"""The training loop: opens a run, collects trees, learns from them, logs, checkpoints."""
