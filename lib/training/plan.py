"""What 04 trains: the examples that students can learn from, with their prices, and the mixes of them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import NamedTuple

import pandas as pd
import torch
from pandas import DataFrame

from lib import plotting
from lib.core import set_names
from lib.core.artifacts import ExampleSet
from lib.core.contamination import repeated
from lib.core.encoders import check_language
from lib.core.example_sets import Given, example_sets, people_alone, prices_of, repeats_of
from lib.core.mixes import NONE, STUDENT_LEVELS, TEST, Cell, Offer, cells
from lib.core.set_names import SETTINGS
from lib.core.sources import Row
from lib.core.tasks import Card, load, other_tests, text_of
from lib.core.text import NearTexts
from lib.training.controlled import with_controlled
from lib.training.matched import with_parts
from lib.training.mix_draws import Run
from lib.training.settings import Mixes, Students
from lib.training.sweep import DEV, Evaluation, in_shared_labels, sweep

_DEFAULT_MIXES, _DEFAULT_STUDENTS = Mixes(), Students()


class _Mix(NamedTuple):
    """How many examples of each kind a student learns from."""

    method: str
    n_human: int
    n_synthetic: int


@dataclass(frozen=True)
class _Pools:
    """The examples of a task that students can learn from or are scored on, and what those to learn from cost."""

    card: Card
    source: str | None
    human: list[Row]
    """Those that the teacher labeled too stand last."""
    labeled: int
    """How many of the human examples the teacher labeled too."""
    balanced: bool
    """Whether mixes hold as many examples of each label as there are."""
    sets: dict[str, ExampleSet]
    """By method. Where there are none, an empty one stands for people alone."""
    offers: dict[str, Offer]
    evaluations: dict[str, Evaluation]

    @property
    def people_alone(self) -> bool:
        return list(self.sets) == [NONE]

    @property
    def chances(self) -> dict[tuple[str, str], float]:
        """The score of chance by evaluation set and measure, where there is one."""
        known = dict[tuple[str, str], float]()
        for name, evaluation in self.evaluations.items():
            for measure, chance in self.card.task_kind.chance(in_shared_labels(self.card, evaluation).rows).items():
                known[name, measure] = chance
        return known

    def table(self) -> DataFrame:
        """Sizes and prices, a line for each method."""
        lines = {}
        for method, offer in self.offers.items():
            sizes = {"human pool": offer.pools[0], "synthetic pool": offer.pools[1], "shown": offer.shown}
            lines[method] = {**sizes, **offer.prices._asdict()}
        return pd.DataFrame(lines).T


def pools_for(
    card: Card,
    source: str | None,
    *,
    examples: Sequence[Given] | None = None,
    mixes: Mixes = _DEFAULT_MIXES,
    students: Students = _DEFAULT_STUDENTS,
    seed: int = 1,
) -> _Pools:
    """Reads all examples of a task and works out their prices."""
    check_language(students.encoder, task=card.name, language=card.language)
    train = load(card, "train", source).to_list()
    written = example_sets(card, examples, source)
    written = with_parts(card, written, parts=mixes, human=train, seed=seed)
    written = with_controlled(card, written, names=mixes.controlled, seed=seed)
    free, labeled = _by_labels(train, written)
    free, dev = _without_dev(card, free, n=students.human_dev)
    human = [*free, *labeled]
    sets = written or people_alone(card)
    prices = prices_of(card, sets, human_price=mixes.human_price, synthetic_price=mixes.synthetic_price)
    offers = {}
    for method, example_set in sets.items():
        pool = free if example_set.name.of_human_texts else human  # No text comes twice in one mix.
        repeats = repeats_of(example_set, sets)
        smallest, shown = min(len(one.rows) for one in repeats), max(one.shown for one in repeats)
        # The same for all repeats, so that their mixes are.
        dev_price = students.human_dev * prices[method].human
        offers[method] = Offer(prices[method], (len(pool), smallest), shown, dev_price=dev_price)
    evaluations = _evaluations(card, source, also=students.also_test)
    _check_unseen(card, human, sets, evaluations=evaluations, most=students.most_in_test)
    evaluations |= dev
    return _Pools(card, source, human, len(labeled), mixes.balanced, sets, offers, evaluations)


def _check_unseen(
    card: Card,
    human: Sequence[Row],
    sets: Mapping[str, ExampleSet],
    *,
    evaluations: Mapping[str, Evaluation],
    most: float,
) -> None:
    """Prints which examples to learn from repeat texts of an evaluation set, and refuses a set that holds many."""
    written = {method: one.rows for method, one in sets.items() if not one.name.of_human_texts}
    for test, evaluation in evaluations.items():
        tested = NearTexts([text_of(evaluation.card, row) for row in evaluation.rows])
        for name, rows in {"human": human, **written}.items():
            found = repeated([text_of(card, row) for row in rows], tested)
            if name in written and found.share > most:
                limit = f"`most_in_test` allows {most:g} of either: leave these examples out, or raise it."
                raise ValueError(f"Task {card.name!r}: {found.said(name, test)} {limit}")
            if found.pairs:
                print(found.said(name, test))


def _by_labels(rows: Sequence[Row], sets: dict[str, ExampleSet]) -> tuple[list[Row], list[Row]]:
    """The human examples that people alone labeled, and those that the teacher labeled too."""
    labeled = set[str]()
    for example_set in sets.values():
        if example_set.name.of_human_texts:
            labeled.update(row["id"] for row in example_set.rows)
    return [row for row in rows if row["id"] not in labeled], [row for row in rows if row["id"] in labeled]


def _without_dev(card: Card, human: Sequence[Row], *, n: int) -> tuple[list[Row], dict[str, Evaluation]]:
    """Splits off the last n human examples, which choose the best epoch of every student, as in arXiv 2310.20111. Every mix
    pays for them."""
    if not n:
        return list(human), {}
    if n >= len(human):
        raise ValueError(f"human_dev takes {n} of the {len(human)} human examples of {card.name!r}; leave some to learn from.")
    return list(human[:-n]), {DEV: Evaluation(card, list(human[-n:]))}


def _evaluations(card: Card, source: str | None, *, also: Sequence[str] = ()) -> dict[str, Evaluation]:
    """The task's own test split, and what else is named: another split of its source, or the test split of another task."""
    sets = {TEST: Evaluation(card, load(card, "test", source).to_list())}
    for name, other in other_tests(card, source, also).items():
        sets[name] = Evaluation(other.card, load(other.card, other.split, other.source).to_list())
    return sets


