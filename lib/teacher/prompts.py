"""Every word that a teacher reads. Texts from data sets and models go in as JSON strings: they are data, never orders.

The ways of writing follow 2407.12813: plainly (zero-shot), on a topic that the teacher itself listed before (zero-shot
topic), like one or a few human examples (one-shot, few-shot); and AttrPrompt (2306.15895): to attributes that the teacher
listed. Either the label is given and the text is written to it (label-conditioned, which the paper recommends), or the
text comes first and its label after it. The papers' own prompts are not published; these are ours. Those that a `Manner` goes
into can be put in several wordings (lib/teacher/wordings.py); those of dialogues, frames and of mending an example have one.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lib.core.tasks import Card
from lib.teacher.wordings import DEFAULT, WORDINGS, Wording

Messages = list[dict[str, str]]
Schema = dict[str, Any]
Turn = dict[str, Any]
"""Of a dialogue: its number, who speaks and what."""
Shot = tuple[Sequence[Turn], dict[str, Any]]
"""A labeled dialogue: its turns as a step shows them, none where the answer repeats them; and the right answer."""
_NOTHING: Mapping[str, str] = {}
_EDITOR = "You edit examples of a data set. You answer with one JSON object and nothing else."
_PLAIN_WORDS = WORDINGS[DEFAULT]
_MARKING_SPANS = (
    "A piece of a text that one of the labels fits is marked: it stands in braces, with its label before a bar, as in "
    "{{{label}|the piece}}. Mark whole names and phrases, from their first character to their last, and none inside another."
)
_SOME_PROBABILITY = 0.05
"""In the form of a reply with probabilities."""


@dataclass(frozen=True)
class Manner:
    """How a prompt says what it says."""

    prompt: str = DEFAULT
    """The wording, by name."""
    hide_label: bool = True
    """Whether a text is asked not to name its label."""
    recent: Sequence[Mapping[str, Any]] = ()
    """Examples that were written lately, to differ from."""
    lengths: Sequence[Mapping[str, int]] = ()
    """About how many words each field of each example is to have."""

    @property
    def wording(self) -> Wording:
        return WORDINGS[self.prompt]

    @property
    def with_probability(self) -> bool:
        """Whether each example comes with its probability."""
        return bool(self.wording.probability)


PLAIN = Manner()


def zero_shot(card: Card, label: str | None, n: int, *, manner: Manner = PLAIN) -> Messages:
    """2407.12813, section 3: the task's description and the label, no example."""
    return _to_write(card, label, n, manner=manner)


def zero_shot_topic(card: Card, label: str | None, n: int, topic: str, *, manner: Manner = PLAIN) -> Messages:
    """2407.12813, section 3: as zero-shot, on one topic from the teacher's own list."""
    about = manner.wording.topic.format(topic=quoted(topic))
    return _to_write(card, label, n, manner=manner, about=about)


def topics(card: Card, label: str, n: int, *, manner: Manner = PLAIN) -> Messages:
    """2407.12813, appendix A: the list that topics are drawn from. A topic prompt that names {label} gets a list a label."""
    what, words = str(card.topic_prompt).replace("{label}", described(card, label)), manner.wording
    asked = words.list_topics.format(n=n, what=what, language=card.language)
    form = words.answer.format(form='{"topics": ["...", "..."]}')
    return _put_together(words.writer, words, task=_task_part(card, words), asked=asked, reply=form)


def like_examples(
    card: Card, label: str | None, n: int, shots: Sequence[dict[str, str]], *, same_topic: bool, manner: Manner = PLAIN
) -> Messages:
    """2407.12813, section 3: one-shot and few-shot. A single example is also what the new ones are about (`same_topic`)."""
    words, many = manner.wording, len(shots) > 1
    head = words.shown[many].format(which=_with_label(card, label, words))
    like = _sentences(words.like[many], words.same_topic * same_topic)
    return _to_write(card, label, n, manner=manner, shown="\n".join([head, *map(quoted, shots)]), about=like)


def attributes(card: Card, label: str, n: int, values: int, *, manner: Manner = PLAIN) -> Messages:
    """AttrPrompt: the ways in which examples differ, each with values to draw from."""
    words = manner.wording
    which, apart = _with_label(card, label, words), "" if label else words.attributes_apart
    asked = words.list_attributes.format(n=n, values=values, which=which, apart=apart, language=card.language)
    form = words.answer.format(form='{"attributes": [{"name": "...", "values": ["...", "..."]}]}')
    return _put_together(words.writer, words, task=_task_part(card, words), asked=asked, reply=form)


