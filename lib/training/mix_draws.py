"""Which examples a student learns from: drawn by its seed, so that a larger mix of one seed holds the smaller one."""

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from lib.core.mixes import NONE

_NO_LABELS: Mapping[str, Sequence[str]] = {}


class Run(NamedTuple):
    """One student: how many human examples, how many of a method's synthetic ones, and the seed of every choice."""

    method: str
    n_human: int
    n_synthetic: int
    seed: int


def draw_mix(
    run: Run,
    places: dict[str, int],
    *,
    sizes: dict[str, int],
    labeled: int = 0,
    labels: Mapping[str, Sequence[str]] = _NO_LABELS,
    shown: frozenset[int] = frozenset(),
) -> list[int]:
    """The texts of a run, drawn by its seed: a larger draw of one seed holds the smaller one. Human examples that prompts showed
    (by their places) are drawn first, the last `labeled` ones only when there are no others left. Sources whose `labels` are
    given are drawn evenly over these."""
    known = shown if run.n_synthetic else frozenset[int]()
    human = _draw_human(sizes[NONE], run, start=places[NONE], labeled=labeled, labels=labels.get(NONE, ()), shown=known)
    if not run.n_synthetic:
        return human
    size, start, of_method = sizes[run.method], places[run.method], labels.get(run.method, ())
    return human + _draw(size, run.n_synthetic, seed=run.seed, source=run.method, start=start, labels=of_method)


def _draw_human(size: int, run: Run, *, start: int, labeled: int, labels: Sequence[str], shown: frozenset[int]) -> list[int]:
    _check_enough(size, run.n_human, source="human")
    free = size - labeled
    parts = [
        _draw(free, free, seed=run.seed, source="human", start=0),
        _draw(labeled, labeled, seed=run.seed, source="labeled human", start=free),
    ]
    order = _in_turn(parts, labels)
    if not shown:
        return [start + place for place in order[: run.n_human]]
    first = [place for place in chain(*parts) if place in shown]
    chosen = set(_in_turn([first, *parts], labels)[: run.n_human])
    # Not those that were shown in front: the first ones of a mix may be held back, to choose the best epoch by.
    return [start + place for place in order if place in chosen]


def _in_turn(parts: Sequence[Sequence[int]], labels: Sequence[str]) -> list[int]:
    """The examples of one part after another, each once; where they have labels one of each label after another in each part,
    those first that have had fewer before."""
    order, before = dict[int, None](), Counter[str]()
    for part in parts:
        new = [place for place in part if place not in order]
        order |= dict.fromkeys(_one_of_each(new, labels, before) if labels else new)
    return list(order)


def _draw(size: int, n: int, *, seed: int, source: str, start: int, labels: Sequence[str] = ()) -> list[int]:
    _check_enough(size, n, source=source)
    order = random.Random(f"{seed} {source}").sample(range(size), size)
    return [start + i for i in (_one_of_each(order, labels, Counter()) if labels else order)[:n]]


def _one_of_each(order: Sequence[int], labels: Sequence[str], before: Counter[str]) -> list[int]:
    """The same examples with one of each label after another, as long as there are any of it; `before` counts those that came
    before."""
    rounds = dict[int, int]()
    for i in order:
        rounds[i] = before[labels[i]]
        before[labels[i]] += 1
    return sorted(order, key=rounds.__getitem__)


def _check_enough(size: int, n: int, *, source: str) -> None:
    if n > size:
        raise ValueError(f"A run asks for {n} {source} examples, but there are {size}.")


def held_back(chosen: Sequence[int], run: Run, *, share: float) -> list[int]:
    """The dev examples of a mix: human ones, which it holds first, as far as there are any; at least one stays to learn from."""
    n = min(round(share * len(chosen)), len(chosen) - 1)
    human = list(chosen[: run.n_human]) or list(chosen)
    return human[: min(n, max(1, len(human) - 1))] if n else []
