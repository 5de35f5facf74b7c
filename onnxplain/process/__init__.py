"""The process itself: what it leaves behind, and who watches it."""
