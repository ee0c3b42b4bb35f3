"""A linear probe by this repository's L-BFGS against scikit-learn's LogisticRegression, on students of the demo's news task."""

import json
import time
from itertools import product
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression

from lib.core.example_sets import example_sets
from lib.core.mixes import NONE
from lib.core.tasks import load, read_card
from lib.training.mix_draws import Run, draw_mix
from lib.training.settings import Recipe
from lib.training.student import Pool, predict, train
from lib.training.sweep import Bench, Evaluation

MIXES, SEEDS = [(0, 5), (0, 20), (10, 10), (30, 10), (40, 0), (40, 20)], (1, 2, 3, 4)


def main() -> None:
    torch.set_num_threads(1)  # As in each process of a sweep.
    card = read_card("news")
    human, synthetic, tests = load(card).to_list(), example_sets(card, None)["zero_shot"].rows, load(card, "test").to_list()
    bench = Bench(
        card,
        human,
        synthetic={"zero_shot": synthetic},
        evaluations={"test": Evaluation(card, tests)},
        recipe=Recipe(frozen_layers=6),
    )
    tested, _ = list(bench.tested["test"]), bench.pool  # What the encoder makes of the texts is no part of a run.
    seconds, differing = {"lib": 0.0, "sklearn": 0.0}, 0
    for (n_human, n_synthetic), seed in product(MIXES, SEEDS):
        run = Run("zero_shot" if n_synthetic else NONE, n_human, n_synthetic, seed)
        chosen = draw_mix(run, bench.places, sizes=bench.sizes)
        started = time.process_time()
        ours = predict(train(bench.pool, chosen, seed=seed), bench.pool, chosen=tested)
        seconds["lib"] += time.process_time() - started
        started = time.process_time()
        theirs = by_sklearn(bench.pool, chosen, tested)
        seconds["sklearn"] += time.process_time() - started
        differing += sum(a != b for a, b in zip(ours, theirs, strict=True))
    runs = len(MIXES) * len(SEEDS)
    for name, whole in seconds.items():
        print(f"{name:10}{1000 * whole / runs:8.1f} ms of the processor a run")
    print(f"{differing} of {runs * len(tested)} predictions differ")
    print(json.dumps({"probe_ratio": round(seconds["sklearn"] / seconds["lib"], 2), "probe_differing": differing}))


def by_sklearn(pool: Pool, chosen: list[int], tested: list[int]) -> list[Any]:
    features = pool.data.float().numpy()

    def rows(numbers: list[int]) -> np.ndarray:
        return features[[pool.starts[pool.examples[i][2][0].first] for i in numbers]]

    labels = [pool.examples[i][1]["label"] for i in chosen]
    if len(set(labels)) < 2:
        return [labels[0]] * len(tested)
    model = LogisticRegression(C=1, tol=1e-5, max_iter=300).fit(rows(chosen), labels)
    return list(model.predict(rows(tested)))


if __name__ == "__main__":
    main()
