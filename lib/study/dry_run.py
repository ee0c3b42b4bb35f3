"""The highest cost of a study, and its limits, before it runs."""

import itertools
import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from lib.core import set_names
from lib.core.pricing import TokenPrice, nano
from lib.core.set_names import SetName
from lib.core.sources import Row
from lib.core.tasks import Card, load_rows, text_of
from lib.generation import METHODS, rephrasing_plan
from lib.generation.rephrasing import longest_rows
from lib.generation.sampler import BYTES_A_TOKEN, TOKENS_AN_OPTION, check_can_ask, longest_text
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import possible_requests
from lib.study.schema import Study, most_raw, plans_of, studies_by_task
from lib.teacher.backends import teacher_price
from lib.teacher.client import TRIES, Request

_UNREAD = 2000
"""Bytes that a field of an example is taken to have in a dry run that cannot read the example."""
_UNREAD_CHOICE, _MOST_CHOICES = 100, 5
"""Bytes of a choice, and number of choices, then."""


def budget_of(study: Study, requested: object) -> float | None:
    """Dollars for the teacher: those requested for this run, else those of the study."""
    try:
        budget = study.budget if requested is None else float(str(requested))
    except ValueError:
        budget = float("nan")
    if budget is not None and not 0 <= budget < float("inf"):
        raise ValueError(f"A budget is a number of dollars from 0 up, not {requested!r}.")
    return budget


def check_budget(study: Study, teacher: str, budget: float | None) -> None:
    """Refuses a run that could cost money before its first notebook starts."""
    paid = [name for name, price in _prices_of(study, teacher).items() if price.input or price.output]
    if budget is None and paid:
        raise ValueError(f"Say how many dollars the study may spend on teacher {paid[0]!r} at most: BUDGET=5.")


def _is_free(study: Study, teacher: str) -> bool:
    """Whether no reply of a teacher costs anything."""
    prices = _prices_of(study, teacher)
    refiners = [prices[name] for name in prices if name not in study.teachers(teacher)]
    return not any(price.input or price.output or price.hour for price in [prices[teacher], *refiners])


def check_teacher(study: Study, teacher: str) -> None:
    """Refuses a teacher that a method cannot ask, one without a price, or one without costs whose examples no budget could be
    shared with."""
    for asked in study.teachers(teacher):
        for card, own in studies_by_task(study).values():
            for method in own.generation.methods:
                check_can_ask(METHODS[method], card, completion=study.completes(asked))
        if asked != "recorded" and _is_free(study, asked) and not study.budgets.synthetic_price:
            raise ValueError(
                f"Teacher {asked!r} costs nothing, so any share of a budget buys any number of its examples: say in the study "
                "what one is worth, as in `budgets: {synthetic_price: 0.001}` (the machine's time, say)."
            )


def _prices_of(study: Study, teacher: str) -> dict[str, TokenPrice]:
    """The prices of all teachers, and of those that mend what they wrote. Recorded replies cost nothing."""
    prices = {asked: _price_of(study, asked) for asked in study.teachers(teacher) if asked != "recorded"}
    if not prices:
        return {}
    stated, base_url = _stated_prices(study), _base_url(study)
    for _, own in studies_by_task(study).values():
        refiner, place = own.generation.refiner, own.generation.refiner_url
        if refiner and refiner not in prices:
            machine_price = None if place else study.machine_price
            prices[refiner] = teacher_price(refiner, stated, place or base_url, machine_price=machine_price)
    return prices


def _price_of(study: Study, teacher: str) -> TokenPrice:
    return teacher_price(teacher, _stated_prices(study), _base_url(study), machine_price=study.machine_price_of(teacher))


def _stated_prices(study: Study) -> dict[str, dict[str, Any]]:
    return {model: price.model_dump() for model, price in study.token_prices.items()}


def _base_url(study: Study) -> str | None:
    return study.base_url or os.environ.get("OPENAI_BASE_URL")


class _Part(NamedTuple):
    """The possible requests of a part of a study, each at its longest, and the dollars at which the part ends."""

    teacher: str
    requests: list[Request]
    dollars: float | None = None
    refiner: str | None = None
    """Whom those of its requests go to that do not continue a text; None: to the teacher, as all others."""


