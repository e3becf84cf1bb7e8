"""The prediction script in Keras."""

from __future__ import annotations

LOAD = '''
def load_weights(model, path):
    """Fills a model from an .npz file, `<layer>/<number>` for each array of a layer."""
    if not str(path).endswith(".npz"):
        model.load_weights(path)
        return
    arrays = np.load(path)
    for layer in model.layers:
        for place, weight in enumerate(layer.weights):
            weight.assign(arrays[f"{layer.name}/{place}"].reshape(weight.shape))
'''
RUN = '''
def load_model(path=HERE / "weights.npz"):
    """The network with its weights, ready to predict."""
    model = build_model()
    load_weights(model, path)
    return model


def run_network(model, inputs):
    """Raw outputs for prepared NumPy arrays."""
    return model.predict(@given@, batch_size=4096, verbose=0)
'''
SAVED = "weights.npz"
