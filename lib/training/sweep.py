"""Many students over one pool of examples: which mixes to train, and their scores, each kept the moment it is known."""

import hashlib
import json
import multiprocessing
import os
import random
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from importlib.metadata import version
from itertools import accumulate
from multiprocessing import forkserver
from typing import Any, NamedTuple

import pandas as pd
import torch
import torch.multiprocessing
from pandas import DataFrame
from tqdm import tqdm

from lib.core import paths
from lib.core.artifacts import ExampleSet
from lib.core.fingerprint import code_of_module
from lib.core.mixes import NONE, TEST, Cell
from lib.core.sources import Row
from lib.core.tasks import Card, check_fits, load, other_tests
from lib.training.settings import Recipe
from lib.training.student import Pool, device_of, precision, scores, train

LIBRARIES = ("torch", "transformers")
DEV = "human dev"
"""The evaluation set, where there is one, that the best epoch is chosen by; no score rows are made of it."""
WORTH_A_PROCESS = 5
"""Runs for each processor core from which on it pays to start a process there; it takes some seconds to."""


class Run(NamedTuple):
    """One student: how many human examples, how many of a method's synthetic ones, and the seed of every choice."""

    method: str
    n_human: int
    n_synthetic: int
    seed: int


class Evaluation(NamedTuple):
    """Examples to score students on, in the words of their own card."""

    card: Card
    rows: Sequence[Row]


