"""Plain PyTorch as text. PyTorch itself is not imported."""
