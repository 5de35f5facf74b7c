"""Adapters execute the prepared graph: ONNX Runtime forward, PyTorch also backward."""
