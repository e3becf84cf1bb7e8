"""The formats that TensorFlow and Keras write; each module has `write` and `answer`, as `export.target` asks."""
