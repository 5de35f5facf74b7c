"""Which number of a model's answer is explained."""
