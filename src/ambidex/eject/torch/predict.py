"""The prediction script in PyTorch."""

from __future__ import annotations

RUN = '''
def load_model(path=HERE / "weights.safetensors"):
    """The network with its weights, ready to predict."""
    model = Network()
    model.load_state_dict(load_file(path))
    return model.eval()


def run_network(model, inputs):
    """Raw outputs for prepared NumPy arrays."""
    with torch.inference_mode():
        return model(*(torch.from_numpy(value) for value in inputs)).numpy()
'''
SAVED = "weights.safetensors"
