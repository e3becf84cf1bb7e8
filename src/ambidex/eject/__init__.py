"""Source code out: a model as plain PyTorch or Keras that runs without ambidex."""

from ambidex.eject.eject import Ejected, eject, sources, weight_files
from ambidex.eject.subject import Subject, subject_of

__all__ = ["Ejected", "Subject", "eject", "sources", "subject_of", "weight_files"]
