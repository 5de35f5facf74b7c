"""Models that carry their explanation: the same scores, and maps as further outputs."""
