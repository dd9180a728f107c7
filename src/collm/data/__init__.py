"""Rows of files and of the Hugging Face hub, cut into splits and made into tasks."""
