"""Concepts: directions and channels of a layer that stand for something, and their part in scores."""