def to_attributes(card: Card, label: str | None, n: int, drawn: Sequence[dict[str, str]], *, manner: Manner = PLAIN) -> Messages:
    """AttrPrompt: as zero-shot, each example to values of its own."""
    listed = (f"{number}. {quoted(values)}" for number, values in enumerate(drawn, start=1))
    return _to_write(card, label, n, manner=manner, about="\n".join([manner.wording.attributes[n > 1], *listed]))


def label_one(card: Card, example: dict[str, str], shots: Sequence[dict[str, str]] = (), *, manner: Manner = PLAIN) -> Messages:
    """The teacher as annotator: description, labels with their meaning, labeled examples if there are, one to label."""
    words = manner.wording
    labeled = "\n".join([words.labeled, *map(quoted, shots)]) if shots else ""
    task = _blocks(_task_part(card, words), f"{words.labels}\n{_label_lines(card)}")
    shown = _blocks(labeled, f"{words.example}\n{quoted(example)}")
    asked = words.which_label.format(form=_label_form(words))
    return _put_together(words.labeler, words, task=task, shown=shown, asked=asked)


def choose_one(card: Card, example: dict[str, str], choices: Sequence[str], *, manner: Manner = PLAIN) -> Messages:
    """As label_one, where each example has choices of its own."""
    words = manner.wording
    shown = _blocks(f"{words.example}\n{quoted(example)}", f"{words.choices}\n{quoted(list(choices))}")
    asked = words.which_choice.format(form=_label_form(words))
    return _put_together(words.labeler, words, task=_task_part(card, words), shown=shown, asked=asked)


def mark_spans(card: Card, example: dict[str, str], shots: Sequence[dict[str, str]] = ()) -> Messages:
    """The teacher as annotator of spans: as label_one, but it repeats the text with its spans marked."""
    words, field = _PLAIN_WORDS, next(iter(card.fields))
    labeled = "\n".join([words.labeled, *map(quoted, shots)]) if shots else ""
    task = _blocks(_task_part(card), f"{words.labels}\n{_label_lines(card)}", _span_rules(card))
    shown = _blocks(labeled, f"{words.example}\n{quoted(example)}")
    form = json.dumps({"marked": "..."})
    asked = (
        f"Mark its {field}: repeat it to the letter and add the marks; what no label fits stays as it is, and there may be "
        f"nothing to mark. Answer in this form: {form}"
    )
    return _put_together(words.labeler, words, task=task, shown=shown, asked=asked)


def _span_rules(card: Card) -> str:
    return _MARKING_SPANS.format(label=next(iter(card.labels)))


def reworded(card: Card, example: dict[str, str], label: str, field: str, avoid: Sequence[str]) -> Messages:
    """2407.12813, section 5: another wording for what gives its label away, or can be answered by matching words."""
    words = f" These words hint at a label in this data set; do without them: {', '.join(map(quoted, avoid))}." if avoid else ""
    others = [name for name in card.fields if name != field]
    beside = f" Leave the {others[0]} as it is, and do not repeat its words where others say the same." if others else ""
    return _messages(
        _PLAIN_WORDS.writer,
        f"{_task_part(card)}\n\nAn example with the label {described(card, label)}:\n{quoted(example)}\n\n"
        f"Its {field} makes the label too easy to guess. Write the {field} ({card.fields[field]}) anew in other words, so that "
        f"the label stays right and only somebody who understands the whole example can tell it.{beside}{words}\n\n"
        f"Answer in this form: {json.dumps({field: '...'})}",
    )


def mended(card: Card, draft: dict[str, str], label: str) -> Messages:
    """BARE (2502.01697), section 3: an instruct model makes each draft of a base model good, one by one. It sees no other example
    and is told to keep what the draft is about: the variety is the base model's, the quality its own. The label stays."""
    return _messages(
        _EDITOR,
        f"{_task_part(card)}\n\nA draft of an example with the label {described(card, label)}:\n{quoted(draft)}\n\n"
        f"Make a good example of it: one that reads like the real thing, in {card.language}, whole and without mistakes, and for "
        "which that label is right without being named. Keep what it is about and how it is said; change only what has to be "
        "better.\n\n"
        f"Answer in this form: {json.dumps(dict.fromkeys(card.fields, '...'))}",
    )


def more_like_it(card: Card, example: dict[str, Any], n: int, options: int, *, manner: Manner = PLAIN) -> Messages:
    """2310.20111, section 3: a single example shows the format; what is said beside it is the same for every task. With labels of
    its own for each example (multiple choice) the question comes first, with fixed ones the answer does."""
    words = manner.wording
    rules = (words.create_fixed if card.labels else words.create_free).format(n=n, options=options)
    form = json.dumps({"examples": [dict.fromkeys(example, "...") | {"options": ["...", "..."]} | _probability(manner)]})
    asked = _sentences(words.create.format(n=n), rules, words.probability, words.create_reply.format(n=n, form=form))
    if words.last:
        return _messages(words.creator, _blocks(quoted(example), asked))
    return _messages(_sentences(words.creator, asked), quoted(example))


