"""What calls cost that brought nothing to use, by reason: 01 and 02 show it beside the rejected items."""

from collections import Counter
from collections.abc import Sequence

from pandas import DataFrame

from lib.core.pricing import dollars
from lib.teacher.client import Answer, Bill, lost_calls_of
from lib.teacher.parsing import CUT, CUT_THINKING

_MUCH = 0.1
"""Share of a bill from which on lost calls are said to be expensive."""
_REMEDIES = {CUT_THINKING: "raise reasoning_tokens", "timeout": "lower in_flight, or raise timeout"}


def lost_calls(answers: Sequence[Answer]) -> DataFrame:
    """Each reason with its number of calls and what they cost, or may have cost."""
    counts, costs = Counter[str](), Counter[str]()
    for answer in answers:
        for reason, nanodollars in lost_calls_of(answer):
            counts[reason] += 1
            costs[reason] += nanodollars
    remedies = _REMEDIES | {CUT: cut_remedy(answers)}
    rows = [(reason, count, dollars(costs[reason]), remedies.get(reason, "")) for reason, count in counts.most_common()]
    return DataFrame(rows, columns=["lost calls", "number", "dollars", "remedy"])


def cut_remedy(answers: Sequence[Answer]) -> str:
    """What max_tokens was where replies were cut at it, and what to set; empty if none was."""
    calls = [call for answer in answers for call in answer.replies]
    limits = [request.max_tokens for request, reply in calls if reply.problem == CUT]
    return f"max_tokens was {max(limits)}: set it to {2 * max(limits)}" if limits else ""


def say_if_expensive(answers: Sequence[Answer]) -> None:
    """Prints a line where lost calls took a good part of the money."""
    bill, lost = Bill().add(answers), lost_calls(answers)
    total = dollars(bill.nanodollars + bill.unsure_nanodollars)
    if lost.empty or lost.dollars.sum() <= _MUCH * total:
        return
    share, most = lost.dollars.sum() / total, lost.sort_values("dollars").iloc[-1]
    remedy = f" ({most.remedy})" if most.remedy else ""
    print(f"{share:.0%} of the money went to calls that brought nothing to use, most of it: {most['lost calls']}{remedy}.")
