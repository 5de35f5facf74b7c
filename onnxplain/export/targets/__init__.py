"""What an exported file explains, in ONNX nodes: one file for each kind of task."""
