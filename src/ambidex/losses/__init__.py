"""Losses, written once against neutral arithmetic; each engine brings its edition of `Ops`."""

from ambidex.losses.loss import LOSSES, Loss, batch_loss, make_loss
from ambidex.losses.ops import NumpyOps, Ops

__all__ = ["LOSSES", "Loss", "NumpyOps", "Ops", "batch_loss", "make_loss"]
