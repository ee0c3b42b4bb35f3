"""A base model writes, and a model that answers mends each draft: BARE (2502.01697), base-refine.

A base model's texts vary more than those of a model that was taught to please, and are worse one by one. So the drafts are
continued lines, and each goes, alone, to the `refiner`: another teacher, or the same one, asked by chat. Both are on the bill.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from lib.core.sources import Row
from lib.core.tasks import Card
from lib.core.text import Seen
from lib.generation.conditioned import CHAT_ONLY, FewShot3
from lib.generation.sampler import PATIENCE, TOKENS_A_FIELD, Call, Method, ReplyItem, Written, cost_of, longest_text
from lib.generation.settings import GenerationSettings
from lib.teacher import parsing, prompts
from lib.teacher.backends import open_teacher
from lib.teacher.client import Answer, Request, Teacher
from lib.teacher.two_teachers import TwoTeachers


class _Draft(NamedTuple):
    """What the base model wrote, and the columns that say how."""

    row: Row
    marks: Row


class BaseThenRefine(FewShot3):
    name, about = "base_then_refine", "a base model continues three human examples, and a model that answers mends each draft"
    uses = FewShot3.uses - CHAT_ONLY | {"refiner", "refiner_url"}

    @classmethod
    def fits(cls, card: Card) -> bool:
        return card.task_kind.fixed_labels

    @classmethod
    def only_continues(cls, card: Card) -> bool:
        return True

    def begin(self, lists: dict[str, list[Any]], written: Written) -> None:
        super().begin(lists, written)
        self.refining = False
        self.drafts: list[_Draft] = []
        """Those that wait to be mended."""
        self.drafted = Seen(self.near)
        for row in self.known_rows():
            self.drafted.add(self.card.task_kind.text(self.card, row))

    def title(self, written: Written) -> str:
        return super().title(written) + ", refining" * self.refining

    def next_calls(self, written: Written) -> list[Call]:
        """Drafts and their refinements in turn."""
        self.refining = bool(self.drafts)
        if self.refining:
            return [Call(self.refine_request(draft.row), draft) for draft in self.drafts]
        return [] if written.out_of_money else super().next_calls(written)

    def refine_request(self, row: Row) -> Request:
        texts = {name: row[name] for name in self.card.fields}
        messages = prompts.mended(self.card, texts, row["label"])
        room = TOKENS_A_FIELD * len(self.card.fields)
        return self.request(messages, prompts.texts_schema(self.card.fields), tokens=room, least={})

    def after(self, calls: Sequence[Call], kept: Sequence[list[Row]]) -> None:
        if not self.refining:
            super().after(calls, kept)

    def problem_in(self, text: str) -> str | None:
        return Method.problem_in(self, text) if self.refining else super().problem_in(text)

    def human_shown(self, call: Call) -> Sequence[Row]:
        return () if self.refining else super().human_shown(call)

    def marks(self, call: Call, written: Written) -> Row:
        """A refined example says what its draft was, and what that was written after."""
        if not self.refining:
            return super().marks(call, written)
        draft = {"draft": prompts.quoted({name: call.drawn.row[name] for name in self.card.fields})}
        return {name: value for name, value in call.drawn.marks.items() if name != "dollars"} | draft

    def lost(self, call: Call) -> Row:
        return {"label": call.drawn.row["label"]} if self.refining else super().lost(call)

    def take(self, written: Written, seen: Seen, call: Call, answer: Answer) -> list[Row]:
        """A draft is compared with drafts, and a refined example with those that are kept, not with its own draft."""
        if self.refining:
            self.drafts.remove(call.drawn)
        return super().take(written, seen if self.refining else self.drafted, call, answer)

    def read(self, call: Call, answer: Answer) -> list[ReplyItem]:
        """One item for a refinement, which costs what its draft did, too."""
        if not self.refining:
            return super().read(call, answer)
        label, marks = call.drawn.row["label"], {"dollars": call.drawn.marks["dollars"] + cost_of(answer)}
        item = (parsing.read_list(answer.text or "", "examples") or [None])[0]
        row, problem = self.read_item(item, label) if answer.text else (None, None)
        outcome = f"failed: {answer.problem}" if answer.text is None else f"invalid: {problem}" if problem else ""
        return [ReplyItem(prompts.quoted(item), row, outcome, {"label": label}, marks)]

    def outcome(self, written: Written, seen: Seen, row: Row) -> str | None:
        """Drafts count as examples until they are mended, so that none is paid for that is not needed."""
        problem = super().outcome(written, seen, row)
        if problem or self.refining:
            return problem
        part = self.part_of(row)
        waiting = sum(self.part_of(draft.row) == part for draft in self.drafts)
        return None if written.have[part] + waiting < self.quota[part] else "surplus"

    def keep(self, written: Written, item: ReplyItem, marks: Row) -> Row:
        if self.refining:
            return super().keep(written, item, marks)
        self.drafts.append(_Draft(item.row or {}, marks))
        return item.row or {}

    def end(self, written: Written) -> None:
        """Drafts that nobody was asked to mend are no examples, but on the bill."""
        for draft in self.drafts:
            text = prompts.quoted(draft.row)
            written.rejected.append({"outcome": "not refined", "item": text, "label": draft.row["label"], **draft.marks})

    def possible_requests(self) -> list[Request]:
        label = max(self.card.labels, key=lambda name: len(prompts.described(self.card, name)))
        longest = self.refine_request(dict.fromkeys(self.card.fields, longest_text(self.settings.max_tokens)) | {"label": label})
        return super().possible_requests() + [longest] * (PATIENCE * self.settings.n)


def open_writer(teacher: str, settings: GenerationSettings, **access: Any) -> Teacher:
    """The teacher of 01, and beside it the one that mends what it wrote, if there is one. Recordings hold the replies of both."""
    writer = open_teacher(teacher, **access)
    if settings.refiner is None or teacher == "recorded":
        return writer
    if settings.refiner_url:
        access |= {"base_url": settings.refiner_url, "machine_price": None}
    return TwoTeachers(writer, open_teacher(settings.refiner, **access))
