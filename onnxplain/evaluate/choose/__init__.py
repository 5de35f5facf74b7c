"""Choose a method for a model by measurement, and judge its map of a single picture."""
