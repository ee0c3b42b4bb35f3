"""The highest cost of a study, and its limits, before it runs."""

import itertools
import os
from collections.abc import Sequence
from typing import NamedTuple

from lib.core.pricing import TokenPrice, nano
from lib.core.sources import Row
from lib.core.tasks import Card, load, text_of
from lib.generation import METHODS, rephrasing_plan
from lib.generation.rephrasing import longest_rows
from lib.generation.sampler import BYTES_A_TOKEN, TOKENS_AN_OPTION, check_can_ask, longest_text
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import possible_requests
from lib.study.schema import Study, plans_of, studies_by_task
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
    return not any(price.input or price.output or price.hour for price in _prices_of(study, teacher).values())


def check_teacher(study: Study, teacher: str) -> None:
    """Refuses a teacher that a method cannot ask, one without a price, or one without costs whose examples no budget could be
    shared with."""
    completion = study.completes(teacher)
    for card, own in studies_by_task(study).values():
        for method in own.generation.methods:
            check_can_ask(METHODS[method], card, completion=completion)
    if teacher == "recorded":
        return
    if _is_free(study, teacher) and not study.budgets.synthetic_price:
        raise ValueError(
            f"Teacher {teacher!r} costs nothing, so any share of a budget buys any number of its examples: say in the study "
            "what one is worth, as in `budgets: {synthetic_price: 0.001}` (the machine's time, say)."
        )


def _prices_of(study: Study, teacher: str) -> dict[str, TokenPrice]:
    """The price of the teacher, and of those that mend what it wrote. Recorded replies cost nothing."""
    if teacher == "recorded":
        return {}
    stated = {model: price.model_dump() for model, price in study.token_prices.items()}
    base_url = study.base_url or os.environ.get("OPENAI_BASE_URL")
    prices = {teacher: teacher_price(teacher, stated, base_url, machine_price=study.machine_price)}
    for _, own in studies_by_task(study).values():
        refiner, place = own.generation.refiner, own.generation.refiner_url
        if refiner and refiner not in prices:
            machine_price = None if place else study.machine_price
            prices[refiner] = teacher_price(refiner, stated, place or base_url, machine_price=machine_price)
    return prices


class _Part(NamedTuple):
    """The possible requests of a part of a study, each at its longest, and the dollars at which the part ends."""

    requests: list[Request]
    dollars: float | None = None
    refiner: str | None = None
    """Whom those of its requests go to that do not continue a text; None: to the teacher, as all others."""


def _plans(study: Study, teacher: str = "recorded") -> dict[str, _Part]:
    """All parts of a study."""
    parts, unread, completion = dict[str, _Part](), set[str](), study.completes(teacher)
    for card, own in studies_by_task(study).values():
        if not own.asks:
            continue
        raw, note = _rows_to_price(card, own, "train", own.raw, unread)
        writing, ways = own.generation, own.labeling
        for key, plan in plans_of(card, own, raw, completion=completion).items():
            parts[f"01 {card.name} {key}{note if plan.method.reads_human else ''}"] = _Part(
                plan.possible_requests(), writing.dollars, writing.refiner if "refiner" in plan.method.uses else None
            )
        for name in writing.reworded.values():
            settings = GenerationSettings(max_tokens=writing.max_tokens)
            plan = rephrasing_plan(card, longest_rows(card, writing.n, writing.max_tokens), settings=settings, name=name)
            parts[f"01 {card.name} {name.key}"] = _Part(plan.possible_requests(), writing.dollars)
        for method, split, n in ways.parts:
            pool, note = _rows_to_price(card, own, split, n, unread)
            requests = possible_requests(card, pool, method=method, raw=raw, options=ways, completion=completion)
            parts[f"02 {card.name} {method}{'' if split == 'train' else f' {split}'}{note}"] = _Part(requests)
        for labels, (_, way) in own.relabeled.items():
            rows = _longest_written(card, raw, writing.n, writing.max_tokens)
            requests = possible_requests(card, rows, method=way, raw=raw, options=ways, completion=completion)
            parts[f"02 {card.name} {labels}{note}"] = _Part(requests)
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


def _rows_to_price(card: Card, own: Study, split: str, n: int, unread: set[str]) -> tuple[list[Row], str]:
    """The first examples of a split and an empty note; or, where they cannot be read (no network), long ones and a note.

    `unread` holds the places that could not be read, so that a hub without an answer (half a minute) is tried only once.
    """
    hub = card.sources[own.source or card.default_source].hub and not os.environ.get("HUB_MIRROR")
    place = "hub" if hub else card.name
    if place not in unread:
        try:
            return load(card, split, own.source).to_list()[:n], ""
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
        asked = [teacher if request.completion else part.refiner or teacher for request in longest]
        costs[name] = sum(TRIES * prices[who].nanodollars(request.worst()) for who, request in zip(asked, longest, strict=True))
        if part.dollars is not None:
            costs[name] = min(costs[name], nano(part.dollars))
    return costs


def cost_lines(study: Study, teacher: str, budget: float | None) -> list[str]:
    """The lines of a dry run about cost."""
    if not any(own.asks for _, own in studies_by_task(study).values()):
        return ["  is asked nothing, and costs nothing"]
    if teacher == "recorded":
        return ["  replays data/recordings and costs nothing"]
    if _is_free(study, teacher):
        return ["  costs nothing, as token_prices say, and needs no BUDGET"]
    prices = _prices_of(study, teacher)
    machines = [f"  costs the time of its machine, ${price.hour} an hour" for price in [prices[teacher]] if price.hour]
    if not any(price.input or price.output for price in prices.values()):
        return machines
    costs = _highest_costs(study, teacher)
    total = sum(costs.values())
    lines = machines + [f"  {part:<40} at most ${_cents(cost)}" for part, cost in costs.items()]
    most = total if budget is None else min(total, nano(budget))
    lines.append(f"Highest cost: ${_cents(most)}, {_limit_text(total, budget, _ends_at_dollars(study))}.")
    return lines


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
