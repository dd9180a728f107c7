"""What every room stands on: settings, validation, YAML, names, seeds. It knows nothing of learning."""
