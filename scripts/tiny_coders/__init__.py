"""Makes the tiny coders: two small language models that know how code looks but not how to share it."""
