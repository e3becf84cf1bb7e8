"""Plain Keras as text. Keras itself is not imported."""
