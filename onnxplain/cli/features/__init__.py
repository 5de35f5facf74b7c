"""The command `features`."""
