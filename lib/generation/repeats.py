"""Replies that come again word for word: a server with one seed for all, or without sampling, has nothing new to say."""

from collections import Counter
from dataclasses import replace

from lib.teacher.client import Answer, Request

_ENOUGH = 3
"""Equal replies to one prompt, after which it is asked no more."""
REPEATED = "the same reply again"
STUCK = (
    f"The teacher gave the same reply to the same prompt {_ENOUGH} times, word for word, so this prompt is asked no more. Let "
    "the server draw anew for each call (no fixed seed, `temperature` above 0), or take a method whose prompts differ: "
    "few_shot_3, zero_shot_topic, attributes."
)


class Repeats:
    """How often each reply came to each prompt."""

    def __init__(self) -> None:
        self.replies: Counter[tuple[str, str]] = Counter()
        self.stuck: set[str] = set()
        """The prompts that bring the same reply every time."""

    def came_before(self, answer: Answer) -> bool:
        """Whether the same reply to the same prompt came before this one, which is counted."""
        if answer.text is None:
            return False
        prompt = _prompt(answer.request)
        self.replies[prompt, answer.text] += 1
        if self.replies[prompt, answer.text] >= _ENOUGH:
            self.stuck.add(prompt)
        return self.replies[prompt, answer.text] > 1

    def is_stuck(self, request: Request) -> bool:
        return _prompt(request) in self.stuck


def _prompt(request: Request) -> str:
    """The request, whichever sample of it, and however much room there is for the reply."""
    return replace(request, sample=0, again=0, max_tokens=0).key("")