def _plans(study: Study, teacher: str = "recorded") -> dict[str, _Part]:
    """All parts of a study."""
    parts, unread = dict[str, _Part](), set[str]()
    for card, own in studies_by_task(study).values():
        if own.asks:
            parts |= _writing_parts(card, own, teacher, unread) | _labeling_parts(card, own, teacher, unread)
    return parts


def _writing_parts(card: Card, own: Study, teacher: str, unread: set[str]) -> dict[str, _Part]:
    """What 01 can ask for a task, by set."""
    parts = dict[str, _Part]()
    other = own.generation.raw_source
    raw, of_raw = _rows_to_price(card, own.source, "train", most_raw(own), unread)
    shown, of_shown = _rows_to_price(card, other, "train", most_raw(own), unread) if other else (None, of_raw)
    for key, plan in plans_of(card, own, raw, shown=shown, teacher=teacher).items():
        at_levels = own.at(plan.name).generation
        refiner = at_levels.refiner if "refiner" in plan.method.uses else None
        note = "" if not plan.method.reads_human else of_shown if "raw_source" in plan.method.uses else of_raw
        parts[f"01 {card.name} {key}{note}"] = _Part(
            own.teacher_of(plan.name, teacher), plan.possible_requests(), at_levels.dollars, refiner
        )
    for key, name in own.reworded.items():
        at_levels = own.at(name).generation
        settings = GenerationSettings(max_tokens=at_levels.max_tokens, rephrase_rounds=at_levels.rephrase_rounds)
        rows = longest_rows(card, at_levels.n, at_levels.max_tokens)
        plan = rephrasing_plan(card, rows, settings=settings, name=set_names.find(key))
        parts[f"01 {card.name} {key}"] = _Part(own.teacher_of(name, teacher), plan.possible_requests(), at_levels.dollars)
    return parts


def _labeling_parts(card: Card, own: Study, teacher: str, unread: set[str]) -> dict[str, _Part]:
    """What 02 can ask for a task, by set."""
    parts = dict[str, _Part]()
    raw, _ = _rows_to_price(card, own.source, "train", most_raw(own), unread)

    def add(title: str, name: SetName, rows: Sequence[Row], way: str) -> None:
        at_levels, asked = own.at(name), own.teacher_of(name, teacher)
        shown, completion = raw[: at_levels.raw], own.completes(asked)
        requests = possible_requests(card, rows, method=way, raw=shown, options=at_levels.labeling, completion=completion)
        parts[f"02 {card.name} {title}"] = _Part(asked, requests)

    for name, n in own.labeled_sets:
        rows, note = _rows_to_price(card, own.source, "train", n, unread)
        add(f"{name.key.removeprefix('labeled_')}{note}", name, rows, name.labels_by)
    for name, n in own.test_labels.values():
        rows, note = _rows_to_price(card, own.source, "test", n, unread)
        add(f"{name.key.removeprefix('labeled_')} test{note}", name, rows, name.labels_by)
    for labels, (_, way) in own.relabeled.items():
        name = set_names.find(labels)
        writing, note = own.at(name).generation, _rows_to_price(card, own.source, "train", 1, unread)[1]
        add(f"{labels}{note}", name, _longest_written(card, raw, writing.n, writing.max_tokens), way)
    return parts


def _longest_written(card: Card, raw: Sequence[Row], n: int, max_tokens: int | None) -> list[Row]:
    """Examples of 01 that 02 labels, as long as a reply can make them."""
    if card.task_kind.dialogues:
        longest = max(raw, key=lambda row: len(text_of(card, row)))
        turns = [turn | {"text": turn["text"] * 2} for turn in longest["turns"]]  # As long as Dialogues.room lets them be.
        return [longest | {"id": str(number), "turns": turns, "frames": []} for number in range(n)]
    texts = dict.fromkeys(card.fields, longest_text(max_tokens))
    choices = ["x" * BYTES_A_TOKEN * TOKENS_AN_OPTION] * max((len(row.get("choices") or ()) for row in raw), default=0)
    return [texts | {"id": str(number), "choices": choices} for number in range(n)]


