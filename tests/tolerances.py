"""How far two results may lie apart, in one table, each bound with its reason.

Weights, formats, labels and preparation are compared exactly; these are for numbers that float32 arithmetic rounds.
Errors are absolute on outputs of order one, against the NumPy edition in float64.
"""

from __future__ import annotations

from typing import Final

# float32 keeps 24 bits: one rounding is 6e-8 relative, and a dense layer of a few hundred terms sums some dozens.
FORWARD_DENSE: Final = 1e-6

# Every step of a recurrent net feeds its rounding to the next; gates damp it, but a hundred steps still add up.
FORWARD_RECURRENT: Final = 1e-5

# The same float64 operations in another order (a sum by pairs, a fused multiply-add).
SAME_FLOAT64: Final = 1e-12

# A preparation step and its inverse in float64; exp and log lose a few bits each.
INVERSE_FLOAT64: Final = 1e-9

# Gradients are sums over the rows of a batch, of either sign: cancellation costs more digits than in the forward run.
GRADIENT: Final = 1e-5

# Two engines' losses from the same weights and batches, relative, at the end of that many steps: rounding grows with
# each update, by less than these in every pair of engines.
LOCKSTEP: Final = {10: 1e-5, 100: 1e-4, 300: 1e-3}
