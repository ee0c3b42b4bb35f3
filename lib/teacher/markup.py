"""Mentions in a text, as marks that a language model can write, and back: `put {the flour} in {the bowl}`.

A mention may have a tag, for example a number: `{3|the flour}`. Mentions may be nested, but may not cross. `plain` replaces the
braces and bars of the text itself, so that each brace in a reply is a mark. A reply should repeat the text, but often changes
some characters; `recover` aligns the two to locate the mentions, and returns the others with the reason.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from typing import NamedTuple

_MARK_CHARACTERS = str.maketrans("{}|", "()/")
_MARK = re.compile(r"\{(?:([^{}|\n]{0,40})\|)?|\}")
_WORD = re.compile(r"\w+\W*|\W+")
_SAME = str.maketrans("‘’‚‛`´“”„‟«»‐‑‒–—―−", "''''''\"\"\"\"\"\"-------")
"""Characters that models and keyboards write in place of each other."""
_MOST_MEETINGS = 2_000_000
"""Pairs of equal pieces of two texts up to which all count in aligning; of more, only rare pieces do, or it takes minutes."""
_GAP = 3
"""Characters left out at the edge of a mention that still belong to it, where they belong to its word."""


class Mention(NamedTuple):
    """A piece of a text, and what stands before the bar in its mark."""

    start: int
    end: int
    tag: str = ""


class Lost(NamedTuple):
    """A marked piece that is not in the text, and the reason."""

    text: str
    reason: str


def plain(text: str) -> str:
    """The text with its braces and bars replaced, at the same length, so that they are not read as marks."""
    return text.translate(_MARK_CHARACTERS)


def mark(text: str, spans: Sequence[tuple[int, int]], tags: Sequence[str] = ()) -> str:
    """The text with each span in braces, its tag before it if there are tags."""
    named = dict(zip(spans, tags, strict=True)) if tags else {}
    kept, crossing = nested(set(spans))
    if crossing or any(not 0 <= start < end <= len(text) for start, end in spans):
        raise ValueError(f"Mentions lie in their text and do not cross, unlike {(crossing or list(spans))[0]} of {text[:60]!r}.")
    opening = [(start, 1, -end, f"{{{named[start, end]}|" if named else "{") for start, end in kept]
    closing = [(end, 0, -start, "}") for start, end in kept]
    pieces, position = [], 0
    for place, *_, sign in sorted(opening + closing):
        pieces += [plain(text[position:place]), sign]
        position = place
    return "".join([*pieces, plain(text[position:])])


def nested(spans: Iterable[tuple[int, int]]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Spans in the order of the text, outer before inner; and those that cross one before them."""
    kept, crossing, around = list[tuple[int, int]](), list[tuple[int, int]](), list[tuple[int, int]]()
    for span in sorted(spans, key=lambda span: (span[0], -span[1])):
        around = [outer for outer in around if outer[1] > span[0]]
        fits = all(span[1] <= outer[1] for outer in around)
        (kept if fits else crossing).append(span)
        around += [span] if fits else []
    return kept, crossing


def recover(text: str, marked: str) -> tuple[list[Mention], list[Lost]]:
    """The mentions of a marked text as places in the text, and the marked pieces that are not in the text."""
    bare, marked_spans, lost = without_marks(marked)
    places = _alignment(plain(text), bare)
    mentions: dict[tuple[int, int], Mention] = {}
    for start, end, tag in marked_spans:
        span = _place_of(text, bare, places, start, end)
        if isinstance(span, str):
            lost.append(Lost(bare[start:end], span))
        else:
            mentions.setdefault(span, Mention(*span, tag))
    kept, crossing = nested(mentions)
    lost += [Lost(text[start:end], "crosses another mention") for start, end in crossing]
    return [mentions[span] for span in kept], lost


def without_marks(marked: str) -> tuple[str, list[Mention], list[Lost]]:
    """A marked text without its marks, the places of the marks, and the brackets that have no partner."""
    pieces, opened, closed, lost = list[str](), list[tuple[int, str]](), list[Mention](), list[Lost]()
    at = size = 0
    for sign in _MARK.finditer(marked):
        pieces.append(marked[at : sign.start()])
        size, at = size + len(pieces[-1]), sign.end()
        if sign[0] != "}":
            opened.append((size, (sign[1] or "").strip()))
        elif opened:
            start, tag = opened.pop()
            closed.append(Mention(start, size, tag))
        else:
            lost.append(Lost("".join(pieces)[-40:], "bracket never opened"))
    bare = "".join([*pieces, marked[at:]])
    lost += [Lost(bare[start : start + 40], "bracket never closed") for start, _ in opened]
    return bare, sorted(closed, key=lambda mention: (mention.start, -mention.end)), lost


def _place_of(text: str, bare: str, places: list[tuple[int, bool]], start: int, end: int) -> tuple[int, int] | str:
    """The place in the text of a piece of the bare reply, or the reason why there is none."""
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
    # Without spaces between words, omitted characters may also belong to the next word.
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
    """For each character of a reply its place in the text (-1: none) and whether it is the same there. Words are aligned first,
    then the characters within the words that differ, so that distant pieces are not matched."""
    plain_text, plain_reply = _alike(text), _alike(bare)
    if plain_text == plain_reply:
        return [(place, True) for place in range(len(text))]
    places = [(-1, False)] * len(bare)
    text_words, reply_words = _WORD.findall(plain_text), _WORD.findall(plain_reply)
    text_edges, reply_edges = _edges(text_words), _edges(reply_words)
    for same, i, i_end, j, j_end in _blocks(text_words, reply_words):
        a, a_end, b, b_end = text_edges[i], text_edges[i_end], reply_edges[j], reply_edges[j_end]
        if same:
            places[b:b_end] = [(place, True) for place in range(a, a_end)]
            continue
        for same, k, k_end, m, m_end in _blocks(plain_text[a:a_end], plain_reply[b:b_end]):
            if same or k_end - k == m_end - m:  # Changed one for one.
                places[b + m : b + m_end] = [(a + place, same) for place in range(k, k_end)]
    return places


def _blocks(first: Sequence[str], second: Sequence[str]) -> Iterator[tuple[bool, int, int, int, int]]:
    """The blocks of two sequences that are the same, and those that differ."""
    counts, second_counts = Counter(first), Counter(second)
    too_long = sum(count * second_counts[piece] for piece, count in counts.items()) > _MOST_MEETINGS
    for name, a, a_end, b, b_end in SequenceMatcher(None, first, second, autojunk=too_long).get_opcodes():
        yield name == "equal", a, a_end, b, b_end


def _edges(words: Sequence[str]) -> list[int]:
    """Where each word starts, and where the last one ends."""
    edges = [0]
    for word in words:
        edges.append(edges[-1] + len(word))
    return edges


def _alike(text: str) -> str:
    """The text in lower case, with plain quotes, dashes and spaces; as long as before."""
    return "".join(map(_bare_character, text.translate(_SAME)))


def _bare_character(character: str) -> str:
    lower = character.lower()
    return " " if character.isspace() else lower if len(lower) == 1 else character
