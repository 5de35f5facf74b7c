"""A prepared graph with its engines, and what methods see of it."""
