"""A teacher is opened by its name: `recorded` replays data/recordings, `local` runs on this machine, `batch:MODEL` exchanges
batch files, and any other name is a model at an OpenAI-compatible endpoint."""

import os
from pathlib import Path

from lib.core import paths
from lib.core.pricing import TokenPrice, hourly_price, nano, token_price
from lib.teacher.batch import BatchFiles
from lib.teacher.client import Teacher
from lib.teacher.keys import check_address
from lib.teacher.ledger import Store
from lib.teacher.recorded import Recorded
from lib.teacher.settings import Calls, is_local

_TWO_CORES = 0.085
"""Dollars an hour of two cores and four GiB, as clouds rent them; assumed, to be set by `machine_price`."""


def open_teacher(
    name: str,
    *,
    study: str = "none",
    budget: float | None = None,
    base_url: str | None = None,
    token_prices: dict[str, dict[str, float]] | None = None,
    machine_price: float | None = None,
    completion: bool | None = None,
    reasoning_tokens: int = 0,
    priced_as: str = "gpt-4",
    store: str | Path = "runs/teacher.sqlite",
    recordings: str | Path = paths.RECORDINGS,
    batches: str | Path = "runs/batches",
    in_flight: int = 64,
    timeout: float | None = None,
    retries: int = 7,
) -> Teacher:
    """The teacher of that name. Whatever can cost money needs a price and a budget before it is asked anything."""
    if name == "recorded":
        teacher: Teacher = Recorded(paths.resolve(recordings), token_price(priced_as, token_prices))
    else:
        _check_study(study)
        base_url = base_url or os.environ.get("OPENAI_BASE_URL") or None
        price = teacher_price(name, token_prices, base_url, machine_price=machine_price)
        _check_budget(name, price, budget)
        ledger = Store(store, study, cap=None if budget is None else nano(budget))
        calls = Calls(in_flight=in_flight, timeout=timeout, retries=retries)
        teacher = _paid_teacher(name, price, ledger, base_url=base_url, calls=calls, batches=batches)
    teacher.reasoning_tokens = reasoning_tokens
    return teacher


def _check_study(study: str) -> None:
    if not paths.is_plain_name(study):
        raise ValueError(f"`study` says whose spending a budget caps, by a plain name such as mine, not {study!r}.")


def _check_budget(name: str, price: TokenPrice, budget: float | None) -> None:
    if budget is None and (price.input or price.output):
        raise ValueError(f"Teacher {name!r} costs money: say how many dollars the study may spend at most (BUDGET=5).")
    if budget is not None and not 0 <= budget < float("inf"):
        raise ValueError(f"A budget is a number of dollars from 0 up, not {budget!r}.")


def _paid_teacher(
    name: str, price: TokenPrice, ledger: Store, *, base_url: str | None, calls: Calls, batches: str | Path
) -> Teacher:
    """One whose replies are new: batch files, a model on this machine or one at an endpoint."""
    model = name.removeprefix("batch:")
    if model != name:
        return BatchFiles(model, price, store=ledger, folder=paths.resolve(batches))
    if is_local(name):
        from lib.teacher import local  # Here, as below.

        return local.Local(local.find_weights(name), price, store=ledger, calls=calls)
    from lib.teacher.endpoint import Endpoint  # Here, so that nobody waits for openai who asks no endpoint.

    return Endpoint(model, price, store=ledger, base_url=base_url, calls=calls)


def teacher_price(
    name: str,
    token_prices: dict[str, dict[str, float]] | None,
    base_url: str | None,
    *,
    machine_price: float | None = None,
) -> TokenPrice:
    """What a teacher costs: its tokens, or its machine's time; batch files at half the list price, as the Batch API bills."""
    check_address(base_url)
    if machine_price is not None or is_local(name):
        return hourly_price(_TWO_CORES if machine_price is None else machine_price)
    model = name.removeprefix("batch:")
    price = token_price(model, token_prices, base_url)
    listed = model not in (token_prices or {})
    return price.model_copy(update={"discount": price.discount / 2}) if model != name and listed else price