def runs_of(pools: _Pools, mixes: Mixes, *, seeds: int, seed: int = 1, shard: str = "1/1") -> list[Run]:
    """The runs of all mixes by price and by number; prints which mixes the pools cannot fill."""
    shares, synthetic_sizes, parts = mixes.shares, mixes.synthetic_sizes, mixes.parts
    if pools.people_alone:  # There are no synthetic examples.
        shares, synthetic_sizes, parts = [0] * bool(mixes.budgets), [0] * bool(mixes.human_sizes), [0]
    by_price = list[Cell]()
    for method, offer in pools.offers.items():
        names = {method, pools.sets[method].name.first_repeat.key}
        if not mixes.budget_methods or names & set(mixes.budget_methods):
            by_price += cells(method, mixes.budgets, shares=shares, offer=offer)
    sizes = {method: offer.pools for method, offer in pools.offers.items()}
    by_number, beyond = _mixes_of(sizes, human=mixes.human_sizes, synthetic=synthetic_sizes, totals=mixes.totals, parts=parts)
    runs = _runs_for([*by_price, *by_number], seeds, seed=seed, shard=shard)
    dry = sum(cell.dry for cell in by_price)
    print(f"{len(runs)} runs; {dry} of {len(by_price)} cells ask for more than a pool holds and get all of it")
    print(f"{len(beyond)} mixes by number ask for more than a pool holds and are left out", *beyond, sep="\n")
    return runs


def _mixes_of(
    pools: dict[str, tuple[int, int]],
    *,
    human: Sequence[int],
    synthetic: Sequence[int],
    totals: Sequence[int] = (),
    parts: Sequence[float] = (),
) -> tuple[list[_Mix], list[_Mix]]:
    """For each method, each human size with each synthetic one, and each total in each of the parts; and those of them that ask
    for more than a pool holds, human and synthetic."""
    sizes = [(n, m) for n in human for m in synthetic]
    sizes += [(total - round(total * part), round(total * part)) for total in totals for part in parts]
    fitting, beyond = dict[_Mix, None](), dict[_Mix, None]()
    for method, (most_human, most_synthetic) in pools.items():
        for n_human, n_synthetic in sizes:
            fits = n_human <= most_human and n_synthetic <= most_synthetic
            if n_human + n_synthetic:
                (fitting if fits else beyond)[_Mix(method if n_synthetic else NONE, n_human, n_synthetic)] = None
    return list(fitting), list(beyond)


