"""What exporters write of the preprocessing, inside of a model file or beside it."""
