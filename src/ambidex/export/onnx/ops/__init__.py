"""How each op is written in ONNX; one module per family, named as in `graph.ops`."""
