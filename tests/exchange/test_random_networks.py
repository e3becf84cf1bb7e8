"""Two hundred random networks pass from one framework into the other, and back."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
from tests.exchange.networks import build, random_steps, scramble
from tests.tolerances import FORWARD_RECURRENT

from ambidex.exchange import keras_to_torch, torch_to_keras

pytestmark = pytest.mark.both

BLOCKS, PER_BLOCK = 10, 20


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_networks_agree_in_both_directions(block: int) -> None:
    for number in range(PER_BLOCK):
        rng = np.random.default_rng([block, number])
        steps, count = random_steps(rng), 5 * (number % 4 == 0)
        given = build(steps, rng, count=count)
        other = deepcopy(given.module)
        scramble(other, rng)
        # Three rows and five steps: Keras runs recurrent layers step by step here.
        sample = rng.integers(0, count, (3, 7)) if count else rng.normal(size=(3, 5, 4))
        there = torch_to_keras(given.module, given.model, sample=sample)
        back = keras_to_torch(given.model, other, sample=sample)
        assert max(there.max_difference, back.max_difference) <= FORWARD_RECURRENT, steps
        assert len(there.layers) == len(back.layers) >= 1
