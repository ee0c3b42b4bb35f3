"""Mentions in a text, as marks that a language model can write, and back: `put {the flour} in {the bowl}`.

A mention may have a tag, a number say: `{3|the flour}`; mentions may lie inside each other and beside each other, but not
cross. Whoever is shown a text sees it without braces and bars of its own (`plain`), so every brace in a reply is a mark. A
reply should repeat the text and seldom does so to the letter; its mentions are found again by aligning the two, and those
that cannot be are given with the reason.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_OWN = str.maketrans("{}|", "()/")
_MARK = re.compile(r"\{(?:([^{}|\n]{0,40})\|)?|\}")
_WORD = re.compile(r"\w+\W*|\W+")
_SAME = str.maketrans("‘’‚‛`´“”„‟«»‐‑‒–—―−", "''''''\"\"\"\"\"\"-------")
"""Characters that one model or keyboard writes for another."""
_MOST_MEETINGS = 2_000_000
"""Pairs of equal pieces of two texts up to which all count in aligning; of more, only rare pieces do, or it takes minutes."""
_GAP = 3
"""Characters left out at the edge of a mention that still belong to it, where they belong to its word."""


class Mention(NamedTuple):
    """A piece of a text, and what stands before the bar in its mark."""

    start: int
    end: int
    tag: str = ""


class _Lost(NamedTuple):
    """What was marked and is no piece of the text, and why."""

    text: str
    reason: str


def plain(text: str) -> str:
    """The text as it is shown: as long, but what could be taken for marks is written otherwise."""
    return text.translate(_OWN)


def mark(text: str, spans: Sequence[tuple[int, int]], tags: Sequence[str] = ()) -> str:
    """The text with each span in braces, its tag before it if there are tags."""
    named = dict(zip(spans, tags, strict=True)) if tags else {}
    kept, crossing = nested(set(spans))
    if crossing or any(not 0 <= start < end <= len(text) for start, end in spans):
        raise ValueError(f"Mentions lie in their text and do not cross, unlike {(crossing or list(spans))[0]} of {text[:60]!r}.")
    opening = [(start, 1, -end, f"{{{named[start, end]}|" if named else "{") for start, end in kept]
    closing = [(end, 0, -start, "}") for start, end in kept]
    pieces, at = [], 0
    for place, *_, sign in sorted(opening + closing):
        pieces += [plain(text[at:place]), sign]
        at = place
    return "".join([*pieces, plain(text[at:])])


def nested(spans: Iterable[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Spans in the order of the text, outer before inner; and those that cross one before them."""
    kept, crossing, around = list[tuple[int, int]](), list[tuple[int, int]](), list[tuple[int, int]]()
    for span in sorted(spans, key=lambda one: (one[0], -one[1])):
        around = [outer for outer in around if outer[1] > span[0]]
        fits = all(span[1] <= outer[1] for outer in around)
        (kept if fits else crossing).append(span)
        around += [span] if fits else []
    return kept, crossing


def recover(text: str, marked: str) -> tuple[list[Mention], list[_Lost]]:
    """The mentions that a marked text has, as places in the text; and what was marked but cannot be found there."""
    bare, found, lost = _without_marks(marked)
    places = _alignment(plain(text), bare)
    mentions: dict[tuple[int, int], Mention] = {}
    for start, end, tag in found:
        span = _place_of(text, bare, places, start, end)
        if isinstance(span, str):
            lost.append(_Lost(bare[start:end], span))
        else:
            mentions.setdefault(span, Mention(*span, tag))
    kept, crossing = nested(mentions)
    lost += [_Lost(text[start:end], "crosses another mention") for start, end in crossing]
    return [mentions[span] for span in kept], lost


