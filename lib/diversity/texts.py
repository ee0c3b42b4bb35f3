"""The texts that notebook 03 compares: the example sets of a task and what people wrote, whole and in parts of equal size."""

import html
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import pandas as pd
from pandas import DataFrame

from lib.core import example_sets, set_names
from lib.core.artifacts import ExampleSet
from lib.core.contamination import Repeated, repeated, texts_of_test
from lib.core.encoders import Embedder
from lib.core.sources import Row
from lib.core.tasks import Card, load, text_of
from lib.core.text import NearTexts, plainly, words
from lib.diversity.human_map import HumanMap
from lib.diversity.measures import HUMAN, MOST_TEXTS, equal_sets, nearest
from lib.plotting import source_note

_NEAREST, _FARTHEST = 3, 2
"""The numbers of texts of a set, nearest to people and farthest from them, in the first table of notebook 03."""
_LONGEST_TEXT = 600
"""Characters of a text in that table; longer texts are cut."""
_TABLE = 'class="tex2jax_ignore mathjax_ignore" style="table-layout: fixed; width: 100%"'
_CELL = "text-align: left; vertical-align: top; white-space: pre-wrap; overflow-wrap: anywhere"
_WIDTHS = {"set": "12%", "place": "8%", "cosine": "7%"}
"""The widths of narrow columns; texts share the rest."""


@dataclass(frozen=True)
class TaskTexts:
    """The example sets of one task beside the examples of people."""

    card: Card
    human: list[Row]
    sets: dict[str, ExampleSet]
    """All sets, also those of human texts that a teacher only labeled."""
    written: dict[str, ExampleSet]
    """The sets whose texts a teacher wrote."""
    equal: dict[str, list[Row]]
    """As many examples of each written set, and of people, as the smallest has."""
    other_human: list[Row]
    """The human examples outside the equal part: nearness to people is measured to these."""
    embed: Embedder
    seed: int
    data_note: str
    test: Sequence[str] = ()
    """The texts of the test set."""
    checked: Mapping[str, ExampleSet] = field(default_factory=dict)
    """What the teacher answered again in the same way, by the set whose answers it was asked for again."""

    @property
    def n(self) -> int:
        return len(self.equal[HUMAN])

    @property
    def note(self) -> str:
        """Encoder, teachers and data, for a caption."""
        teachers = ", ".join(sorted({example_set.teacher for example_set in self.written.values()}))
        return f"Encoder: {self.embed.encoder}. Teacher: {teachers}. {self.data_note}"

    @property
    def summary(self) -> str:
        names, others = ", ".join(self.equal), len(self.other_human)
        part = self.size_note.partition(" a set")[2]
        return f"{self.n} examples of each of {names}{part}; {others} other human texts to measure nearness to"

    @property
    def size_note(self) -> str:
        """The number of texts of each set, for a caption; and of how many, if these are too many to be all compared."""
        sizes = {name: len(rows) for name, rows in (self.written_rows | {HUMAN: self.human}).items()}
        drawn = ", ".join(f"{size:,} {name}" for name, size in sizes.items())
        return f"n = {self.n} a set" + f" (at random from {drawn})" * (self.n == MOST_TEXTS)

    @cached_property
    def drawn(self) -> list[str]:
        """The sets that figures of single texts draw, people's among them: of several repeats of a set the first."""
        first = dict[str, str]()
        for name in sorted(self.written, key=lambda name: set_names.find(name).repeat):
            first.setdefault(set_names.find(name).first_repeat.key, name)
        return [name for name in self.equal if name == HUMAN or name in first.values()]

    @property
    def drawn_rows(self) -> dict[str, list[Row]]:
        return {name: self.equal[name] for name in self.drawn}

    @property
    def drawn_note(self) -> str:
        """A sentence for captions, if there are repeats."""
        return " Of the repeats of a set the first." if len(self.drawn) < len(self.equal) else ""

    def in_random_order(self, name: str) -> list[Row]:
        """The examples of a set, or of people outside the texts that nearness is measured to; those of the equal part first."""
        rows = self.written_rows[name] if name != HUMAN else self.human
        first, others = self.equal[name], {id(row) for row in self.other_human} if name == HUMAN else set[int]()
        taken = others | {id(row) for row in first}
        rest = [row for row in rows if id(row) not in taken]
        rng = random.Random(f"{self.seed} {name} order")
        return rng.sample(first, len(first)) + rng.sample(rest, len(rest))

    def all_in_random_order(self, name: str) -> list[Row]:
        """As `in_random_order`, but of people all texts."""
        rows = self.in_random_order(name)
        others = self.other_human if name == HUMAN else []
        return rows + random.Random(f"{self.seed} others").sample(others, len(others))

    def part(self, name: str) -> list[str]:
        """The texts of a set, or of people, as far as they are compared: of more than `MOST_TEXTS` a random part."""
        whole = self.whole_texts[name]
        return whole if len(whole) <= MOST_TEXTS else self.of(self.in_random_order(name)[:MOST_TEXTS])

    @cached_property
    def rows(self) -> dict[str, list[Row]]:
        """The examples of all sets, whole."""
        return {name: example_set.rows for name, example_set in self.sets.items()}

    @cached_property
    def written_rows(self) -> dict[str, list[Row]]:
        """The examples of the written sets, whole."""
        return {name: example_set.rows for name, example_set in self.written.items()}

    @cached_property
    def human_map(self) -> HumanMap:
        """The topics of the human texts that no set is compared by."""
        return HumanMap(self.embed(self.anchors), self.seed)

    @cached_property
    def equal_texts(self) -> dict[str, list[str]]:
        return {name: self.of(rows) for name, rows in self.equal.items()}

    @cached_property
    def whole_texts(self) -> dict[str, list[str]]:
        """The texts of the written sets and of people, whole."""
        return {name: self.of(rows) for name, rows in (self.written_rows | {HUMAN: self.human}).items()}

    @cached_property
    def in_test(self) -> dict[str, Repeated]:
        """The texts of each set, and of people, that repeat one of the test set."""
        tested = NearTexts(self.test)
        return {name: repeated(texts, tested) for name, texts in self.whole_texts.items()}

    @cached_property
    def anchors(self) -> list[str]:
        """The human texts that nearness is measured to."""
        return self.of(self.other_human)

    def of(self, rows: Sequence[Row]) -> list[str]:
        return [text_of(self.card, row) for row in rows]


