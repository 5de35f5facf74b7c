"""Products with transposed Jacobians as ONNX nodes: graph in, graph out, without PyTorch."""