def _rows_to_price(card: Card, source: str | None, split: str, n: int, unread: set[str]) -> tuple[list[Row], str]:
    """The first examples of a split and an empty note; or, where they cannot be read (no network), long ones and a note.

    `unread` holds the places that could not be read, so that a hub without an answer (half a minute) is tried only once.
    """
    hub = card.sources[source or card.default_source].hub and not os.environ.get("HUB_MIRROR")
    place = "hub" if hub else card.name
    if place not in unread:
        try:
            return load_rows(card, split, source)[:n], ""
        except ValueError:
            unread.add(place)
    choices = {"choices": ["x" * _UNREAD_CHOICE] * _MOST_CHOICES} if card.task_kind.answers_with == "choice" else {}
    labels = itertools.cycle(card.labels or ["x" * _UNREAD_CHOICE])
    long = [{"id": str(i), **dict.fromkeys(card.fields, "x" * _UNREAD), **choices, "label": next(labels)} for i in range(n)]
    return long, f" (data not at hand: {_UNREAD} bytes a field)"


def _highest_costs(study: Study, teacher: str) -> dict[str, int]:
    """The highest cost of each part in nanodollars: each request at its longest, in all its tries; at most the dollars of a set
    that has a limit."""
    prices, costs = _prices_of(study, teacher), dict[str, int]()
    for name, part in _plans(study, teacher).items():
        longest = [request.with_room(study.reasoning_tokens) for request in part.requests]
        asked = [part.teacher if request.completion else part.refiner or part.teacher for request in longest]
        if part.teacher == "recorded":
            continue
        costs[name] = sum(TRIES * prices[who].nanodollars(request.worst()) for who, request in zip(asked, longest, strict=True))
        if part.dollars is not None:
            costs[name] = min(costs[name], nano(part.dollars))
    return costs


def cost_lines(study: Study, teacher: str, budget: float | None) -> list[str]:
    """The lines of a dry run about cost."""
    if not any(own.asks for _, own in studies_by_task(study).values()):
        return ["  is asked nothing, and costs nothing"]
    asked = [name for name in study.teachers(teacher) if name != "recorded"]
    if not asked:
        return ["  replays data/recordings and costs nothing"]
    if all(_is_free(study, name) for name in asked):
        return ["  costs nothing, as token_prices say, and needs no BUDGET"]
    prices = _prices_of(study, teacher)
    machines = [_machine_line(name, prices[name], len(asked) > 1) for name in asked if prices[name].hour]
    if not any(price.input or price.output for price in prices.values()):
        return machines
    costs = _highest_costs(study, teacher)
    total = sum(costs.values())
    lines = machines + [f"  {part:<40} at most ${_cents(cost)}" for part, cost in costs.items()]
    most = total if budget is None else min(total, nano(budget))
    lines.append(f"Highest cost: ${_cents(most)}, {_limit_text(total, budget, _ends_at_dollars(study))}.")
    return lines


def _machine_line(teacher: str, price: TokenPrice, one_of_several: bool) -> str:
    return f"  {f'{teacher} ' * one_of_several}costs the time of its machine, ${price.hour} an hour"


def _cents(cost: int) -> str:
    """Nanodollars in dollars and cents, rounded up, as a highest cost must not be too low."""
    return f"{-(-cost // 10_000_000) / 100:.2f}"


def _ends_at_dollars(study: Study) -> bool:
    """Whether a set of 01 has a limit in dollars."""
    return any(own.generation.methods and own.generation.dollars for _, own in studies_by_task(study).values())


def _limit_text(total: int, budget: float | None, own_dollars: bool) -> str:
    """What limits the cost of a study."""
    longest = f"if every reply is at its longest and asked {TRIES} times" + " until a set's own dollars are spent" * own_dollars
    if budget is None:
        return f"{longest}; no budget is set, and without one a teacher that costs money is not asked (BUDGET=5)"
    return longest if total <= nano(budget) else f"the budget; {longest}, it would be ${_cents(total)}"
