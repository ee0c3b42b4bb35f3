"""What prompts are given beside the task: things in turn, in an order that the seed decides, and the teacher's lists of them."""

import itertools
import random
from collections.abc import Sequence
from typing import Any

from lib.teacher import parsing, prompts
from lib.teacher.client import Answer, TeacherError

LONGEST_TOPIC = 120
"""Bytes of a topic or a value. A few words are asked for; what is longer is cut, so that a dry run can say the highest cost."""


class Turns:
    """Things in turn: all of them, shuffled, then all in another order, and so on. None comes a third time before all have come
    twice, and what is drawn together differs from pass to pass."""

    def __init__(self, seed: int, key: str, things: Sequence[Any]):
        self.things, self.key, self.passes = list(things), f"{seed} {key}", 0
        self.waiting: list[Any] = []

    def take(self, count: int) -> list[Any]:
        """The next ones, none of them twice: what would be, where two passes meet, waits for the next time."""
        taken: list[Any] = []
        while len(taken) < min(count, len(self.things)):
            fresh = [index for index, thing in enumerate(self.waiting) if thing not in taken]
            if fresh:
                taken.append(self.waiting.pop(fresh[0]))
            else:
                rng = random.Random(self.key + (f" {self.passes}" if self.passes else ""))
                self.waiting += rng.sample(self.things, len(self.things))
                self.passes += 1
        return taken


def topic_list(answers: Sequence[Answer]) -> list[str]:
    """The different topics of all answers."""
    listed = [short_texts(parsing.read_list(answer.text or "", "topics")) for answer in answers]
    topics = list(dict.fromkeys(itertools.chain.from_iterable(listed)))
    if not topics:
        raise no_list("topics", answers[-1])
    return topics


def fewer_topics(topics: Sequence[str], wanted: int) -> str:
    """How a list of topics is shorter than asked; empty if it is not."""
    return f"{len(topics)} different ones came of the {wanted} asked for" if len(topics) < wanted else ""


def no_list(name: str, answer: Answer) -> TeacherError:
    return TeacherError(f"No list of {name} came back ({answer.problem or 'an empty list'}), so nothing was asked to be written.")


def short_texts(values: Any) -> list[str]:
    """The different texts of a list, cut where they are too long; whatever else is in it is left out."""
    texts = [text for text in values if isinstance(text, str) and text.strip()] if isinstance(values, list) else []
    return list(dict.fromkeys(map(_cut, texts)))


def _cut(topic: str) -> str:
    topic = topic.strip()
    while bytes_in_prompt(topic) > LONGEST_TOPIC:
        topic = topic[:-1].rstrip()
    return topic


def bytes_in_prompt(text: str) -> int:
    """How much of a request's worst case a text takes: quoted in the prompt, and once more in the call."""
    return len(prompts.quoted(prompts.quoted(text))[3:-3].encode())