def read_texts(
    card: Card, examples: Sequence[example_sets.Given] | None, *, source: str | None, encoder: str, seed: int
) -> TaskTexts:
    """The texts of a task, from its source and from files of example sets."""
    given, human = example_sets.example_sets(card, examples, source), load(card, "train", source).to_list()
    checked = {before: example_set for example_set in given.values() if (before := _checked_of(example_set)) in given}
    sets = {name: example_set for name, example_set in given.items() if _checked_of(example_set) not in given}
    written = example_sets.written_sets(card, sets)
    equal, others = equal_sets({name: example_set.rows for name, example_set in written.items()}, human, seed=seed)
    note, test = source_note(card, source), texts_of_test(card, source)
    return TaskTexts(card, human, sets, written, equal, others, Embedder(encoder), seed, note, test, checked)


def _checked_of(example_set: ExampleSet) -> str:
    """The set that another one is the part of that was answered alike when asked again; empty for any other."""
    name = example_set.name
    return replace(name, derived=name.derived[:-1]).key if name.derived[-1:] == ("checked",) else ""


def beside_human(texts: TaskTexts) -> "_TextTable":
    """Some texts of each set, those nearest to people and those farthest from them, each beside its nearest human text."""
    anchors, rows = texts.embed(texts.anchors), []
    for name, written in texts.equal_texts.items():
        vectors = texts.embed(written)
        cosines = nearest(vectors, anchors)
        order = cosines.argsort(kind="stable")[::-1].tolist()
        places = dict.fromkeys(order[:_NEAREST], "nearest") | dict.fromkeys(order[_NEAREST:][-_FARTHEST:], "farthest")
        for i, place in places.items():
            closest = texts.anchors[(anchors @ vectors[i]).argmax()]
            rows.append((name, place, float(cosines[i]), written[i], closest))
    return _TextTable(pd.DataFrame(rows, columns=["set", "place", "cosine", "text", "nearest human text"]))


