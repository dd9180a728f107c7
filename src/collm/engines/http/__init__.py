"""Speaking to OpenAI-style endpoints with nothing but the standard library."""
