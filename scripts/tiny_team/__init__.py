"""Makes the tiny team: two small language models that know how to build but not how to work together."""
