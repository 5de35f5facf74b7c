"""Boxes of a detector: how they are read, suppressed, compared and explained."""
