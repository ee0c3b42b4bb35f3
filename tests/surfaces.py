"""Score rows of a surface that is known, for the tests of what is said of it."""

from typing import Any

import numpy as np
import pandas as pd

from lib.budget.formula import expected_score
from lib.core.mixes import NONE

LOGS = np.log([0.12, 0.55, 30, 0.7, 0.3, 1500, 0.06, 1.0])
HUMAN, SYNTHETIC = (0, 50, 100, 200, 400), (0, 250, 500, 1000, 2000)


def known(
    human: tuple[int, ...] = HUMAN, synthetic: tuple[int, ...] = SYNTHETIC, seeds: int = 4, noise: float = 0.01, **columns: Any
) -> pd.DataFrame:
    """Every human size with every synthetic one, as lib.surface has it, with the noise of seeds."""

    luck = np.random.default_rng(1)
    rows = [
        {"n_human": h, "n_synthetic": s, "seed": seed, "score": float(expected_score(LOGS, h, s)[0] + noise * luck.normal())}
        for h in human for s in synthetic for seed in range(seeds) if h + s
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    pools = {"human_pool": 1000, "synthetic_pool": 4000, "human_price": 1.0, "synthetic_price": 0.02}
    return table.assign(
        **({"task": "t", "method": np.where(table.n_synthetic > 0, "m", NONE), "metric": "accuracy"} | pools | columns)
    )
