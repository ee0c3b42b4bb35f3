"""Whether it pays to choose which texts people label: replayed on the human examples of a study's tasks (arXiv 2604.13899).

`REAL_DATA=/path python -m lib.study.choosing real data/scores/chosen.csv.gz` writes a row for each task, way of choosing and
seed: students of 100 human examples that were chosen among 1,000. The rows hold numbers alone.
"""

import gzip
import random
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd
import torch

from lib.core import paths
from lib.core.sources import Row
from lib.core.tasks import Card, load_rows
from lib.study.schema import Study, read_study, studies_by_task
from lib.training.choosing import WAYS
from lib.training.settings import Recipe
from lib.training.student import Pool, hardware, scores, train

_CHOSEN, _CANDIDATES, _SEEDS = 100, 1000, 10
_FEWEST = 2
"""Candidates for each example to choose; of tasks with fewer there is no choice to speak of."""


def chosen_rows(study: Study) -> Iterator[dict[str, Any]]:
    """The rows of a study's tasks with fixed labels and synthetic sets, as far as they have human examples enough."""
    for card, own in studies_by_task(study).values():
        if card.task_kind.fixed_labels and own.methods:
            human = load_rows(card, "train", own.source)
            if len(human) >= _FEWEST * _CHOSEN:
                candidates = random.Random(f"{own.seed} candidates").sample(human, min(_CANDIDATES, len(human)))
                yield from _of_task(card, own, candidates)


def _of_task(card: Card, own: Study, candidates: Sequence[Row]) -> Iterator[dict[str, Any]]:
    test = load_rows(card, "test", own.source)
    recipe = Recipe(encoder=own.training.encoder)  # All layers frozen: a probe, found at once.
    pool = Pool(card, candidates, recipe=recipe, others=[(card, test)])
    tested = range(len(candidates), len(candidates) + len(test))
    same = {"task": card.name, "n_human": _CHOSEN, "candidates": len(candidates), "n_test": len(test)}
    same |= {"encoder": recipe.encoder, "device": hardware(pool.device), "torch": version("torch")}
    for seed in range(own.seed, own.seed + _SEEDS):
        order = random.Random(f"{seed} order").sample(range(len(candidates)), len(candidates))
        for way, choose in WAYS.items():
            student = train(pool, choose(pool, order, n=_CHOSEN), seed=seed)
            found = scores(student, pool, chosen=tested)[0]
            yield same | {"seed": seed, "chosen_by": way, **{name: found[name] for name in ("macro_f1", "accuracy")}}


def _main() -> None:
    if len(sys.argv) != 3:
        sys.exit("python -m lib.study.choosing STUDY TABLE.csv.gz")
    torch.set_num_threads(1)  # The same sums on any number of cores.
    table = pd.DataFrame(chosen_rows(read_study(sys.argv[1])))
    packed = gzip.compress(table.to_csv(index=False).encode(), mtime=0)  # The same bytes each time.
    paths.write_whole(sys.argv[2], lambda file: file.write_bytes(packed))
    print(f"{len(table)} rows of {table.task.nunique()} tasks in {sys.argv[2]}")


if __name__ == "__main__":
    _main()
