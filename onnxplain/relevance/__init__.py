"""Relevance propagation: rules, composites, and the one reverse walk."""