# ---- dialogues ----

_SCRIBE = "You write dialogues for a data set. You answer with one JSON object and nothing else."


def like_dialogues(
    card: Card,
    shots: Sequence[dict[str, Any]],
    topic: str,
    speakers: Sequence[str],
    turns: int,
    length: str,
    *,
    same_detail: bool = True,
) -> Messages:
    """2410.06550, section 3: few-shot from dialogues, of people and of the teacher's own. What will be labeled in it is not
    said: a writer who knows puts more of it in. The first of the speakers begins. `same_detail` asks for no more detail than
    people give, which the paper does not: it reports more."""
    shown = "\n".join(map(quoted, shots))
    what = next(iter(card.fields.values()))
    form = json.dumps({"turns": [{"speaker": name, "text": "..."} for name in speakers]}, ensure_ascii=False)
    those = "those" if len(shots) > 1 else "the one"
    detail = f"{those} above and with as much detail, no more and no less, but" if same_detail else f"{those} above, but"
    return _messages(
        _SCRIBE,
        f"{'Dialogues' if len(shots) > 1 else 'A dialogue'} of the data set:\n{shown}\n\n"
        f"Write one new dialogue. Its topic ({what}): {quoted(topic)}. It has {turns} turns and about {length} in all. "
        f"The speakers are {', '.join(map(quoted, speakers))}; {quoted(speakers[0])} begins.\n"
        f"It should read like the transcript of a real conversation, in {card.language}: as spontaneous as {detail} with content "
        "and wording of its own. A text holds only what is said.\n\n"
        f"Answer in this form, with {turns} in the list: {form}",
    )


def turns_schema(speakers: Sequence[str]) -> Schema:
    turn = _closed({"speaker": {"type": "string", "enum": list(speakers)}, "text": {"type": "string"}})
    return _closed({"turns": {"type": "array", "items": turn}})


# ---- semantic frames in dialogues (2410.06550): mentions, then triggers and their types, then arguments and their roles ----

_MENTION = (
    "A mention is a piece of a turn that is the trigger of a frame or an argument of one, from its first character to its last."
)
_MARKING = (
    "A trigger is marked even if nothing goes with it, an argument whichever turn its trigger is in; what is neither is not "
    "marked. One mention may lie inside another. Give every turn with its number, also one without mentions, and its text to the "
    "letter: add braces, and change, correct or leave out nothing."
)
_LINKING = (
    "Which mentions are arguments of which trigger, and in which role? Take the triggers in the order of the text. An argument "
    "may stand in another turn than its trigger, one mention may be an argument of several triggers, and a trigger may have none."
)
FIND_MENTIONS = (
    f"This is the first of three steps: finding the mentions. {_MENTION} Put each into braces: {{pour in}} {{the milk}}, {{once "
    f"you have {{drained}} {{them}}}}. Which of them are triggers, and what goes with what, is asked later. {_MARKING}"
)
PICK_TRIGGERS = (
    "This is the second of three steps: picking the triggers. The mentions are found and stand in braces with their numbers: "
    "{3|pour in} {4|the milk}. Which of them are triggers of frames, and what is the type of each frame? Name each trigger once, "
    "in the order of the text; leave out the mentions that are arguments only."
)
LINK_ARGUMENTS = (
    "This is the third of three steps: linking the arguments. The mentions stand in braces with their numbers, and a trigger "
    f"with the type of its frame, too: {{3 Place|pour in}} {{4|the milk}}. {_LINKING}"
)
FRAMES_AT_ONCE = (
    f"Do three things in one answer. First find the mentions. {_MENTION} Put each into braces, with a number that counts through "
    f"the dialogue from 1 on: {{3|pour in}} {{4|the milk}}, {{5|once you have {{6|drained}} {{7|them}}}}. {_MARKING} Second, "
    f"name each trigger with the type of its frame, in the order of the text. Third, link the arguments. {_LINKING}"
)
FOUND: dict[str, Any] = {"turns": [{"turn": 0, "text": "..."}]}
PICKED: dict[str, Any] = {"triggers": [{"mention": 3, "type": "..."}]}
LINKED: dict[str, Any] = {"arguments": [{"trigger": 3, "mention": 4, "role": "..."}]}


