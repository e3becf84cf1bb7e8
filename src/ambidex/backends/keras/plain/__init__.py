"""The TensorFlow edition of a whole graph: preparation, network and decoding in plain operations, without Keras."""
