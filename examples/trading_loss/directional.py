"""A loss for traders: what a forecast of returns costs, and more if it points the wrong way.

Nothing here knows an engine. A loss is a function of `(ops, y_true, y_pred)` that does its arithmetic with `ops`
(`ambidex.losses.ops.Ops`: `abs`, `tanh`, `where`, `mean` and some twenty more) and with `+ - * / **`. Handed PyTorch's
edition of them it trains in PyTorch, handed TensorFlow's in TensorFlow, and handed NumPy's it is a plain function that
can be tested by hand.

In this folder:

    ambidex train ../data/wti_daily.csv --target Price --time Date --horizon 5 --scaling log_ratio \
        --model lstm --loss directional:directional_loss -o ../out/oil.ambidex
"""

from __future__ import annotations

from typing import Any

PENALTY = 2.0
"""How many times its size an error costs on top where the direction is wrong; 0 leaves the plain absolute error."""
SHARPNESS = 10.0
"""How soon a return counts as a direction: one of a tenth of a deviation counts with tanh(1), three quarters."""


def directional_loss(ops: Any, y_true: Any, y_pred: Any) -> Any:
    """|error| · (1 + PENALTY · wrong), a loss per value, (B, H, targets).

    `y_true` and `y_pred` are returns (B, H, targets) in the units of the scaling: with `--scaling log_ratio` they are
    log(price / price before), standardized on the training part. `wrong` lies between 0 and 1:

        wrong = max(0, -tanh(SHARPNESS · y_true) · tanh(SHARPNESS · y_pred))

    It is 1 where forecast and outcome clearly point in different directions, 0 where they agree, and in between where
    either is close to zero, because nobody trades on a return of nothing. Comparing signs would give no gradient;
    this gives one wherever it matters.

    Standardizing subtracts the mean return, so zero here is the average rise and not a price that stands still. For
    daily prices that is next to nothing: 0.004 deviations for crude oil.
    """
    agreement = ops.tanh(SHARPNESS * y_true) * ops.tanh(SHARPNESS * y_pred)
    wrong = ops.relu(-agreement)
    return ops.abs(y_pred - y_true) * (1.0 + PENALTY * wrong)
