"""Many students over one pool of examples: their scores, each kept the moment it is known."""

import hashlib
import json
import multiprocessing
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cache, cached_property
from importlib.metadata import version
from itertools import chain, islice
from multiprocessing import forkserver
from typing import Any, NamedTuple

import pandas as pd
import torch
import torch.multiprocessing
from pandas import DataFrame

from lib.core import paths
from lib.core.fingerprint import code_of_module
from lib.core.mixes import NONE, RECIPE
from lib.core.progress import Bar
from lib.core.sources import Row
from lib.core.tasks import Card, check_fits
from lib.training.mix_draws import Run, draw_mix, held_back
from lib.training.settings import PROBE, Recipe
from lib.training.stacked import Job, slots_for, stacks, train_stacked
from lib.training.student import Pool, device_of, hardware, precision, predict, train

_LIBRARIES = ("torch", "transformers")
DEV = "human dev"
"""The evaluation set, where there is one, that the best epoch is chosen by; no score rows are made of it."""
_MANY = 20_000
"""Examples from which on only those are read that a run learns from."""
_WORTH_A_PROCESS = 5
"""Runs for each processor core from which on it pays to start a process there; it takes some seconds to."""


class Evaluation(NamedTuple):
    """Examples to score students on, and their own card."""

    card: Card
    rows: Sequence[Row]


def in_shared_labels(card: Card, evaluation: Evaluation) -> Evaluation:
    """The examples that students of a card can answer: of another task's, those with a label that both have."""
    if not card.task_kind.fixed_labels:
        return evaluation
    return evaluation._replace(rows=[row for row in evaluation.rows if row["label"] in card.labels])


@cache
def _versions() -> dict[str, str]:
    """The versions of the libraries that scores hang on; each takes milliseconds to find."""
    return {name: version(name) for name in _LIBRARIES}