def _explained_list(names: dict[str, str]) -> str:
    return "\n".join(f"- {_explained(name, meaning)}" for name, meaning in names.items())


def frame_step(
    card: Card, instruction: str, form: dict[str, Any], about: Any, turns: Sequence[Turn], shots: Sequence[Shot]
) -> Messages:
    """2410.06550, section 3: one step of labeling a dialogue, with dialogues that people labeled. What is the same for every
    dialogue comes first: an endpoint that keeps a prompt's beginning charges less for it."""
    types, roles = _explained_list(card.labels), _explained_list(card.roles)
    text = card.conventions
    conventions = f"\n\nThe conventions for labeling:\n<conventions>\n{text}\n</conventions>" if text else ""
    labeled = "".join(f"\n\nA dialogue with the right answer:\n{_turn_lines([*lines, answer])}" for lines, answer in shots)
    return _messages(
        _PLAIN_WORDS.labeler,
        f"{_task_part(card)}\n\nThe types of frames:\n{types}\n\nThe roles of arguments:\n{roles}{conventions}\n\n"
        f"{instruction}\n\nAnswer in this form: {json.dumps(form)}{labeled}\n\n"
        f"The dialogue to label, {quoted(about)}:\n{_turn_lines(turns)}",
    )


def _turn_lines(turns: Sequence[Turn]) -> str:
    return "\n".join(map(quoted, turns))


# ---- for base models, which continue a text: examples as lines, and the beginning of the next one ----


def line_to_continue(
    card: Card, shots: Sequence[dict[str, Any]], begun: dict[str, Any], field: str, *, more: Mapping[str, str] = _NOTHING
) -> Messages:
    """Human examples as JSON lines, and a line that begins with what is known and stops where `field` has to follow.

    A model that was never taught to follow orders continues what it sees. The label comes first, so that the text is written to
    it. No form is asked for: the line itself is the form.
    """
    lines = "".join(quoted(shot) + "\n" for shot in shots)
    return [{"role": "user", "content": f"{_lines_head(card, more)}\n{lines}{line_beginning(begun, field)}"}]


def line_beginning(begun: dict[str, Any], field: str) -> str:
    """The beginning of a JSON line, up to the value of a field."""
    known = "".join(f"{quoted(name)}: {quoted(value)}, " for name, value in begun.items())
    return f"{{{known}{quoted(field)}:"  # No space after it: models begin a word with its space.


def _lines_head(card: Card, more: Mapping[str, str]) -> str:
    """What the lines are, and the first sentence of the task: all that a base model can be told."""
    fields = "; ".join(f"{name}: {what}" for name, what in {**card.fields, **more}.items())
    labels = f" Labels: {', '.join(card.labels)}." if card.labels else ""
    task = card.description.split(". ")[0].rstrip(".")
    return f"A data set in {card.language}, one JSON object a line, to learn to {task}. {fields}.{labels}"


# ---- parts of prompts, and the forms of replies ----


def _to_write(card: Card, label: str | None, n: int, *, manner: Manner, shown: str = "", about: str = "") -> Messages:
    """A prompt for n examples; `about` is what each way of asking says beside the label."""
    words = manner.wording
    asked = "\n".join(filter(None, [_asked_part(card, label, n, manner), about, *_beside(manner, n)]))
    reply = words.reply.format(n=n, form=_examples_form(card, label is None, manner))
    return _put_together(words.writer, words, task=_task_part(card, words), shown=shown, asked=asked, reply=reply)


def _beside(manner: Manner, n: int) -> list[str]:
    """The lengths of the examples, and those that were written lately, each with its lines."""
    words, lines = manner.wording, list[str]()
    if manner.lengths:
        lines += [words.lengths[n > 1], *map(quoted, manner.lengths)]
    if manner.recent:
        lines += [words.recent, *map(quoted, manner.recent)]
    return lines


def _put_together(system: str, words: Wording, *, task: str, shown: str = "", asked: str, reply: str = "") -> Messages:
    """The parts of a prompt in the order of its wording."""
    return _messages(system, _blocks(shown, reply, task, asked) if words.last else _blocks(task, shown, asked, reply))


def _blocks(*parts: str) -> str:
    return "\n\n".join(filter(None, parts))


def _sentences(*parts: str) -> str:
    return " ".join(filter(None, parts))


def _task_part(card: Card, words: Wording = _PLAIN_WORDS) -> str:
    return words.task.format(description=card.description)


