"""The PyTorch engine: the graph as a native `nn.Module`, its optimizer, its trainer. The twin of `backends.keras`."""
