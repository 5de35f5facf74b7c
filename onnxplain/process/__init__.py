"""This process and others: what it leaves behind, and who watches it."""
