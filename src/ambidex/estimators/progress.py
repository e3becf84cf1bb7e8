"""The progress of `fit`, for those who ask for it."""

from __future__ import annotations

from ambidex.training.progress import Bar
from ambidex.workflow.train import Session


def make_session(epochs: int, is_verbose: bool) -> Session:
    """Silent, or with a bar and the workflow's notes above it."""
    if not is_verbose:
        return Session()
    bar = Bar(epochs)
    return Session(watcher=bar, say=bar.say)
