"""The Keras backend, on TensorFlow or on JAX: one edition of the graph, twin of the torch one."""
