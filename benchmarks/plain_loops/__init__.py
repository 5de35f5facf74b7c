"""Occlusion, RISE and LIME against the best loop that a person would write."""