def _without_marks(marked: str) -> tuple[str, list[Mention], list[_Lost]]:
    """A marked text without its marks, where they are in it, and brackets that have no partner with the words after or before."""
    pieces, opened, found, lost = list[str](), list[tuple[int, str]](), list[Mention](), list[_Lost]()
    at = size = 0
    for sign in _MARK.finditer(marked):
        pieces.append(marked[at : sign.start()])
        size, at = size + len(pieces[-1]), sign.end()
        if sign[0] != "}":
            opened.append((size, (sign[1] or "").strip()))
        elif opened:
            start, tag = opened.pop()
            found.append(Mention(start, size, tag))
        else:
            lost.append(_Lost("".join(pieces)[-40:], "bracket never opened"))
    bare = "".join([*pieces, marked[at:]])
    lost += [_Lost(bare[start : start + 40], "bracket never closed") for start, _ in opened]
    return bare, sorted(found, key=lambda one: (one.start, -one.end)), lost


def _place_of(text: str, bare: str, places: list[tuple[int, bool]], start: int, end: int) -> tuple[int, int] | str:
    """Where in the text a piece of the bare reply is, or why it is nowhere."""
    if not bare[start:end].strip():
        return "empty mention"
    inside = [place for place in places[start:end] if place[0] >= 0]
    alike = sum(same for _, same in inside)
    size = len(bare[start:end].strip())
    if not alike or size - alike > max(1, size // 3):
        return "mention not in the text"
    first, last = inside[0][0], inside[-1][0] + 1
    before = next((places[at][0] for at in range(start - 1, -1, -1) if places[at][0] >= 0), -1) + 1
    after = next((places[at][0] for at in range(end, len(places)) if places[at][0] >= 0), len(text))
    # Where words have no space between them, what was left out may as well have stood outside.
    first = first if bare[max(0, start - 1) : start].isalnum() else _word_start(text, before, first)
    last = last if bare[end : end + 1].isalnum() else _word_end(text, last, after)
    while first < last and text[first].isspace():
        first += 1
    while last > first and text[last - 1].isspace():
        last -= 1
    return (first, last) if 2 * alike >= last - first > 0 else "mention not in the text"


def _word_start(text: str, before: int, first: int) -> int:
    """Where a word begins whose first letters a reply left out."""
    while before < first <= before + _GAP and text[first - 1].isalnum() and text[first].isalnum():
        first -= 1
    return first


def _word_end(text: str, last: int, after: int) -> int:
    while last < after <= last + _GAP and text[last].isalnum() and text[last - 1].isalnum():
        last += 1
    return last


def _alignment(text: str, bare: str) -> list[tuple[int, bool]]:
    """For each character of a reply its place in the text (-1: none) and whether it is the same there. By words first and
    within what differs by characters: what is far apart is not mistaken for one."""
    one, other = _alike(text), _alike(bare)
    if one == other:
        return [(place, True) for place in range(len(text))]
    places = [(-1, False)] * len(bare)
    words, others = _WORD.findall(one), _WORD.findall(other)
    starts, others_starts = _edges(words), _edges(others)
    for same, i, i_end, j, j_end in _blocks(words, others):
        a, a_end, b, b_end = starts[i], starts[i_end], others_starts[j], others_starts[j_end]
        if same:
            places[b:b_end] = [(place, True) for place in range(a, a_end)]
            continue
        for same, k, k_end, m, m_end in _blocks(one[a:a_end], other[b:b_end]):
            if same or k_end - k == m_end - m:  # Changed one for one.
                places[b + m : b + m_end] = [(a + place, same) for place in range(k, k_end)]
    return places


def _blocks(one: Sequence[str], other: Sequence[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """What is the same and what differs in two sequences."""
    ours, theirs = Counter(one), Counter(other)
    many = sum(count * theirs[piece] for piece, count in ours.items()) > _MOST_MEETINGS
    for name, a, a_end, b, b_end in SequenceMatcher(None, one, other, autojunk=many).get_opcodes():
        yield name == "equal", a, a_end, b, b_end


def _edges(words: Sequence[str]) -> list[int]:
    """Where each word starts, and where the last one ends."""
    found = [0]
    for word in words:
        found.append(found[-1] + len(word))
    return found


def _alike(text: str) -> str:
    """The text without what seldom matters: case, kinds of quotes, dashes and space; as long as before."""
    return "".join(map(_bare_character, text.translate(_SAME)))


def _bare_character(character: str) -> str:
    lower = character.lower()
    return " " if character.isspace() else lower if len(lower) == 1 else character
