"""Many students over one pool of texts: which mixes to train, and their scores, each kept the moment it is known."""

import hashlib
import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cached_property
from importlib.metadata import version
from itertools import accumulate
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from lib import budget, metrics, paths
from lib.code import code_of_module
from lib.records import ExampleSet
from lib.sources import Row
from lib.students import Pool, Recipe, precision, predict, train
from lib.tasks import Card, text_of

if TYPE_CHECKING:
    from pandas import DataFrame


class Run(NamedTuple):
    """One student: how many human examples, how many of a method's synthetic ones, and the seed of every choice."""

    method: str
    n_human: int
    n_synthetic: int
    seed: int


def runs_for(cells: Iterable[budget.Cell], seeds: int, seed: int, shard: str = "1/1") -> list[Run]:
    """Each different mix of the cells once a seed; a shard takes every so-manieth."""
    mixes = dict.fromkeys((cell.method, cell.n_human, cell.n_synthetic) for cell in cells)
    every = [Run(*mix, seed=seed + k) for mix in mixes for k in range(seeds)]
    try:
        part, parts = (int(number) for number in shard.split("/"))
        if not 1 <= part <= parts:
            raise ValueError
    except ValueError:
        raise ValueError(f"A shard is written 3/16 (the third of sixteen), not {shard!r}.") from None
    return every[part - 1 :: parts]


class Bench:
    """The texts of a sweep, one source after another with the test set last, and the encoder's view of them once it is needed."""

    def __init__(self, card: Card, human: Sequence[Row], synthetic: dict[str, list[Row]], test: Sequence[Row], recipe: Recipe):
        sources = {budget.NONE: list(human), **synthetic, "test": list(test)}
        rows = [row for found in sources.values() for row in found]
        self.card, self.recipe, self.labels = card, recipe, list(card.labels)
        self.texts = [text_of(card, row) for row in rows]
        self.targets = [place_of(row["label"], self.labels) for row in rows]
        self.sizes = {name: len(found) for name, found in sources.items()}
        self.places = dict(zip(sources, accumulate([0, *self.sizes.values()]), strict=False))
        pairs = list(zip(self.texts, self.targets, strict=True))
        self.scope = scope_of({name: pairs[at : at + self.sizes[name]] for name, at in self.places.items()}, self.labels, recipe)

    @cached_property
    def pool(self) -> Pool:
        return Pool(self.texts, self.recipe)

    def scores(self, run: Run) -> dict[str, Any]:
        """Trains the student of a run and scores it on the test set."""
        chosen, tested = mix(run, self.places, self.sizes), range(self.places["test"], len(self.texts))
        student = train(self.pool, chosen, [self.targets[i] for i in chosen], len(self.labels), run.seed)
        predicted = predict(student, self.pool, tested)
        gold = [self.labels[self.targets[i]] for i in tested]
        scored = metrics.classification(gold, [self.labels[i] for i in predicted], self.labels)
        return scored | {"predicted": predicted}

    def row(self, run: Run, scores: dict[str, Any]) -> dict[str, Any]:
        """The score row of a run, with what else it depends on."""
        metric, epochs = self.card.metric, self.recipe.epochs
        made = {"encoder": self.recipe.encoder, "precision": precision(), "selection": f"last of {epochs} epochs"}
        score = {"metric": metric, "score": scores[metric], "n_test": self.sizes["test"]}
        return {"task": self.card.name, **run._asdict(), **scores, **score, **made}


def sweep(
    card: Card,
    human: Sequence[Row],
    synthetic: dict[str, list[Row]],
    test: Sequence[Row],
    runs: Sequence[Run],
    recipe: Recipe,
    kept: str,
) -> "DataFrame":
    """Trains and scores every run. Finished ones are read back from the file `kept`, so a kill costs one run at most."""
    import pandas as pd

    check(card, runs)
    bench = Bench(card, human, synthetic, test, recipe)
    done = read_kept(kept, bench.scope)
    with tqdm(total=len(runs), desc=f"{card.name} students", unit="run", dynamic_ncols=True) as bar:
        for run in runs:
            if run not in done:
                done[run] = bench.scores(run)
                keep(kept, bench.scope, run, done[run])
            bar.set_postfix_str(f"last {card.metric} {done[run][card.metric]:.3f}", refresh=False)
            bar.update()
    return pd.DataFrame([bench.row(run, done[run]) for run in runs])


def check(card: Card, runs: Sequence[Run]) -> None:
    if card.kind != "text":
        raise ValueError(f"Task {card.name!r} is of kind {card.kind!r}; students are trained for kind 'text'.")
    if not runs:
        raise ValueError(f"Task {card.name!r}: no runs to train. Give larger budgets, or fewer shards than there are runs.")


def place_of(label: str, labels: list[str]) -> int:
    if label not in labels:
        raise ValueError(f"An example has the label {label!r}, and the task's are {', '.join(labels)}. Run 01 and 02 again.")
    return labels.index(label)


def scope_of(texts: dict[str, list[tuple[str, int]]], labels: list[str], recipe: Recipe) -> str:
    """What a kept score holds for: each source's texts and the labels, in their order, the recipe, and the code that trains."""
    made_by = [asdict(recipe), code_of_module("students"), code_of_module("metrics"), version("torch"), precision()]
    return hashlib.sha256(json.dumps([list(texts.items()), labels, made_by]).encode()).hexdigest()[:16]


def human_pool(rows: Sequence[Row], sets: dict[str, ExampleSet]) -> list[Row]:
    """The human examples to draw from: without those that the teacher labeled, which must not come twice in one mix."""
    labeled = {row["id"] for one in sets.values() if one.method.startswith("labeled") for row in one.rows}
    return [row for row in rows if row["id"] not in labeled]


def mix(run: Run, places: dict[str, int], sizes: dict[str, int]) -> list[int]:
    """The texts of a run, drawn by its seed: a larger draw of one seed holds the smaller one."""
    drawn = draw(sizes[budget.NONE], run.n_human, run.seed, "human", places[budget.NONE])
    return drawn + (draw(sizes[run.method], run.n_synthetic, run.seed, run.method, places[run.method]) if run.n_synthetic else [])


def draw(size: int, n: int, seed: int, source: str, start: int) -> list[int]:
    if n > size:
        raise ValueError(f"A run asks for {n} {source} examples, but there are {size}.")
    return [start + i for i in random.Random(f"{seed} {source}").sample(range(size), size)[:n]]


def read_kept(kept: str, scope: str) -> dict[Run, dict[str, Any]]:
    """The scores that an earlier sweep of the same texts and recipe left behind."""
    file = paths.resolve(kept)
    done = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:  # The last line of a killed sweep.
            continue
        if row["scope"] == scope:
            done[Run(*row["run"])] = row["scores"]
    return done


def keep(kept: str, scope: str, run: Run, scores: dict[str, Any]) -> None:
    file = paths.resolve(kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        # The line break comes first: after a kill the file may end in half a line.
        lines.write("\n" + json.dumps({"scope": scope, "run": run, "scores": scores}))
