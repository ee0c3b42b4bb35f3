"""What calls cost that brought nothing to use, by reason: 01 and 02 show it beside the rejected items."""

from collections import Counter
from collections.abc import Sequence

from pandas import DataFrame

from lib.core.pricing import dollars
from lib.teacher.client import Answer, Bill, lost_calls_of
from lib.teacher.parsing import CUT, CUT_THINKING

_MUCH = 0.1
"""Share of a bill from which on lost calls are said to be expensive."""
_REMEDIES = {
    CUT: "raise max_tokens, or lower per_reply",
    CUT_THINKING: "raise reasoning_tokens",
    "timeout": "lower in_flight, or raise timeout",
}


def lost_calls(answers: Sequence[Answer]) -> DataFrame:
    """Each reason with its number of calls and what they cost, or may have cost."""
    counts, costs = Counter[str](), Counter[str]()
    for answer in answers:
        for reason, nanodollars in lost_calls_of(answer):
            counts[reason] += 1
            costs[reason] += nanodollars
    rows = [(reason, count, dollars(costs[reason]), _REMEDIES.get(reason, "")) for reason, count in counts.most_common()]
    return DataFrame(rows, columns=["lost calls", "number", "dollars", "remedy"])


def say_if_expensive(answers: Sequence[Answer]) -> None:
    """Prints a line where lost calls took a good part of the money."""
    bill, lost = Bill().add(answers), lost_calls(answers)
    total = dollars(bill.nanodollars + bill.unsure_nanodollars)
    if lost.empty or lost.dollars.sum() <= _MUCH * total:
        return
    share, most = lost.dollars.sum() / total, lost.sort_values("dollars").iloc[-1]
    remedy = f"; to mend it, {most.remedy}" if most.remedy else ""
    print(f"{share:.0%} of the money went to calls that brought nothing to use, most of it: {most['lost calls']}{remedy}.")
