"""Which networks can carry their explanation, and how well."""