def _asked_part(card: Card, label: str | None, n: int, manner: Manner) -> str:
    """What to write, how many, and that they should differ from each other."""
    words, many = manner.wording, n > 1
    listed = "\n".join(f"- {name}: {what}" for name, what in card.fields.items())
    real = (words.real_hidden if manner.hide_label and not card.task_kind.marked else words.real).format(language=card.language)
    if card.task_kind.marked:
        write = _blocks(f"{words.labels}\n{_label_lines(card)}", _span_rules(card), _marked_to_write(n))
    elif label is None:
        write = _blocks(f"{words.labels}\n{_label_lines(card)}", words.write_any[many].format(n=n))
    else:
        write = words.write[many].format(n=n, label=described(card, label))
    return _sentences(write, words.differ * many, real, words.probability) + "\n" + words.fields.format(fields=listed)


def _marked_to_write(n: int) -> str:
    """How many texts with marks are asked for."""
    if n == 1:
        return "Write one example, with each piece that a label fits marked, at least one."
    return f"Write {n} examples, with each piece that a label fits marked, at least one in each; not always of the same labels."


def _label_lines(card: Card) -> str:
    return "\n".join(f"- {described(card, label)}" for label in card.labels)


def _with_label(card: Card, label: str | None, words: Wording) -> str:
    return words.with_label.format(label=described(card, label)) if label else ""


def _examples_form(card: Card, labeled: bool, manner: Manner) -> str:
    one: dict[str, Any] = {**dict.fromkeys(reply_fields(card, labeled), "..."), **_probability(manner)}
    return json.dumps({"examples": [one]})


def _probability(manner: Manner) -> dict[str, float]:
    return {"probability": _SOME_PROBABILITY} if manner.with_probability else {}


def _label_form(words: Wording) -> str:
    return json.dumps(({"possible": ["..."]} if words.two_questions else {}) | {"label": "..."})


def reply_fields(card: Card, labeled: bool) -> list[str]:
    """In the order of writing: the text, then its label, if it has one as a whole."""
    return [*card.fields, *["label"] * (labeled and not card.task_kind.marked)]


def described(card: Card, label: str) -> str:
    return _explained(label, card.labels.get(label, ""))


def _explained(name: str, what: str) -> str:
    return f"{quoted(name)} ({what})" if what else quoted(name)


def quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _messages(system: str, user: str) -> Messages:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]


def examples_schema(card: Card, labeled: bool = False, *, manner: Manner = PLAIN) -> Schema:
    """The reply's form, for endpoints that can hold a model to it."""
    fields: Schema = {name: {"type": "string"} for name in reply_fields(card, labeled)}
    if "label" in fields:
        fields |= label_schema(card)["properties"]
    return _closed({"examples": _many(fields | _probability_schema(manner))})


def created_schema(card: Card, names: Sequence[str], *, manner: Manner = PLAIN) -> Schema:
    """The form of examples with their options, in the order of the example that is shown."""
    kinds: Schema = {"options": {"type": "array", "items": {"type": "string"}}}
    if card.labels:
        kinds["answer"] = label_schema(card)["properties"]["label"]
    fields = {name: kinds.get(name, {"type": "string"}) for name in names}
    return _closed({"examples": _many(fields | _probability_schema(manner))})


def _probability_schema(manner: Manner) -> Schema:
    return {"probability": {"type": "number"}} if manner.with_probability else {}


def topics_schema() -> Schema:
    return _closed({"topics": {"type": "array", "items": {"type": "string"}}})


def attributes_schema() -> Schema:
    values = {"type": "array", "items": {"type": "string"}}
    return _closed({"attributes": {"type": "array", "items": _closed({"name": {"type": "string"}, "values": values})}})


def texts_schema(fields: Iterable[str]) -> Schema:
    return _closed({field: {"type": "string"} for field in fields})


def label_schema(card: Card, choices: Sequence[str] = (), *, manner: Manner = PLAIN) -> Schema:
    label = {"type": "string", "enum": list(choices or card.labels)}
    possible = {"possible": {"type": "array", "items": label}} if manner.wording.two_questions else {}
    return _closed(possible | {"label": label})


def frames_schema(card: Card, names: Sequence[str]) -> Schema:
    """The lists that a step of labeling a dialogue asks for."""
    number, text = {"type": "integer"}, {"type": "string"}
    types, roles = (text | {"enum": list(names)} for names in (card.labels, card.roles))
    lists = {
        "turns": _many({"turn": number, "text": text}),
        "triggers": _many({"mention": number, "type": types}),
        "arguments": _many({"trigger": number, "mention": number, "role": roles}),
    }
    return _closed({name: lists[name] for name in names})


def _many(properties: dict[str, Any]) -> Schema:
    return {"type": "array", "items": _closed(properties)}


def _closed(properties: dict[str, Any]) -> Schema:
    """An object with exactly these fields, as strict structured output wants it."""
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
