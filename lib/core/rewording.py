"""What a reworded set was after each round of rewording, from the columns of its examples."""

from collections.abc import Sequence
from typing import NamedTuple

from lib.core.sources import Row

REWORDED = "rephrased"
"""The step in the name of a set whose examples were reworded (`SetName.derived`)."""
WORDINGS, ROUND_DOLLARS = "wordings", "round_dollars"
"""The columns of a set that was reworded in several rounds: for each example its wording before and after each round, and the
dollars of each round. A set of one round has `rephrased_from` and `dollars` alone."""


class RewordedRound(NamedTuple):
    """A set as it was after a round; round 0 is as it was bought."""

    number: int
    rows: list[Row]
    dollars: float
    """Of all rounds up to this one."""


def rounds_of(field: str, rows: Sequence[Row]) -> list[RewordedRound]:
    """A set after each of its rounds, the last of which it is now; `field` is what was reworded."""
    histories = [_history(field, row) for row in rows]
    rounds, spent = list[RewordedRound](), 0.0
    for number in range(len(histories[0][0])):
        spent += sum(dollars[number - 1] for _, dollars in histories) if number else 0.0
        then = [row | {field: wordings[number]} for row, (wordings, _) in zip(rows, histories, strict=True)]
        rounds.append(RewordedRound(number, then, spent))
    return rounds


def _history(field: str, row: Row) -> tuple[Sequence[str], Sequence[float]]:
    """The wordings of an example, before and after each round, and the dollars of each round."""
    if row.get(WORDINGS):
        return row[WORDINGS], row[ROUND_DOLLARS]
    return [row.get("rephrased_from") or row[field], row[field]], [row["dollars"]]