def runs_for(cells: Iterable[Cell], seeds: int, seed: int, shard: str = "1/1") -> list[Run]:
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
    """The examples of a sweep, one source after another and evaluation sets last, and a student's view of them once needed."""

    def __init__(
        self,
        card: Card,
        human: Sequence[Row],
        synthetic: Mapping[str, Sequence[Row]],
        evaluations: Mapping[str, Evaluation],
        recipe: Recipe,
        threads: int = 1,
    ):
        self.card, self.recipe, self.evaluations, self.threads = card, recipe, dict(evaluations), threads
        self.sources = {NONE: list(human), **{name: list(rows) for name, rows in synthetic.items()}}
        groups = [*self.sources.values(), *(one.rows for one in self.evaluations.values())]
        starts = accumulate([0, *map(len, groups)])
        self.sizes = {name: len(rows) for name, rows in self.sources.items()}
        self.places = {name: next(starts) for name in self.sources}
        self.tested = {
            name: range(start, start + len(one.rows))
            for start, (name, one) in zip(starts, self.evaluations.items(), strict=False)
        }

    @cached_property
    def pool(self) -> Pool:
        learned = [row for rows in self.sources.values() for row in rows]
        pool = Pool(self.card, learned, self.recipe, self.evaluations.values())
        if pool.cut:
            print(f"{pool.cut} of {len(pool.examples)} examples are longer than {pool.longest} tokens and were cut.")
        return pool

    def scores(self, run: Run) -> dict[str, Any]:
        """Trains the student of a run and scores it on each evaluation set, with as many threads in every process."""

        torch.set_num_threads(self.threads)
        chosen = mix(run, self.places, self.sizes)
        beside = list(self.tested.get(DEV, ()))
        dev = [] if self.pool.at_once else beside or held_back(chosen, run, self.recipe.dev_share)
        student = train(self.pool, [i for i in chosen if i not in set(dev)], run.seed, dev)
        found = {}
        for name, tested in self.tested.items():
            if name == DEV:
                continue
            scored, answers = scores(student, self.pool, tested)
            said = {
                "selection": selection(run, self.recipe, self.pool.at_once, len(beside)),
                "threads": self.threads,
                "predicted": json.dumps(answers, ensure_ascii=False),
            }
            found[name] = scored | said
        return found

    def rows(self, run: Run, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The score rows of a run, one for each evaluation set, with what else they depend on."""
        metric, on = self.card.metric, device_of(self.recipe)
        made = {
            "encoder": self.recipe.encoder,
            "device": on,
            "precision": precision(on),
        }
        made |= {name: version(name) for name in LIBRARIES}
        for name, scored in found.items():
            score = {"evaluated_on": name, "metric": metric, "score": scored[metric], "n_test": len(self.tested[name])}
            yield {"task": self.card.name, **run._asdict(), **score, **scored, **made}

    def scope(self, run: Run) -> str:
        """What the kept scores of a run hold for: the examples that it is drawn from and tested on, the recipe, the code."""
        return self.scopes[run.method]

    @cached_property
    def scopes(self) -> dict[str, str]:
        human, tests = digest(self.sources[NONE]), {name: digest(one) for name, one in self.evaluations.items()}
        code = [code_of_module("lib.training.student"), code_of_module("lib.training.heads")]
        by = [self.card.kind, list(self.card.labels), list(self.card.roles), list(self.card.fields), self.recipe.model_dump()]
        chosen_by = self.card.metric if self.recipe.dev_share or DEV in self.evaluations else ""
        made_by = [*by, *code, *map(version, LIBRARIES), device_of(self.recipe), precision(device_of(self.recipe)), chosen_by]
        return {name: digest([human, digest(rows), tests, made_by])[:16] for name, rows in self.sources.items()}


def sweep(
    card: Card,
    human: Sequence[Row],
    synthetic: Mapping[str, Sequence[Row]],
    evaluations: Mapping[str, Evaluation],
    runs: Sequence[Run],
    recipe: Recipe,
    kept: str,
    workers: int | None = None,
) -> DataFrame:
    """Trains and scores every run. Finished ones are read back from the file `kept`, so a kill costs the runs in hand at most."""

    check(card, human, runs, evaluations)
    workers = workers_for(runs, recipe, workers)
    # By the runs that are asked for and not by those that are missing: sums differ a little between one thread and two.
    bench = Bench(card, human, synthetic, evaluations, recipe, threads_for(workers))
    done = {run: found for (run, scope), found in read_kept(kept).items() if scope == bench.scopes.get(run.method)}
    missing = [run for run in dict.fromkeys(runs) if run not in done]
    workers = min(workers, max(1, len(missing)))
    if workers > 1:
        make_ready()
    with tqdm(
        total=len(runs), initial=len(runs) - len(missing), desc=f"{card.name} students", unit="run", dynamic_ncols=True
    ) as bar:
        for run, found in trained(bench, missing, workers):
            done[run] = found
            keep(kept, bench.scope(run), run, found)
            last = next(iter(found.values()))[card.metric]
            bar.set_postfix_str(f"last {card.metric} {last:.3f}", refresh=False)
            bar.update()
    return pd.DataFrame([row for run in runs for row in bench.rows(run, done[run])])


def evaluations(card: Card, source: str | None, also: Sequence[str] = ()) -> dict[str, Evaluation]:
    """The task's own test split, and what else is named: another split of its source, or the test split of another task."""
    found = {TEST: Evaluation(card, load(card, "test", source).to_list())}
    for name, one in other_tests(card, source, also).items():
        found[name] = Evaluation(one.card, load(one.card, one.split, one.source).to_list())
    return found


def check(card: Card, human: Sequence[Row], runs: Sequence[Run], evaluations: Mapping[str, Evaluation]) -> None:
    if not runs:
        raise ValueError(f"Task {card.name!r}: no runs to train. Give larger budgets, or fewer shards than there are runs.")
    if empty := [run for run in runs if run.n_human + run.n_synthetic < 1]:
        raise ValueError(f"Task {card.name!r}: a student needs at least one example to learn from; {empty[0]} has none.")
    for name, one in evaluations.items():
        check_evaluation(card, name, one)


def check_evaluation(card: Card, name: str, one: Evaluation) -> None:
    if not one.rows:
        raise ValueError(f"Evaluation set {name!r} has no examples.")
    check_fits(card, name, one.card)


def workers_for(runs: Sequence[Run], recipe: Recipe, given: int | None) -> int:
    """One process a core, where there are runs enough; a GPU is shared only if it is asked for."""

    if given is not None:
        return max(1, given)
    return max(1, min(torch.get_num_threads(), len(runs) // WORTH_A_PROCESS)) if device_of(recipe) == "cpu" else 1


def threads_for(workers: int) -> int:
    """For each run: all that there are, or one where processes have the other cores."""

    return 1 if workers > 1 else torch.get_num_threads()


def make_ready() -> None:
    """Starts the process that others are forked from, so that it imports what they need while the pool is made."""
    multiprocessing.set_forkserver_preload(["lib.training.sweep", "lib.training.heads", "transformers.modeling_utils"])
    forkserver.ensure_running()


def trained(bench: Bench, runs: Sequence[Run], workers: int) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Each run with its scores, as they are finished."""
    if not runs:
        return

    if workers == 1:
        before = torch.get_num_threads()
        try:
            yield from ((run, bench.scores(run)) for run in runs)
        finally:
            torch.set_num_threads(before)
        return
    bench.pool  # noqa: B018  Made once, before the processes share it.
    context = torch.multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, context, at_work, (bench,)) as processes:
        # Long ones first, so that none is left to train alone at the end.
        by_length = sorted(runs, key=lambda run: run.n_human + run.n_synthetic, reverse=True)
        jobs = {processes.submit(scores_of, run): run for run in by_length}
        try:
            for job in as_completed(jobs):
                yield jobs[job], job.result()
        except BrokenProcessPool:
            raise RuntimeError(
                "A training process was ended from outside, most often for want of memory. What was finished is kept: run it "
                f"again, or with fewer of them than {workers} (workers: 1)."
            ) from None
        finally:
            processes.shutdown(cancel_futures=True)


BENCH: list[Bench] = []
"""In a process of a sweep: what it works on."""


def at_work(bench: Bench) -> None:
    """Sets up a process: what it works on, and an end when the sweep ends, however that does."""
    BENCH.append(bench)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def scores_of(run: Run) -> dict[str, Any]:
    return BENCH[0].scores(run)


def selection(run: Run, recipe: Recipe, at_once: bool = False, beside: int = 0) -> str:
    """How the epoch was chosen, in words; `beside` are the human dev examples that no mix holds."""
    if at_once:
        return "the best fit, found at once"
    if beside:
        return f"best of {recipe.epochs} epochs on {beside} human examples beside the mix"
    n = len(held_back(range(run.n_human + run.n_synthetic), run, recipe.dev_share))
    return f"best of {recipe.epochs} epochs on {n} of the mix" if n else f"last of {recipe.epochs} epochs"


def held_back(chosen: Sequence[int], run: Run, share: float) -> list[int]:
    """The dev examples of a mix: human ones, which it holds first, as far as there are any; at least one stays to learn from."""
    n = min(round(share * len(chosen)), len(chosen) - 1)
    human = list(chosen[: run.n_human]) or list(chosen)
    return human[: min(n, max(1, len(human) - 1))] if n else []


def digest(what: Any) -> str:
    """Of examples or anything else that JSON can say."""
    rows = [list(what.card.fields), list(map(dict, what.rows))] if isinstance(what, Evaluation) else what
    return hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()


def without_dev(card: Card, human: Sequence[Row], n: int) -> tuple[list[Row], dict[str, Evaluation]]:
    """The human examples without the last n, which choose the best epoch of every student, whatever it learns from; as
    arXiv 2310.20111 does. They cost what human examples cost, and no budget here pays for them."""
    if not n:
        return list(human), {}
    if n >= len(human):
        raise ValueError(f"human_dev asks for {n} of the {len(human)} human examples of {card.name!r}; leave some to learn from.")
    return list(human[:-n]), {DEV: Evaluation(card, list(human[-n:]))}


def human_pool(rows: Sequence[Row], sets: dict[str, ExampleSet]) -> list[Row]:
    """The human examples to draw from, without those that the teacher labeled: no text comes twice in one mix."""
    labeled = {row["id"] for one in sets.values() if one.name.of_human_texts for row in one.rows}
    return [row for row in rows if row["id"] not in labeled]


def mix(run: Run, places: dict[str, int], sizes: dict[str, int]) -> list[int]:
    """The texts of a run, drawn by its seed: a larger draw of one seed holds the smaller one."""
    drawn = draw(sizes[NONE], run.n_human, run.seed, "human", places[NONE])
    return drawn + (draw(sizes[run.method], run.n_synthetic, run.seed, run.method, places[run.method]) if run.n_synthetic else [])


def draw(size: int, n: int, seed: int, source: str, start: int) -> list[int]:
    if n > size:
        raise ValueError(f"A run asks for {n} {source} examples, but there are {size}.")
    return [start + i for i in random.Random(f"{seed} {source}").sample(range(size), size)[:n]]


def read_kept(kept: str) -> dict[tuple[Run, str], dict[str, Any]]:
    """The scores that earlier sweeps left behind, and what each holds for."""
    file = paths.resolve(kept)
    done = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:  # The last line of a killed sweep.
            continue
        done[Run(*row["run"]), row["scope"]] = row["scores"]
    return done


def keep(kept: str, scope: str, run: Run, found: dict[str, Any]) -> None:
    file = paths.resolve(kept)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        # The line break comes first: after a kill the file may end in half a line.
        lines.write("\n" + json.dumps({"scope": scope, "run": run, "scores": found}))
