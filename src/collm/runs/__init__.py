"""The run folder: its layout, files, logs, records, checkpoints, summary and trackers.

Knows configurations and records, no models: nothing here imports PyTorch, so that viewers, reports and the
command line can stand on it. Whatever saves itself into a folder can be a checkpoint.
"""
