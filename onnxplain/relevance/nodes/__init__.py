"""Relevance propagation as ONNX nodes: graph in, graph out, without PyTorch."""
