"""Between a user's own networks: weights from a PyTorch module to a Keras model and back, and why two of them differ.

Each name is imported when it is first used.
"""

from ambidex._lazy import attach

TYPE_CHECKING = False  # see `_lazy`
if TYPE_CHECKING:
    from ambidex.exchange.explain import explain_diff
    from ambidex.exchange.record import Difference, Exchanged, Explanation, Pair
    from ambidex.exchange.transfer import keras_to_torch, torch_to_keras

__all__ = [
    "Difference",
    "Exchanged",
    "Explanation",
    "Pair",
    "explain_diff",
    "keras_to_torch",
    "torch_to_keras",
]

__getattr__, __dir__ = attach(
    __name__,
    {
        "Difference": "ambidex.exchange.record",
        "Exchanged": "ambidex.exchange.record",
        "Explanation": "ambidex.exchange.record",
        "Pair": "ambidex.exchange.record",
        "explain_diff": "ambidex.exchange.explain",
        "keras_to_torch": "ambidex.exchange.transfer",
        "torch_to_keras": "ambidex.exchange.transfer",
    },
)
