"""What was asked and what came back, to be read in 01 and 02: prompts in full, raw replies, items that were not kept."""

import textwrap
from collections.abc import Iterator, Sequence
from functools import partial

import pandas as pd
from pandas import DataFrame

from lib.core.sources import Row
from lib.teacher.client import Answer

_SHOWN = 3
"""Replies of one kind, and rejected items, that are enough to see what came."""
_LONGEST = 20_000
"""Characters of a reply that are shown."""
_WIDTH = 120


def shown_exchanges(answers: Sequence[Answer]) -> str:
    """The first request of each kind in full with its raw reply, and the raw replies to the next ones. Kinds differ in what a
    reply holds: topics or examples, say."""
    kinds: dict[tuple[str, ...], list[Answer]] = {}
    for answer in sorted(answers, key=lambda answer: answer.text is None):  # Usable ones first.
        kinds.setdefault(_kind_of(answer), []).append(answer)
    return "\n".join(line for kind, each in kinds.items() for line in _of_one_kind(kind, each))


def _kind_of(answer: Answer) -> tuple[str, ...]:
    return tuple((answer.request.schema or {}).get("properties", ()))


def _of_one_kind(kind: tuple[str, ...], answers: Sequence[Answer]) -> Iterator[str]:
    what = f" for {', '.join(kind)}" if kind else ""
    yield f"==== The first of {len(answers)} requests{what} ===="
    for message in answers[0].request.messages:
        yield f"---- {message['role']}:\n{_wrapped(message['content'])}"
    yield f"---- its raw reply:\n{_raw(answers[0])}"
    for number, answer in enumerate(answers[1:_SHOWN], start=2):
        yield f"---- the raw reply to request {number}:\n{_raw(answer)}"


def _raw(answer: Answer) -> str:
    """The reply that was used; else the last one, with what is wrong with it."""
    if answer.text is None and not answer.replies:
        return f"(none: {answer.problem})"
    text = answer.replies[-1][1].text if answer.text is None else answer.text
    more = f"\n({len(text) - _LONGEST:,} more characters)" if len(text) > _LONGEST else ""
    problem = f"\n(not used: {answer.problem})" if answer.text is None else ""
    return _wrapped(text[:_LONGEST]) + more + problem


def _wrapped(text: str) -> str:
    """Long lines broken at spaces; nothing else is changed."""
    fill = partial(textwrap.fill, width=_WIDTH, replace_whitespace=False, expand_tabs=False, break_on_hyphens=False)
    return "\n".join(map(fill, text.split("\n")))


def some_rejected(rejected: Sequence[Row]) -> DataFrame:
    """Three items that were not kept, each with its reason; of different reasons, where there are."""
    first_places = {row["outcome"]: place for place, row in reversed(list(enumerate(rejected)))}.values()
    others = [place for place in range(len(rejected)) if place not in first_places]
    chosen = [*sorted(first_places), *others][:_SHOWN]
    table = pd.DataFrame([rejected[place] for place in chosen])
    return table[[name for name in ("outcome", "item", "turn", "text", "label", "again", "reply") if name in table]]
