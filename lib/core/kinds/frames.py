"""Dialogues with semantic frames: a trigger of some type, and arguments with their roles (arXiv 2410.06550)."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
from pandas import DataFrame

from lib.core import metrics
from lib.core.kinds.base import Classes, Kind, Place, check_known, check_offsets, checked_text, listed, with_mark
from lib.core.sources import Row, Source

_AVERAGES = ("weighted", "micro", "macro")
_DETAIL_ROLES = ("Amount", "Time", "Instrument")
"""The roles that say how much, how long and what with, where a card has them."""


class Frames(Kind):
    """The labels of a card are frame types, its roles those of arguments; a place of a frame is its trigger."""

    name = "frames"
    answers_with = "frames"
    score_names = tuple(f"{part}_{average}_f1" for part in ("trigger", "argument") for average in _AVERAGES)
    also_shown = ("trigger_weighted_f1", "argument_weighted_f1")
    lists = ("turns", "frames")
    contents_note = "Entities: different places that are an argument. In the text: found by patterns, in all of what is said."

    def check_card(self, card: Classes) -> None:
        if not (card.labels and card.roles):
            raise ValueError("labels, roles: a frames task needs its frame types and its roles, each with its meaning")

    def checked(self, card: Classes, source: Source, row: Row, label: Any) -> Row | None:
        turns = [checked_text(turn.get("text", ""), "turns") for turn in listed(row, "turns")]
        for number, frame in enumerate(listed(row, "frames"), start=1):
            check_known(frame, "type", card.labels, f"frame {number}")
            for argument in listed(frame, "arguments"):
                check_known(argument, "role", card.roles, f"frame {number}")
            for span in [frame.get("trigger"), *frame["arguments"]]:
                check_offsets(span, turns, f"frame {number}")
        return row

    def gold(self, row: Row) -> Any:
        return [_gold_frame(frame) for frame in row["frames"]]

    def scores(self, gold: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
        triggers = metrics.matched(trigger_items(gold), trigger_items(answers))
        arguments = metrics.matched(argument_items(gold), argument_items(answers))
        return metrics.averages(triggers, "trigger_") | metrics.averages(arguments, "argument_")

    def items(self, answers: Sequence[Any]) -> dict[str, list[tuple[Any, ...]]]:
        return {"trigger_": list(trigger_items(answers)), "argument_": list(argument_items(answers))}

    def places(self, answer: Any) -> dict[Place, str]:
        return {place_of(frame["trigger"]): frame["type"] for frame in answer}

    def by_class(self, gold: Sequence[Any], answers: Sequence[Any]) -> DataFrame:
        """Of the types of triggers, then of the roles of arguments."""
        triggers = metrics.matched(trigger_items(gold), trigger_items(answers))
        arguments = metrics.matched(argument_items(gold), argument_items(answers))
        return pd.concat({"trigger": metrics.by_class(*triggers), "argument": metrics.by_class(*arguments)})

    def text(self, card: Classes, row: Row) -> str:
        """What is said, without the speakers: names that stand in every dialogue would make all look alike."""
        return "\n".join(turn["text"] for turn in row["turns"])

    def show(self, card: Classes, row: Row, place: Place) -> str:
        turn, start, end = place
        return with_mark(row["turns"][turn]["text"], start, end)

    def classes(self, card: Classes) -> dict[str, list[str]]:
        return {"frame type": list(card.labels), "role": list(card.roles)}

    def labels_of(self, row: Row) -> dict[str, list[str]]:
        roles = [argument["role"] for frame in row["frames"] for argument in frame["arguments"]]
        return {"frame type": [frame["type"] for frame in row["frames"]], "role": roles}

    def contents(self, card: Classes, row: Row) -> dict[str, float]:
        arguments = [argument for frame in row["frames"] for argument in frame["arguments"]]
        roles = Counter(argument["role"] for argument in arguments)
        details = {f"role_{role}": roles[role] for role in _DETAIL_ROLES if role in card.roles}
        return {"entities": len(set(map(place_of, arguments))), "frames_a_text": len(row["frames"]), **details}


def place_of(span: Row) -> tuple[int, int, int]:
    """Turn, start and end of a trigger or an argument."""
    return span["turn"], span["start"], span["end"]


def trigger_items(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Each trigger of each dialogue: its place and the type of its frame."""
    for number, frames in enumerate(rows):
        yield from ((number, *place_of(frame["trigger"]), frame["type"]) for frame in frames)


def argument_items(rows: Sequence[Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
    """Each argument of each dialogue: the place of its trigger, its own place and its role."""
    for number, frames in enumerate(rows):
        for frame in frames:
            trigger = place_of(frame["trigger"])
            yield from ((number, *trigger, *place_of(argument), argument["role"]) for argument in frame["arguments"])


def _gold_frame(frame: Row) -> Row:
    arguments = [{"role": argument["role"], **_span(argument)} for argument in frame["arguments"]]
    return {"type": frame["type"], "trigger": _span(frame["trigger"]), "arguments": arguments}


def _span(span: Row) -> Row:
    """Where a trigger or an argument is, without what else is known of it."""
    return {name: span[name] for name in ("turn", "start", "end")}


def labeled_only(row: Row) -> Row:
    """A dialogue without the turns whose frames are not all known, as a student is to see it."""
    gaps = set(row.get("unlabeled_turns") or ())
    if not gaps:
        return row
    kept = [turn for turn in range(len(row["turns"])) if turn not in gaps]
    numbers = {turn: number for number, turn in enumerate(kept)}
    frames = [_renumbered(frame, numbers) for frame in row["frames"] if frame["trigger"]["turn"] in numbers]
    return row | {"turns": [row["turns"][turn] for turn in kept], "frames": frames, "unlabeled_turns": []}


def _renumbered(frame: Row, numbers: dict[int, int]) -> Row:
    """A frame whose turns have new numbers, without the arguments in turns that have none."""
    kept = [argument for argument in frame["arguments"] if argument["turn"] in numbers]
    arguments = [argument | {"turn": numbers[argument["turn"]]} for argument in kept]
    trigger = frame["trigger"] | {"turn": numbers[frame["trigger"]["turn"]]}
    return {"type": frame["type"], "trigger": trigger, "arguments": arguments}
