"""How every op is computed in plain TensorFlow, in one literal place, with the keys of `graph.OPS`.

What is written with it runs wherever TensorFlow does, without Keras and without ambidex.
"""

from __future__ import annotations

from ambidex.backends.keras.plain.activation import ACTIVATIONS
from ambidex.backends.keras.plain.arithmetic import ARITHMETIC, SHAPE
from ambidex.backends.keras.plain.call import Entry
from ambidex.backends.keras.plain.category import CATEGORIES
from ambidex.backends.keras.plain.layer import LAYERS
from ambidex.backends.keras.plain.number import NUMBERS
from ambidex.backends.keras.plain.recurrent import RECURRENT
from ambidex.backends.keras.plain.sequence import SEQUENCE
from ambidex.backends.keras.plain.series import SERIES
from ambidex.backends.keras.plain.time import TIMES

PLAIN: dict[str, Entry] = {
    **LAYERS,
    **RECURRENT,
    **SEQUENCE,
    **ACTIVATIONS,
    **ARITHMETIC,
    **SHAPE,
    **NUMBERS,
    **CATEGORIES,
    **TIMES,
    **SERIES,
}
