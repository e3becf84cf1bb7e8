"""Measures of class probabilities. Formulas follow scikit-learn, which the tests compare with."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]
ECE_BINS = 15


def classification_metrics(codes: Codes, probabilities: Floats, decided: Codes) -> dict[str, float]:
    """Measures of N rows: true codes (N,), probabilities (N, K), decisions (N,).

    `roc_auc` is one-against-rest averaged over the classes that occur, `average_precision` only for two classes;
    both are left out where only one class occurs.
    """
    metrics = {
        "accuracy": float(np.mean(codes == decided)),
        "balanced_accuracy": balanced_accuracy(codes, decided),
        "log_loss": log_loss(codes, probabilities),
        "ece": expected_calibration_error(codes, probabilities),
    }
    present = np.unique(codes)
    if len(present) < 2:
        return metrics
    if probabilities.shape[1] == 2:
        metrics["roc_auc"] = roc_auc(codes == 1, probabilities[:, 1])
        metrics["average_precision"] = average_precision(codes == 1, probabilities[:, 1])
    else:
        metrics["roc_auc"] = float(np.mean([roc_auc(codes == code, probabilities[:, code]) for code in present]))
    return metrics


def balanced_accuracy(codes: Codes, decided: Codes) -> float:
    """The mean over classes of the share of their rows decided rightly."""
    return float(np.mean([np.mean(decided[codes == code] == code) for code in np.unique(codes)]))


def log_loss(codes: Codes, probabilities: Floats) -> float:
    """The mean of minus the log of the true class's probability, which is kept above float64's epsilon."""
    chosen = np.take_along_axis(probabilities, codes[:, None], axis=1)[:, 0]
    return float(-np.mean(np.log(np.clip(chosen, np.finfo(np.float64).eps, 1.0))))


def roc_auc(is_positive: npt.NDArray[np.bool_], score: Floats) -> float:
    """The chance that a positive scores above a negative, ties counting half (Mann & Whitney 1947)."""
    _, rank_of, counts = np.unique(score, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[rank_of]
    positives = int(is_positive.sum())
    negatives = len(score) - positives
    return float((ranks[is_positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def average_precision(is_positive: npt.NDArray[np.bool_], score: Floats) -> float:
    """The sum over thresholds of the gain in recall times the precision there."""
    values, inverse = np.unique(-score, return_inverse=True)
    hits = np.cumsum(np.bincount(inverse, weights=is_positive, minlength=len(values)))
    seen = np.cumsum(np.bincount(inverse, minlength=len(values)))
    recall = hits / hits[-1]
    return float(np.sum(np.diff(np.concatenate([[0.0], recall])) * hits / seen))


def expected_calibration_error(codes: Codes, probabilities: Floats) -> float:
    """Naeini et al. 2015: the mean gap between confidence and accuracy over equal bins of the confidence."""
    confidence = probabilities.max(axis=1)
    is_right = probabilities.argmax(axis=1) == codes
    bins = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=is_right - confidence, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(codes))