@dataclass(frozen=True)
class _TextTable:
    """A table that a notebook shows with whole texts: wide columns, wrapped, escaped so that none becomes HTML or a formula."""

    frame: DataFrame

    def __repr__(self) -> str:
        return str(self.frame)

    def _repr_html_(self) -> str:
        head = "".join(f'<th style="width: {_WIDTHS.get(name, "auto")}; {_CELL}">{name}</th>' for name in self.frame)
        rows = "".join(map(_html_row, self.frame.itertuples(index=False)))
        return f"<table {_TABLE}><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _html_row(cells: Sequence[object]) -> str:
    return "<tr>" + "".join(f'<td style="{_CELL}">{_html_text(cell)}</td>' for cell in cells) + "</tr>"


def _html_text(cell: object) -> str:
    """A value as escaped text, a long one cut; each dollar sign stands alone, so that no pair of them encloses a formula."""
    text = f"{cell:.2f}" if isinstance(cell, float) else str(cell)
    text = text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT].rstrip() + " …"
    return html.escape(text).replace("$", "<span>$</span>").replace("\\", "<span>\\</span>")


def repeats(texts: TaskTexts) -> DataFrame:
    """For each set, how many of its texts repeat an earlier one, a human text or one of the test set; `near`: or nearly so."""
    human = {plainly(text) for text in texts.whole_texts[HUMAN]}
    near_human, rows = NearTexts(texts.whole_texts[HUMAN]), []
    for name, written in texts.whole_texts.items():
        different, in_test = {plainly(text) for text in written}, texts.in_test[name]
        counts = {"texts": len(written), "again": len(written) - len(different), "human": len(different & human)}
        counts["near_human"] = len(written if name == HUMAN else repeated(written, near_human).pairs)
        counts |= {"test": in_test.equal, "near_test": len(in_test.pairs)}
        rows.append({"set": name, **counts, "share_again": 1 - len(different) / len(written)})
    return pd.DataFrame(rows)


def said_of_test(texts: TaskTexts) -> str:
    """A sentence for each set that repeats test texts, or one for all."""
    said = [found.said(name) for name, found in texts.in_test.items() if found.pairs]
    return "\n".join(said) or f"No text of any set stands among the {len(texts.test):,} of test, nor nearly so."


def text_lengths(texts: TaskTexts) -> DataFrame:
    """The number of words of every text of the equal parts, and its label."""
    rows = []
    for name in texts.drawn:
        for row in texts.equal[name]:
            rows.append((name, row.get("label", ""), len(words(text_of(texts.card, row)))))
    return pd.DataFrame(rows, columns=["set", "label", "words"])


def vocabulary(texts: TaskTexts) -> DataFrame:
    """The number of different words in equally long parts of all sets; the share of its words that the human part lacks, and
    the share of human words that the set lacks. A row of other human texts is the baseline."""
    samples = texts.equal_texts | {"other human texts": texts.anchors[: texts.n]}
    tokens = {name: words("\n".join(written)) for name, written in samples.items()}
    size = min(map(len, tokens.values()))
    human, rows = tokens[HUMAN][:size], {}
    for name, running_words in tokens.items():
        part = running_words[:size]
        rows[name] = {"words": size, "different words": len(set(part)), "not in human": _outside(part, human)}
        rows[name]["human not in these"] = _outside(human, part)
    return pd.DataFrame.from_dict(rows, orient="index")


def _outside(tokens: Sequence[str], vocabulary: Sequence[str]) -> float:
    """The share of running words that are not in a vocabulary."""
    words_in = set(vocabulary)
    return sum(word not in words_in for word in tokens) / max(1, len(tokens))
