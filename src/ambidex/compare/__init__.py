"""Both frameworks and ONNX Runtime measured side by side on the user's data, and advice drawn from it."""
