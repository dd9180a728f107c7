"""Drawing with vLLM: one station for each vLLM, an engine for each agent that draws there."""
