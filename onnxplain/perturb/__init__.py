"""Perturb inputs: what to put in place of what is taken away."""
