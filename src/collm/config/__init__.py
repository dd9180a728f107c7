"""The tree of configuration: recipes, overrides, and the check of every key. No torch."""