class Bench:
    """The examples of a sweep: one source after another, evaluation sets last; the pool of their inputs is made when needed.

    Of very many examples the pool holds those that the `runs` learn from alone.
    """

    def __init__(
        self,
        card: Card,
        human: Sequence[Row],
        *,
        synthetic: Mapping[str, Sequence[Row]],
        evaluations: Mapping[str, Evaluation],
        recipe: Recipe,
        threads: int = 1,
        labeled: int = 0,
        balanced: bool = False,
        shown: Mapping[str, Collection[str]] | None = None,
        runs: Sequence[Run] = (),
    ):
        self.card, self.recipe, self.threads, self.runs = card, recipe, threads, runs
        self.evaluations = {name: in_shared_labels(card, evaluation) for name, evaluation in evaluations.items()}
        self.labeled, self.balanced = labeled, balanced and card.task_kind.fixed_labels
        self.shown = {name: _places_of(human, ids) for name, ids in (shown or {}).items()}
        self.sources = {NONE: list(human), **{name: list(rows) for name, rows in synthetic.items()}}
        self.sizes = {name: len(rows) for name, rows in self.sources.items()}
        self.labels = {name: _labels_of(rows) for name, rows in self.sources.items() if self.balanced}
        self.places, self.tested, start = dict[str, int](), dict[str, range](), 0
        for name, size in self.sizes.items():
            self.places[name] = start
            start += size
        self._in_pool = self._positions(start, runs)
        start = len(self._in_pool)
        for name, evaluation in self.evaluations.items():
            self.tested[name] = range(start, start + len(evaluation.rows))
            start += len(evaluation.rows)

    def _positions(self, size: int, runs: Sequence[Run]) -> dict[int, int]:
        """The position in the pool of each example to learn from."""
        used = set(range(size))
        if size > _MANY and runs:
            used = set(chain.from_iterable(map(self._drawn, runs)))
        return {example: position for position, example in enumerate(sorted(used))}

    def mix(self, run: Run) -> list[int]:
        """The positions in the pool of the examples that a run learns from."""
        return [self._in_pool[i] for i in self._drawn(run)]

    def _drawn(self, run: Run) -> list[int]:
        shown = self.shown.get(run.method, frozenset())
        return draw_mix(run, self.places, sizes=self.sizes, labeled=self.labeled, labels=self.labels, shown=shown)

    @cached_property
    def pool(self) -> Pool:
        learned = list(chain.from_iterable(self.sources.values()))
        pool = Pool(self.card, [learned[i] for i in self._in_pool], recipe=self.recipe, others=self.evaluations.values())
        if pool.cut:
            print(f"{pool.cut} of {len(pool.examples)} examples are longer than {pool.longest} tokens and were cut.")
        if pool.out_of_sight:
            print(
                f"{pool.out_of_sight:,} of {pool.arguments:,} arguments stand in no window of {pool.longest} tokens with their "
                "trigger, so no student can find them; a larger max_tokens shows more."
            )
        return pool

    def scores(self, run: Run) -> dict[str, Any]:
        """Trains the student of a run and scores it on each evaluation set, with as many threads in every process."""
        torch.set_num_threads(self.threads)
        job = self.job(run)
        student = train(self.pool, job.chosen, seed=run.seed, dev=job.dev)
        sets = self.tested.items()
        return self._results(run, {name: predict(student, self.pool, chosen=tested) for name, tested in sets if name != DEV})

    @cached_property
    def slots(self) -> int:
        """How many students train side by side: by all runs, not by those that are missing after a kill."""
        one = self.recipe.slots == 1 or (self.recipe.slots is None and device_of(self.recipe) == "cpu")
        return 1 if one or not stacks(self.pool) else slots_for(self.pool, len(self.runs))

    def scores_side_by_side(self, runs: Sequence[Run], slots: int) -> Iterator[tuple[Run, dict[str, Any]]]:
        """Trains the students of all runs, so many at once, and scores each when it has finished."""
        tested = {name: places for name, places in self.tested.items() if name != DEV}
        every = list(chain.from_iterable(tested.values()))
        jobs = [self.job(run) for run in runs]
        for number, answers, together in train_stacked(self.pool, jobs, tested=every, slots=slots):
            left = iter(answers)
            of_sets = {name: list(islice(left, len(places))) for name, places in tested.items()}
            yield runs[number], self._results(runs[number], of_sets, slots=together)

    def job(self, run: Run) -> Job:
        """The examples that a run learns from, those that choose its best epoch, and its seed."""
        chosen = self.mix(run)
        human_dev = list(self.tested.get(DEV, ()))
        dev = [] if self.pool.at_once else human_dev or held_back(chosen, run, share=self.recipe.dev_share)
        apart = set(dev)
        return Job([i for i in chosen if i not in apart], dev, run.seed)

    def _results(self, run: Run, answers: Mapping[str, Sequence[Any]], *, slots: int = 1) -> dict[str, Any]:
        """The scores of a run by its answers to each evaluation set, and how they came about."""
        kind, human_dev = self.card.task_kind, len(self.tested.get(DEV, ()))
        selection = _selection(run, self.recipe, at_once=self.pool.at_once, human_dev=human_dev)
        how = {"selection": selection, RECIPE: self._recipe, "threads": self.threads, "slots": slots}
        results = {}
        for name, given in answers.items():
            gold = [kind.gold(self.pool.examples[i][1]) for i in self.tested[name]]
            results[name] = kind.scores(gold, given) | how | {"predicted": json.dumps(given, ensure_ascii=False)}
        return results

    def rows(self, run: Run, results: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """The score rows of a run, one for each evaluation set, with encoder, device and versions of the libraries."""
        metric, device = self.card.metric, device_of(self.recipe)
        facts = {"encoder": self.recipe.encoder, "device": device, "precision": precision(device)}
        facts |= _versions()
        for name, values in results.items():
            score = {"evaluated_on": name, "metric": metric, "score": values[metric], "n_test": len(self.tested[name])}
            chance = self.card.task_kind.chance(self.evaluations[name].rows)
            score |= {"chance": chance.get(metric), "chance_accuracy": chance.get("accuracy")}
            gold = {"kind": self.card.kind, "gold": self._gold[name]}
            yield {"task": self.card.name, **run._asdict(), **score, **values, **gold, **facts}

    @cached_property
    def _recipe(self) -> str:
        """How students are trained, as JSON: of a probe of labels, which is fit at once, what that depends on."""
        used = set(PROBE if self.pool.at_once else Recipe.model_fields)
        recipe = self.recipe.model_dump(include=used - {"encoder", "device", "slots"})
        return json.dumps(recipe | {"balanced": self.balanced, "human_dev": len(self.tested.get(DEV, ()))})

    @cached_property
    def _gold(self) -> dict[str, str]:
        """The right answers to each evaluation set, as JSON."""
        kind, sets = self.card.task_kind, self.evaluations.items()
        return {name: json.dumps(list(map(kind.gold, tested.rows)), ensure_ascii=False) for name, tested in sets}

    @cached_property
    def scopes(self) -> dict[str, str]:
        """What kept scores hold for, by method: the examples that runs are drawn from and tested on, the recipe, the code."""
        human, device = _digest(self.sources[NONE]), device_of(self.recipe)
        tests = {name: _digest(evaluation) for name, evaluation in self.evaluations.items()}
        task = [self.card.kind, list(self.card.labels), list(self.card.roles), list(self.card.fields)]
        code = [code_of_module(f"lib.training.{name}") for name in ("student", "heads", "stacked")]
        epoch_metric = self.card.metric if self.recipe.dev_share or DEV in self.evaluations else ""
        epoch_metric += " balanced" * self.balanced
        conditions = [
            *task,
            self.recipe.model_dump(exclude={"slots", "device"}),
            *code,
            *_versions().values(),
            hardware(device),
            precision(device),
            epoch_metric,
        ]
        scopes = {}
        for name, rows in self.sources.items():
            shown = [sorted(self.shown[name])] if self.shown.get(name) else []
            scopes[name] = _digest([human, _digest(rows), tests, conditions, *shown])[:16]
        return scopes


def sweep(
    card: Card,
    human: Sequence[Row],
    *,
    synthetic: Mapping[str, Sequence[Row]],
    evaluations: Mapping[str, Evaluation],
    runs: Sequence[Run],
    recipe: Recipe,
    kept: str,
    workers: int | None = None,
    labeled: int = 0,
    balanced: bool = False,
    shown: Mapping[str, Collection[str]] | None = None,
) -> DataFrame:
    """Trains and scores every run. Finished ones are read back from the file `kept`, so a kill loses only runs in progress.

    `labeled` of the human examples, the last ones, were labeled by the teacher too: a mix takes the others first. Where each
    example has a label, `balanced` draws as many of each. `shown` are the ids of those that a method's prompts showed: a mix of
    it takes these before all others.
    """
    _check(card, runs, evaluations=evaluations)
    workers = _workers_for(runs, recipe, workers=workers)
    # By all runs, not by those that are missing: sums differ a little between one thread and two.
    threads = 1 if workers > 1 else torch.get_num_threads()
    bench = Bench(
        card, human, synthetic=synthetic, evaluations=evaluations, recipe=recipe, threads=threads,
        labeled=labeled, balanced=balanced, shown=shown, runs=runs,
    )  # fmt: skip
    done = {run: results for (run, scope), results in _read_kept(kept).items() if scope == bench.scopes.get(run.method)}
    missing = [run for run in dict.fromkeys(runs) if run not in done]
    workers = min(workers, max(1, len(missing)))
    if workers > 1:
        _make_ready()
    with Bar(total=len(runs), initial=len(runs) - len(missing), desc=f"{card.name} students", unit="run") as bar:
        for run, results in _trained(bench, missing, workers=workers):
            done[run] = results
            _keep(kept, run, scope=bench.scopes[run.method], results=results)
            bar.set_postfix_str(_last(results, card.metric, device=device_of(recipe)), refresh=False)
            bar.update()
    return pd.DataFrame([row for run in runs for row in bench.rows(run, done[run])])


def _last(results: dict[str, Any], metric: str, *, device: str) -> str:
    """What a progress bar says of the last run: where it trained, beside how many others, and its score."""
    last = next(iter(results.values()))
    beside = f", {last['slots']} side by side" if last["slots"] > 1 else ""
    return f"{device}{beside}, last {metric} {last[metric]:.3f}"


def _check(card: Card, runs: Sequence[Run], *, evaluations: Mapping[str, Evaluation]) -> None:
    if not runs:
        raise ValueError(f"Task {card.name!r}: no runs to train. Give larger budgets, or fewer shards than there are runs.")
    if empty := [run for run in runs if run.n_human + run.n_synthetic < 1]:
        raise ValueError(f"Task {card.name!r}: a student needs at least one example to learn from; {empty[0]} has none.")
    for name, evaluation in evaluations.items():
        check_fits(card, name, evaluation.card)
        if not in_shared_labels(card, evaluation).rows:
            raise ValueError(f"Evaluation set {name!r} has no examples.")


def _workers_for(runs: Sequence[Run], recipe: Recipe, *, workers: int | None) -> int:
    """One process a core, where there are runs enough; a GPU is shared only if `workers` is set."""
    if workers is not None:
        return max(1, workers)
    if recipe.slots and recipe.slots > 1:
        return 1
    return max(1, min(torch.get_num_threads(), len(runs) // _WORTH_A_PROCESS)) if device_of(recipe) == "cpu" else 1


def _make_ready() -> None:
    """Starts the process that others are forked from, so that it imports what they need while the pool is made."""
    multiprocessing.set_forkserver_preload(["lib.training.sweep", "lib.training.heads", "transformers.modeling_utils"])
    forkserver.ensure_running()


def _trained(bench: Bench, runs: Sequence[Run], *, workers: int) -> Iterator[tuple[Run, dict[str, Any]]]:
    """Each run with its scores, as they are finished."""
    if workers == 1 and runs and (slots := bench.slots) > 1:
        yield from bench.scores_side_by_side(runs, slots)
        return
    if workers == 1:
        before = torch.get_num_threads()
        try:
            for run in runs:
                yield run, bench.scores(run)
        finally:
            torch.set_num_threads(before)
        return
    bench.pool  # noqa: B018  Made once, before the processes share it.
    context = torch.multiprocessing.get_context("forkserver")
    with ProcessPoolExecutor(workers, context, _set_up, (bench,)) as processes:
        # Long ones first, so that none is left to train alone at the end.
        by_length = sorted(runs, key=lambda run: run.n_human + run.n_synthetic, reverse=True)
        jobs = {processes.submit(_scores_of, run): run for run in by_length}
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


_BENCH: list[Bench] = []
"""In a process of a sweep: the bench that it works on."""


def _set_up(bench: Bench) -> None:
    """Sets up a process: its bench, and a thread that ends it when the sweep ends or is killed."""
    _BENCH.append(bench)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)


def _scores_of(run: Run) -> dict[str, Any]:
    return _BENCH[0].scores(run)


def _selection(run: Run, recipe: Recipe, *, at_once: bool = False, human_dev: int = 0) -> str:
    """Says how the epoch was chosen; `human_dev` is the number of human dev examples that no mix holds."""
    if at_once:
        return "the best fit, found at once"
    parts = f"{recipe.epochs} epochs" if recipe.epochs else f"{recipe.steps} steps"
    if human_dev:
        return f"best of {parts} on {human_dev} human examples beside the mix"
    n = len(held_back(range(run.n_human + run.n_synthetic), run, share=recipe.dev_share))
    return f"best of {parts} on {n} of the mix" if n else f"last of {parts}"


def _digest(value: Any) -> str:
    """The digest of examples or of anything else that JSON can hold."""
    rows = [list(value.card.fields), list(map(dict, value.rows))] if isinstance(value, Evaluation) else value
    return hashlib.sha256(json.dumps(rows, sort_keys=True, default=str).encode()).hexdigest()


def _places_of(rows: Sequence[Row], ids: Collection[str]) -> frozenset[int]:
    wanted = frozenset(ids)
    return frozenset(place for place, row in enumerate(rows) if row.get("id") in wanted)


def _labels_of(rows: Sequence[Row]) -> list[str]:
    return [row["label"] for row in rows]


def _read_kept(kept: str) -> dict[tuple[Run, str], dict[str, Any]]:
    """The scores that earlier sweeps kept, each by its run and its scope."""
    file = paths.resolve(kept)
    done = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.is_file() else []:
        try:
            row = json.loads(line)
        except ValueError:  # The last line of a killed sweep.
            continue
        done[Run(*row["run"]), row["scope"]] = row["scores"]
    return done


def _keep(kept: str, run: Run, *, scope: str, results: dict[str, Any]) -> None:
    with paths.making(kept) as file, file.open("a", encoding="utf-8") as lines:
        # The line break comes first: after a kill the file may end in half a line.
        lines.write("\n" + json.dumps({"scope": scope, "run": run, "scores": results}))
