"""Where experts read class activation maps, and where onnxplain reads them."""
