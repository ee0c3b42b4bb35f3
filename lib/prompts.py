"""Every word that a teacher reads. Texts from data sets and models go in as JSON strings: they are data, never orders.

The way of writing follows 2407.12813: the label is given and the text is written to it (label-conditioned), plainly
(zero-shot) or on a topic that the teacher itself listed before (zero-shot topic). The paper's own prompts are not
published; these are ours.
"""

import json
from typing import Any

from lib.tasks import Card

Messages = list[dict[str, str]]
Schema = dict[str, Any]

WRITER = "You write examples for a data set. You answer with one JSON object and nothing else."
LABELER = "You label examples for a data set. You answer with one JSON object and nothing else."


def zero_shot(card: Card, label: str, n: int) -> Messages:
    """2407.12813, section 3: the task's description and the label, no example."""
    return messages(WRITER, f"{task_part(card)}\n\n{asked_part(card, label, n)}\n\n{reply_part(card, n)}")


def zero_shot_topic(card: Card, label: str, n: int, topic: str) -> Messages:
    """2407.12813, section 3: as zero-shot, on one topic from the teacher's own list."""
    about = f"The topic: {quoted(topic)}. Each example is about this topic or something close to it."
    return messages(WRITER, f"{task_part(card)}\n\n{asked_part(card, label, n)}\n{about}\n\n{reply_part(card, n)}")


def topics(card: Card, label: str, n: int) -> Messages:
    """2407.12813, appendix A: the list that topics are drawn from. A topic prompt that names {label} gets a list a label."""
    what = str(card.topic_prompt).replace("{label}", described(card, label))
    return messages(
        WRITER,
        f"{task_part(card)}\n\nTo make the examples varied, each will be written on a topic of its own. "
        f"List {n} different {what}. A topic is a phrase of two to six words, in {card.language}.\n\n"
        'Answer in this form: {"topics": ["...", "..."]}',
    )


def label_one(card: Card, example: dict[str, str]) -> Messages:
    """The teacher as annotator: description, labels with their meaning, one example."""
    labels = "\n".join(f"- {described(card, label)}" for label in card.labels)
    return messages(
        LABELER,
        f"{task_part(card)}\n\nThe labels:\n{labels}\n\nThe example:\n{quoted(example)}\n\n"
        f'Which label is right? Answer in this form: {{"label": "..."}}',
    )


def task_part(card: Card) -> str:
    return f"The task: {card.description}"


def asked_part(card: Card, label: str, n: int) -> str:
    """What to write, how many, and that they should differ from each other."""
    fields = "\n".join(f"- {name}: {what}" for name, what in card.fields.items())
    many = f"Write {n} examples, each" if n > 1 else "Write one example"
    differ = " Make them differ from each other in content, wording, tone and length." if n > 1 else ""
    return (
        f"{many} with the label {described(card, label)}.{differ} "
        f"They should read like the real thing, in {card.language}, and not give the label away by naming it.\n"
        f"The fields of an example:\n{fields}"
    )


def reply_part(card: Card, n: int) -> str:
    one = json.dumps(dict.fromkeys(card.fields, "..."))
    return f'Answer in this form, with {n} in the list: {{"examples": [{one}]}}'


def described(card: Card, label: str) -> str:
    return f"{quoted(label)} ({card.labels[label]})" if card.labels.get(label) else quoted(label)


def quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def messages(system: str, user: str) -> Messages:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def examples_schema(card: Card) -> Schema:
    """The reply's form, for endpoints that can hold a model to it."""
    return closed({"examples": {"type": "array", "items": closed({name: {"type": "string"} for name in card.fields})}})


def topics_schema() -> Schema:
    return closed({"topics": {"type": "array", "items": {"type": "string"}}})


def label_schema(card: Card) -> Schema:
    return closed({"label": {"type": "string", "enum": list(card.labels)}})


def closed(properties: dict[str, Any]) -> Schema:
    """An object with exactly these fields, as strict structured output wants it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
