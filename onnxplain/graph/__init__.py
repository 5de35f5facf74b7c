"""The prepared ONNX graph: reading it, cleaning it and finding layers in it."""
