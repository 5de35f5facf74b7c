"""Concepts: channels and directions of a layer that stand for something."""
