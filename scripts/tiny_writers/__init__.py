"""Makes the tiny writers: two small language models that write about posts but not to each other."""
