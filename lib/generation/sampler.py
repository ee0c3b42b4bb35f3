"""What came of asking a teacher to write, by whatever plan: what is kept, what is not and why, and what it cost."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lib.core.pricing import dollars, nano
from lib.core.sources import Row
from lib.teacher.client import OVER_CAP, TRIES, Answer, Bill, Request, Teacher, TeacherError


@dataclass
class Written:
    """What came of a plan: the examples, the items that were not kept and why, and the bill."""

    examples: list[Row] = field(default_factory=list)
    rejected: list[Row] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    list_answers: list[Answer] = field(default_factory=list)
    """Those of the answers that list topics or attributes."""
    have: Counter[str] = field(default_factory=Counter)
    """Kept examples of each label."""
    shown: set[str] = field(default_factory=set)
    """Human examples that prompts showed, whatever came of them."""
    out_of_money: bool = False
    """Whether the plan's own dollars, not the study's, ended it."""
    stalled: bool = False
    """Whether it ended because nothing new came any more."""

    @property
    def bill(self) -> Bill:
        return Bill().add(self.answers)

    @property
    def stopped_by_cap(self) -> bool:
        return any(answer.problem == OVER_CAP for answer in self.answers)

    def require(self, plan: Any) -> None:
        """Stops where nothing was kept, and says why; fewer than wanted is said but is a result."""
        wanted = f"{plan.card.name} {plan.method}: {len(self.examples)} of {plan.n} examples kept"
        reasons = ", ".join(f"{row['items']} {row['outcome']}" for row in self.account() if row["outcome"] != "kept")
        more = " The dollar limit was reached: raise BUDGET for more." if self.stopped_by_cap else ""
        more += f" The set's own limit of ${plan.dollars:g} was reached." if self.out_of_money else ""
        more += " Nothing new came any more, so no more was asked for." if self.stalled else ""
        if not self.examples:
            raise TeacherError(f"{wanted} ({reasons or 'nothing came back'}). What was paid for is stored.{more}")
        if len(self.examples) < plan.n:
            print(f"{wanted} ({reasons or 'no more were asked for'}).{more}")

    def account(self) -> list[Row]:
        """Items and dollars by outcome, replies that brought no items and lists of topics included: it adds up to the bill."""
        rows = [("kept", row) for row in self.examples] + [(row["outcome"], row) for row in self.rejected]
        rows += [("topics or attributes", {"dollars": cost_of(answer)}) for answer in self.list_answers]
        counts = Counter(outcome for outcome, _ in rows)
        return [
            {"outcome": outcome, "items": count, "dollars": sum(row["dollars"] for name, row in rows if name == outcome)}
            for outcome, count in counts.items()
        ]


def affordable(limit: float | None, teacher: Teacher, written: Written, requests: Sequence[Request]) -> int:
    """How many of the requests a set's own dollars pay for, each at its worst, in all its tries."""
    if limit is None:
        return len(requests)
    left = nano(limit) - written.bill.nanodollars
    for count, request in enumerate(requests):
        left -= TRIES * teacher.price.nanodollars(request.worst())
        if left < 0:
            written.out_of_money = True
            return count
    return len(requests)


def cost_of(answer: Answer) -> float:
    return dollars(Bill().add([answer]).nanodollars)
