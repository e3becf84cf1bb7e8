"""What a PyTorch module can be written as. Each module has `write` and `answer`, see `ambidex.export.target`."""
