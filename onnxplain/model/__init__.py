"""Open a model file, and explain what it says."""