def _runs_for(mixes: Sequence[Cell | _Mix], seeds: int, *, seed: int, shard: str = "1/1") -> list[Run]:
    """Each different mix once a seed. Of 16 shards, the third takes runs 3, 19, 35 and so on."""
    distinct = dict.fromkeys((mix.method, mix.n_human, mix.n_synthetic) for mix in mixes)
    runs = [Run(*mix, seed=number) for mix in distinct for number in range(seed, seed + seeds)]
    try:
        part, parts = (int(number) for number in shard.split("/"))
        if not 1 <= part <= parts:
            raise ValueError
    except ValueError:
        raise ValueError(f"A shard is written 3/16 (the third of sixteen), not {shard!r}.") from None
    return runs[part - 1 :: parts]


def device_of_shard(device: str, shard: str, *, cards: int) -> str:
    """Where several GPUs are in one machine and none is named, shards take one after another."""
    if cards < 2 or device not in ("auto", "cuda"):
        return device
    return f"cuda:{(int(shard.partition('/')[0]) - 1) % cards}"


def scores_of(
    pools: _Pools, runs: Sequence[Run], *, students: Students, kept: str, workers: int | None = None, shard: str = "1/1"
) -> DataFrame:
    """Trains every run and gives its score rows, with names, prices and pool sizes of the examples behind them."""
    device = device_of_shard(students.device, shard, cards=torch.cuda.device_count())
    recipe = students.recipe.model_copy(update={"device": device})
    synthetic = {method: example_set.rows for method, example_set in pools.sets.items() if method != NONE}
    scores = sweep(
        pools.card, pools.human, synthetic=synthetic, evaluations=pools.evaluations,
        runs=runs, recipe=recipe, kept=kept, workers=workers, labeled=pools.labeled, balanced=pools.balanced,
        shown={method: example_set.shown_ids for method, example_set in pools.sets.items()},
    )  # fmt: skip
    levels = {STUDENT_LEVELS: json.dumps(students.levels)} if students.levels else {}
    return _with_facts(scores, pools).assign(**levels)


def _with_facts(scores: DataFrame, pools: _Pools) -> DataFrame:
    """Score rows with names, prices and pool sizes of the example sets, and where the data are from."""
    card, name = pools.card, pools.source or pools.card.default_source
    offers, any_offer = pools.offers, next(iter(pools.offers.values()))
    whole = max(offer.pools[0] for offer in offers.values())
    teachers = {method: example_set.teacher for method, example_set in pools.sets.items()}
    columns: dict[str, object] = {
        "human_price": any_offer.prices.human,
        "human_pool": scores.method.map({method: offer.pools[0] for method, offer in offers.items()}).fillna(whole).astype(int),
        "human_shown": scores.method.map({method: offer.shown for method, offer in offers.items()}).fillna(0).astype(int),
        "human_dev": len(pools.evaluations[DEV].rows) if DEV in pools.evaluations else 0,
        "synthetic_price": scores.method.map({method: offer.prices.synthetic for method, offer in offers.items()}),
        "synthetic_pool": scores.method.map({method: offer.pools[1] for method, offer in offers.items()}),
        "teacher": scores.method.map(teachers).fillna(", ".join(sorted(set(teachers.values())))),
        "data": plotting.source_note(card, pools.source),
        "human_price_source": card.human_price.said,
        "data_source": card.sources[name].origin(name),
        "stand_in": card.sources[name].stand_in,
        "human_price_assumed": card.human_price.assumed,
    }
    sets = [None if method == NONE else pools.sets[method] for method in scores.method]
    facts = [set_names.as_columns(one and one.name) | _facts_of(one) for one in sets]
    return scores.assign(**columns).join(pd.DataFrame(facts, index=scores.index))


def _facts_of(example_set: ExampleSet | None) -> dict[str, object]:
    """The settings that a set was made with, what one of its own examples cost, the share of items that was kept and their
    number."""
    if example_set is None:
        return {SETTINGS: "", "set_price": nan, "set_kept": nan, "set_items": 0}
    settings = json.dumps(example_set.settings, ensure_ascii=False) if example_set.settings else ""
    facts = {"set_price": example_set.price, "set_kept": example_set.kept_share, "set_items": example_set.asked_for}
    return {SETTINGS: settings, **facts}
