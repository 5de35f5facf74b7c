"""How much of what people deploy converts to PyTorch, and how well."""
