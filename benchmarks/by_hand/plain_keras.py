"""A perceptron with embeddings for a table, as a Keras user would write it: one epoch per line on standard input."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

folder = Path(sys.argv[1])
sizes = json.loads((folder / "plain.json").read_text(encoding="utf-8"))
data = np.load(folder / "plain.npz")
tf.config.threading.set_intra_op_parallelism_threads(sizes["threads"])
tf.config.threading.set_inter_op_parallelism_threads(sizes["threads"])

numbers = keras.Input([data["numbers"].shape[1]])
codes = keras.Input([data["codes"].shape[1]], dtype="int32")
embedded = [
    keras.layers.Embedding(count, width)(codes[:, place]) for place, (count, width) in enumerate(sizes["embeddings"])
]
x = keras.layers.Concatenate()([numbers, *embedded])
*hidden, out = sizes["widths"]
for units in hidden:
    x = keras.layers.Dense(units, activation="silu")(x)
model = keras.Model([numbers, codes], keras.layers.Dense(out)(x))
model.compile(
    optimizer=keras.optimizers.Adam(),
    loss=keras.losses.BinaryCrossentropy(from_logits=True),
    jit_compile=sys.argv[2] == "xla",
)


class Timer(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch: int, logs: object = None) -> None:
        sys.stdin.readline()
        self.began = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch: int, logs: object = None) -> None:
        print(time.perf_counter() - self.began[0], time.process_time() - self.began[1], flush=True)


model.fit(
    [data["numbers"], data["codes"]],
    data["target"],
    batch_size=sizes["batch"],
    epochs=sizes["epochs"] + 1,
    verbose=0,
    callbacks=[Timer()],
)
