"""What a student reads shows all of an example, and the right tags and roles read back as the right answer."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_up import DISHES, MADE_UP
from refusing import refused
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from lib.core.encoders import EMBEDDED, open_tokenizer
from lib.core.kinds import kind_of
from lib.core.sources import Row
from lib.core.tasks import Card, load_rows, read_card
from lib.training.tokenization import (
    READERS,
    ChoiceReader,
    FrameReader,
    Item,
    LabelReader,
    Link,
    SpanReader,
    _apart,
    _Mention,
    _owner,
    _place,
    _Placed,
    _runs,
    _special_tokens,
    _trimmed,
    is_trigger,
    out_of_sight,
)

TOKENIZER = open_tokenizer(EMBEDDED)
CLS, SEP = TOKENIZER.cls_token_id, TOKENIZER.sep_token_id
COOKING = read_card("frames")


def rows_of(task: str, part: str = "train") -> list[Row]:
    return load_rows(read_card(task), part)


def plain(text: str) -> list[int]:
    return TOKENIZER(text, add_special_tokens=False)["input_ids"]


def words(text: str) -> list[tuple[int, int]]:
    """The characters of each word that stands between spaces."""
    ends = list(itertools.accumulate(len(word) + 1 for word in text.split(" ")))
    return [(end - 1 - len(word), end - 1) for word, end in zip(text.split(" "), ends, strict=True) if word]


# ---- texts, pairs and choices ----


@pytest.mark.parametrize(
    ("task", "first", "second"), [("entailment", "premise", "hypothesis"), ("passage", "passage", "question")]
)
def test_a_pair_is_one_piece_that_says_which_text_each_token_is_of(task: str, first: str, second: str) -> None:
    reader = READERS[read_card(task).task_kind.answers_with](read_card(task), TOKENIZER, 512)
    for row in rows_of(task)[:40]:
        (item,) = reader.items(row)
        one, other = plain(row[first]), plain(row[second])
        assert item.pieces == [([CLS, *one, SEP, *other, SEP], [0] * (len(one) + 2) + [1] * (len(other) + 1))]
        assert not item.cut


@pytest.mark.parametrize(
    ("task", "longest", "ways"),
    [("entailment", 40, {True, False}), ("entailment", 24, {True}), ("passage", 80, {True, False}), ("passage", 512, {False})],
)
def test_of_a_pair_that_is_too_long_the_longer_part_is_cut(task: str, longest: int, ways: set[bool]) -> None:
    card, seen = read_card(task), set[bool]()
    reader = LabelReader(card, TOKENIZER, longest)
    for row in rows_of(task):
        one, other = (plain(row[field]) for field in card.fields)
        assert len(one) > len(other)
        (item,) = reader.items(row)
        ids, types, room = *item.pieces[0], longest - 3
        left, right = types.count(0) - 2, types.count(1) - 1
        assert ids == [CLS, *one[:left], SEP, *other[:right], SEP]
        assert types == sorted(types)
        assert item.cut == (len(one) + len(other) > room)
        assert left + right == min(room, len(one) + len(other))
        assert right == len(other) or abs(left - right) <= 1, "the shorter part is cut once both are as long"
        seen.add(item.cut)
    assert seen == ways, "the lengths of this data test something else"


def test_a_text_is_one_piece_and_is_cut_at_its_end() -> None:
    reader = LabelReader(read_card("sentiment"), TOKENIZER, 12)
    short, long = "Good.", "word " * 30
    assert reader.items({"text": short}) == [Item([([CLS, *plain(short), SEP], [0] * 4)])]  # type: ignore[list-item]
    (item,) = reader.items({"text": long})
    assert item.pieces[0].ids == [CLS, *plain(long)[:10], SEP]
    assert item.cut


@pytest.mark.parametrize("more", [0, 1])
def test_a_text_that_just_fits_is_not_cut(more: int) -> None:
    (item,) = LabelReader(read_card("sentiment"), TOKENIZER, 12).items({"text": "word " * (10 + more)})
    assert len(item.pieces[0].ids) == 12
    assert item.cut == bool(more)


def test_of_more_texts_than_two_the_last_stands_apart() -> None:
    labels = {"yes": "it is so", "no": "it is not"}
    card = Card(**MADE_UP, kind="passage_yesno", fields=dict.fromkeys(["title", "text", "question"], "a text"), labels=labels)
    (item,) = LabelReader(card, TOKENIZER, 64).items({"title": "Tea", "text": "A drink.", "question": "is tea a drink"})
    first, last = plain("Tea A drink."), plain("is tea a drink")
    assert item.pieces == [([CLS, *first, SEP, *last, SEP], [0] * (len(first) + 2) + [1] * (len(last) + 1))]


def test_a_tokenizer_that_tells_no_types_gives_none() -> None:
    reader = LabelReader(read_card("entailment"), TINY["bytes"], 64)
    (item,) = reader.items({"premise": "the cook", "hypothesis": "cuts onions"})
    assert item.pieces[0].types == [0] * len(item.pieces[0].ids)


def test_each_choice_is_read_with_its_question() -> None:
    reader = ChoiceReader(read_card("commonsense"), TOKENIZER, 64)
    for row in rows_of("commonsense")[:40]:
        (item,) = reader.items(row)
        question = plain(row["question"])
        expected = [([CLS, *question, SEP, *plain(choice), SEP], len(question) + 2) for choice in row["choices"]]
        assert [piece.ids for piece in item.pieces] == [ids for ids, _ in expected]
        assert [piece.types for piece in item.pieces] == [[0] * one + [1] * (len(ids) - one) for ids, one in expected]
        assert len(item.pieces) == 5
        assert not item.cut


def test_one_choice_too_long_says_that_the_example_is_cut() -> None:
    reader = ChoiceReader(read_card("commonsense"), TOKENIZER, 12)
    question = "What is hot?"
    short, long = ({"question": question, "choices": ["ice", end]} for end in ("fire", "fire " * 9))
    assert [reader.items(row)[0].cut for row in (short, long)] == [False, True]
    assert [len(piece.ids) for piece in reader.items(long)[0].pieces] == [8, 12]


@pytest.mark.parametrize("task", ["sentiment", "entailment", "passage", "strategy", "commonsense"])
def test_the_target_answers_with_the_gold_answer(task: str) -> None:
    card = read_card(task)
    reader = READERS[card.task_kind.answers_with](card, TOKENIZER, 32)
    for row in rows_of(task)[:40]:
        items = reader.items(row)
        assert items[0].target is None
        reader.teach(items, row)
        answer = reader.answer(items, [items[0].target])
        assert answer == kind_of(card.kind).gold(row)
        assert (row["choices"][answer] if task == "commonsense" else answer) == row["label"]


# ---- what a dialogue is cut into ----


def checked_windows(reader: Any, turns: Sequence[tuple[str, str]], items: Sequence[Item]) -> None:
    """Every token of every turn is in a window and owned by one; each window is what the encoder expects."""
    begin, end = _special_tokens(reader.tokenizer)
    whole = [reader.tokens(text) for _, text in turns]
    marks = [reader.tokens(f"{speaker}:")[0] if speaker else [] for speaker, _ in turns]
    shown = [set[int]() for _ in turns]
    for item in items:
        (piece,) = item.pieces
        assert len(piece.ids) <= reader.longest
        assert piece.types == [0] * len(piece.ids)
        between = range(item.placed[0].turn, item.placed[-1].turn + 1)
        assert [one.turn for one in item.placed] == [turn for turn in between if whole[turn][0]]
        rebuilt = list(begin)
        for turn, at, offsets, *_ in item.placed:
            rebuilt += marks[turn]
            assert at == len(rebuilt)
            ids, every = whole[turn]
            starts = [k for k in range(len(every)) if every[k : k + len(offsets)] == offsets and piece.ids[at] == ids[k]]
            assert starts, "a stretch of a turn that is not one"
            rebuilt += ids[starts[0] : starts[0] + len(offsets)]
            shown[turn].update(range(starts[0], starts[0] + len(offsets)))
        assert piece.ids == rebuilt + end
        assert not item.cut
    for turn, (ids, offsets) in enumerate(whole):
        assert shown[turn] == set(range(len(ids)))
        for start, stop in (pair for pair in offsets if pair[0] < pair[1]):
            owners = [item for item in items if item.owns(_Mention(turn, start, stop, ""))]
            assert len(owners) == 1, (turn, start, stop)
            assert any(one.turn == turn and (start, stop) in one.offsets for one in owners[0].placed)


def turns_of(row: Row) -> list[tuple[str, str]]:
    return [(turn.get("speaker") or "", turn["text"]) for turn in row["turns"]]


@pytest.mark.parametrize("longest", [48, 64, 128, 512])
@pytest.mark.parametrize("part", ["train", "garden", "ja"])
def test_windows_show_all_of_a_dialogue(part: str, longest: int) -> None:
    reader = FrameReader(COOKING, TOKENIZER, longest)
    for row in rows_of("frames", part)[:6]:
        items = reader.items(row)
        checked_windows(reader, turns_of(row), items)
        assert (len(items) == 1) == (longest == 512)


WORDS = [
    "stir",
    "the",
    "onions",
    "unbelievably",
    "...",
    "😀",
    "👩‍🍳",
    "玉ねぎ",
    "を切る",
    "café",
    "naïve",
    "-",
    "é",
    "\u200b",
    "नमस्ते",
]
TEXTS = st.lists(st.sampled_from(WORDS), min_size=1, max_size=80).map(" ".join)
DIALOGUES = st.lists(st.tuples(st.sampled_from(["", "cook", "A", "客"]), TEXTS), min_size=1, max_size=8)


@settings(max_examples=60)
@given(turns=DIALOGUES, longest=st.integers(20, 140))
def test_windows_show_all_of_any_dialogue(turns: list[tuple[str, str]], longest: int) -> None:
    reader = FrameReader(COOKING, TOKENIZER, longest)
    row = {"turns": [{"speaker": speaker, "text": text} for speaker, text in turns], "frames": []}
    items = reader.items(row)
    checked_windows(reader, turns, items)
    reader.teach(items, row)
    assert all(set(item.target.tags) == {0} and item.target.links == [] for item in items)


def test_a_dialogue_that_fits_is_one_window_with_marks() -> None:
    row = {"turns": [{"speaker": "A", "text": "Stir it."}, {"speaker": None, "text": "Why?"}, {"text": "..."}], "frames": []}
    (item,) = FrameReader(COOKING, TOKENIZER, 64).items(row)
    assert item.pieces[0].ids == [CLS, *plain("a:"), *plain("stir it."), *plain("why?"), *plain("..."), SEP]
    assert item.placed == [
        _Placed(0, 3, [(0, 4), (5, 7), (7, 8)]),
        _Placed(1, 6, [(0, 3), (3, 4)]),
        _Placed(2, 8, [(0, 1), (1, 2), (2, 3)]),
    ]
    assert item.owned == [(0, 0, 8), (1, 0, 4), (2, 0, 3)]


def test_a_turn_longer_than_a_window_is_read_whole() -> None:
    """300 tokens in windows of 64, of which 60 are left after two special tokens and a mark of two: 29 from the middle on."""
    reader = FrameReader(COOKING, TOKENIZER, 64)
    text = " ".join(["one two three four five six"] * 50)
    items = reader.items({"turns": [{"speaker": "A", "text": "Go on."}, {"speaker": "B", "text": text}], "frames": []})
    checked_windows(reader, [("A", "Go on."), ("B", text)], items)
    assert len(items) > 5
    whole = plain(text)
    for item in items:
        last = item.placed[-1]
        first = next(k for k, (start, _) in enumerate(words(text)) if start == last.offsets[0][0])
        stop = last.at + len(last.offsets)
        assert item.pieces[0].ids[last.at : stop] == whole[first : first + len(last.offsets)], "portions are not joined"
        assert item.pieces[0].ids[last.at - 2 : last.at] == plain("b:")
        assert item.pieces[0].ids[stop:] == [SEP]
        assert [one.turn for one in item.placed] in ([0, 1], [1])


@pytest.mark.parametrize("longest", [1, 8, 13])
def test_a_window_too_small_for_a_dialogue_is_refused(longest: int) -> None:
    reader = FrameReader(COOKING, TOKENIZER, longest)
    refused(lambda: reader.items({"turns": [{"speaker": "A", "text": "Hi."}]}), f"max_tokens is {longest}", "more than that")
    assert FrameReader(COOKING, TOKENIZER, 14).items({"turns": [{"speaker": "A", "text": "Hi."}]})


def test_turns_that_hold_no_token_are_passed_over() -> None:
    """A zero-width space is a text to a card, and nothing to this tokenizer."""
    reader, nothing = FrameReader(COOKING, TOKENIZER, 64), {"speaker": "A", "text": "\u200b"}
    assert reader.items({"turns": [nothing, nothing], "frames": []}) == []
    assert reader.answer([], []) == []
    (item,) = reader.items({"turns": [nothing, {"speaker": "B", "text": "Stir."}, nothing], "frames": []})
    assert item.pieces[0].ids == [CLS, *plain("b:"), *plain("Stir."), SEP]
    assert [one.turn for one in item.placed] == [1]


# ---- frames: what is taught reads back ----

Argument = tuple[tuple[Any, ...], tuple[Any, ...]]


def taught_answer(reader: Any, row: Row) -> tuple[list[Item], list[Row]]:
    """The answer of a student that makes no mistake: the mentions that the gold tags say, with the gold links."""
    items = reader.items(row)
    reader.teach(items, row)
    outputs = []
    for item in items:
        mentions = reader.mentions(item, item.target.tags)
        assert sorted(mentions.values()) == sorted(item.target.mentions.values())
        places, gold = list(mentions.values()), list(item.target.mentions.values())
        triggers = [mentions[one] for one in mentions if is_trigger(one)]
        gold_triggers = [place for one, place in item.target.mentions.items() if is_trigger(one)]
        links = [
            Link(places.index(gold[link.argument]), triggers.index(gold_triggers[link.trigger]), link.role)
            for link in item.target.links
        ]
        outputs.append((list(mentions), links))
    return items, reader.answer(items, outputs)


def heads(frames: Sequence[Row]) -> Counter[tuple[Any, ...]]:
    return Counter((frame["type"], *frame["trigger"].values()) for frame in frames)


def links(frames: Sequence[Row]) -> Counter[Argument]:
    """Each argument with its frame."""
    return Counter(
        ((frame["type"], *frame["trigger"].values()), (one["role"], one["turn"], one["start"], one["end"]))
        for frame in frames
        for one in frame["arguments"]
    )


def crossed(frames: Sequence[Row]) -> set[tuple[Any, ...]]:
    """Mentions that share characters with another."""
    every = {*heads(frames), *(argument for _, argument in links(frames))}
    return {
        one for one in every for other in every if one != other and one[1] == other[1] and one[2] < other[3] and other[2] < one[3]
    }


@pytest.mark.parametrize("part", ["train", "test", "garden"])
def test_what_a_whole_dialogue_teaches_reads_back_as_its_frames(part: str) -> None:
    reader, n, lost = FrameReader(COOKING, TOKENIZER, 512), 0, 0
    for row in rows_of("frames", part):
        right = kind_of("frames").gold(row)
        items, answer = taught_answer(reader, row)
        assert len(items) == 1
        assert heads(answer) == heads(right)
        assert not links(answer) - links(right)
        missing = links(right) - links(answer)
        assert {argument for _, argument in missing} <= crossed(right)
        assert answer == sorted(answer, key=lambda frame: tuple(frame["trigger"].values()))
        n += len(heads(right)) + len(links(right))
        lost += missing.total()
    assert lost < n / 100


def test_of_japanese_all_that_tokens_can_say_reads_back() -> None:
    """The embedded tokenizer knows few words of Japanese and makes one unknown token of many a row of kana, so some mentions
    begin or end within a token."""
    reader, n, lost = FrameReader(COOKING, TOKENIZER, 512), 0, 0
    for row in rows_of("frames", "ja"):
        right = kind_of("frames").gold(row)
        offsets = [reader.tokens(turn["text"])[1] for turn in row["turns"]]
        _, answer = taught_answer(reader, row)
        every = {*heads(right), *(argument for _, argument in links(right))}
        within = {one for one in every if not {one[2]} <= {start for start, _ in offsets[one[1]]}}
        within |= {one for one in every if not {one[3]} <= {end for _, end in offsets[one[1]]}}
        plain_ones = every - within - crossed(right)
        beside = {one for one in plain_ones if any(share(offsets[one[1]], one, other) for other in within)}
        sayable = plain_ones - beside
        assert not {one for one in sayable if one in heads(right)} - set(heads(answer))
        expected = {(head, argument) for head, argument in links(right) if head in sayable and argument in sayable}
        assert not expected - set(links(answer))
        n += len(every)
        lost += len(every - sayable)
    assert lost < n / 10


def share(offsets: list[tuple[int, int]], one: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    """Whether two mentions have a token in common."""
    return one[1] == other[1] and any(
        max(start, one[2]) < min(end, one[3]) and max(start, other[2]) < min(end, other[3]) for start, end in offsets
    )


@pytest.mark.parametrize("longest", [64, 128])
@pytest.mark.parametrize("part", ["train", "test", "garden"])
def test_short_windows_teach_every_frame_but_for_arguments_out_of_sight(part: str, longest: int) -> None:
    reader, n, lost = FrameReader(COOKING, TOKENIZER, longest), 0, 0
    for row in rows_of("frames", part):
        right = kind_of("frames").gold(row)
        items, answer = taught_answer(reader, row)
        assert heads(answer) == heads(right), row["id"]
        hidden = crossed(right)
        for head, argument in links(right) - links(answer):
            mentions = _Mention(*head[1:], head[0]), _Mention(*argument[1:], argument[0])
            assert argument in hidden or not any(all(map(item.shows, mentions)) for item in items)
        for head, (role, turn, start, end) in links(answer) - links(right):
            whole = [one for other, one in links(right) if other == head and one[:2] == (role, turn)]
            assert any(one[2] <= start and end <= one[3] for one in whole), "neither an argument nor the part of one in sight"
        n += links(right).total()
        lost += (links(right) - links(answer)).total()
    assert lost < n * (0.13 if longest == 64 else 0.05)


def framed(*turns: str, frames: Sequence[tuple[str, str, list[tuple[str, str]]]] = ()) -> Row:
    """A dialogue whose frames name their mentions by words that occur once in it, or by a word and its number in it (it#1)."""

    def found(said: str) -> dict[str, int]:
        text, _, number = said.partition("#")
        every = [(k, at) for k, turn in enumerate(turns) for at in range(len(turn)) if turn.startswith(text, at)]
        assert number or len(every) == 1, said
        turn, start = every[int(number or 0)]
        return {"turn": turn, "start": start, "end": start + len(text)}

    made = [
        {
            "type": kind,
            "trigger": found(trigger),
            "arguments": [{"role": role, **found(one)} for role, one in arguments],
        }
        for kind, trigger, arguments in frames
    ]
    return {"turns": [{"speaker": "AB"[k % 2], "text": turn} for k, turn in enumerate(turns)], "frames": made}


HAND_MADE = {
    "a trigger that is an argument": framed(
        "Peel the onions, then slice.",
        frames=[("Remove", "Peel", [("Object", "the onions")]), ("Divide", "slice", [("Object", "Peel"), ("Time", "then")])],
    ),
    "two triggers, each of the other": framed(
        "Stir while it cooks.", frames=[("Combine", "Stir", [("Time", "cooks")]), ("Change", "cooks", [("Manner", "Stir")])]
    ),
    "a trigger that is its own argument": framed("Salt it.", frames=[("Combine", "Salt", [("Object", "Salt"), ("Place", "it")])]),
    "several roles in one frame": framed(
        "Use water.", frames=[("Combine", "Use", [("Object", "water"), ("Instrument", "water")])]
    ),
    "a role in each frame": framed(
        "Boil water, wash it.", frames=[("Change", "Boil", [("Object", "water")]), ("Remove", "wash", [("Instrument", "water")])]
    ),
    "no frames": framed("Hello.", "Well, hello!"),
    "no arguments": framed("So you stir?", "...", frames=[("Combine", "stir", [])]),
    "empty-ish turns": framed("...", "😀", "Stir it.", "👩‍🍳", frames=[("Combine", "Stir", [("Object", "it")])]),
    "one argument of two frames": framed(
        "Peel and slice the onions.",
        frames=[("Remove", "Peel", [("Object", "the onions")]), ("Divide", "slice", [("Object", "the onions")])],
    ),
    "an argument in another turn": framed(
        "What do you do with the rice?", "Wash it.", frames=[("Remove", "Wash", [("Object", "the rice"), ("Object", "it.")])]
    ),
    "mentions side by side": framed(
        "Add salt now.", frames=[("Combine", "Add", [("Object", "salt"), ("Time", "now")]), ("Get", ".", [])]
    ),
    "a whole turn": framed("With what?", "A sharp knife", frames=[("Divide", "what", [("Instrument", "A sharp knife")])]),
    "spaces around": framed("  Stir  the   soup ", frames=[("Combine", "Stir", [("Object", "the   soup")])]),
    "Chinese": framed("把洋葱切成小块", frames=[("Divide", "切", [("Object", "洋葱"), ("Manner", "成小块")])]),
    "accents": framed(
        "Für Öl: erhitze den Käse", frames=[("Change", "erhitze", [("Object", "den Käse"), ("Purpose", "Für Öl")])]
    ),
    "Hangul": framed("양파를 썰어", frames=[("Divide", "썰어", [("Object", "양파를")])]),
}


@pytest.mark.parametrize("case", HAND_MADE)
def test_what_is_taught_reads_back_exactly(case: str) -> None:
    row = HAND_MADE[case]
    items, answer = taught_answer(FrameReader(COOKING, TOKENIZER, 128), row)
    assert len(items) == 1
    assert heads(answer) == heads(kind_of("frames").gold(row))
    assert links(answer) == links(kind_of("frames").gold(row))


@st.composite
def nested_dialogues(draw: st.DrawFn) -> Row:
    """Turns of words, some of which are triggers; any word, also a trigger, may be an argument of any, in any roles."""
    turns, places = [], list[dict[str, int]]()
    for turn in range(draw(st.integers(1, 4))):
        said = draw(st.lists(st.sampled_from(["stir", "the", "onions", "hot", "pan", "crème"]), min_size=1, max_size=9))
        turns.append({"speaker": draw(st.sampled_from(["A", "B"])), "text": " ".join(said)})
        places += [{"turn": turn, "start": start, "end": end} for start, end in words(turns[-1]["text"])]
    frames = []
    for trigger in draw(st.lists(st.sampled_from(places), unique_by=lambda one: tuple(one.values()), max_size=5)):
        roles, kind = st.sampled_from(["Object", "Time", "Manner"]), draw(st.sampled_from(["Combine", "Divide"]))
        arguments = draw(st.lists(st.tuples(roles, st.integers(0, len(places) - 1)), unique=True, max_size=5))
        made = [{"role": role, **places[number]} for role, number in arguments]
        frames.append({"type": kind, "trigger": trigger, "arguments": made})
    return {"turns": turns, "frames": frames}


@given(row=nested_dialogues())
def test_frames_whose_triggers_are_arguments_read_back(row: Row) -> None:
    right = kind_of("frames").gold(row)
    _, answer = taught_answer(FrameReader(COOKING, TOKENIZER, 128), row)
    assert heads(answer) == heads(right)
    assert links(answer) == links(right)


@given(row=nested_dialogues(), longest=st.integers(16, 60))
def test_in_short_windows_all_that_one_of_them_shows_reads_back_once(row: Row, longest: int) -> None:
    right = kind_of("frames").gold(row)
    items, answer = taught_answer(FrameReader(COOKING, TOKENIZER, longest), row)
    assert heads(answer) == heads(right)
    assert not links(answer) - links(right)
    for head, argument in links(right) - links(answer):
        mentions = _Mention(*head[1:], head[0]), _Mention(*argument[1:], argument[0])
        assert not any(all(map(item.shows, mentions)) for item in items)


def test_arguments_that_no_window_shows_with_their_trigger_are_counted() -> None:
    far = " ".join(["one two three four five six"] * 20)
    row = framed(
        "Onions, salt.",
        far,
        "Chop.",
        frames=[("Divide", "Chop", [("Object", "Onions")]), ("Get", "Onions", [("Object", "salt")])],
    )
    for longest, expected in ((64, (1, 2)), (512, (0, 2))):
        assert out_of_sight(FrameReader(COOKING, TOKENIZER, longest).items(row), row) == expected
    assert out_of_sight([], {"text": "No frames.", "label": "x"}) == (0, 0)


def test_an_argument_out_of_sight_of_the_window_that_owns_its_trigger_comes_from_one_that_shows_both() -> None:
    """Four portions a window; the trigger ends the first window but one, its argument stands far before it."""
    text = " ".join(["one two three four five six"] * 40)
    every = words(text)
    reader = FrameReader(COOKING, TOKENIZER, 64)
    far = 40
    found = 0
    for number in range(far, len(every), 7):
        trigger, argument = ({"turn": 0, "start": every[k][0], "end": every[k][1]} for k in (number, number - far))
        frames = [{"type": "Keep", "trigger": trigger, "arguments": [{"role": "Object", **argument}]}]
        row = {"turns": [{"speaker": "A", "text": text}], "frames": frames}
        items, answer = taught_answer(reader, row)
        ((owner,), (said,)) = [item for item in items if item.owns(_Mention(*trigger.values(), ""))], answer
        both = [
            item for item in items if item.shows(_Mention(*trigger.values(), "")) and item.shows(_Mention(*argument.values(), ""))
        ]
        assert bool(said["arguments"]) == bool(both)
        found += owner not in both and bool(both)
    assert found


COMBINED = ["Le cafe\u0301 noir", "cafe\u0301", "un e\u0301te\u0301, oui", "☕️ please", "Tie\u0302\u0301ng Vie\u0323\u0302t"]


@pytest.mark.parametrize("text", COMBINED)
def test_a_mark_that_combines_with_a_letter_belongs_to_its_mention(text: str) -> None:
    """Decomposed text, as some systems write it: the tokenizer drops the marks, but they are characters of the example."""
    reader = SpanReader(DISHES, TOKENIZER, 64)
    for start, end in words(text.replace(",", " ")):
        row = {"text": text, "spans": [{"start": start, "end": end, "label": "dish"}]}
        items = reader.items(row)
        reader.teach(items, row)
        assert reader.answer(items, [item.target for item in items]) == row["spans"]


@pytest.mark.parametrize("longest", [64, 65, 66, 80])
def test_a_character_of_several_tokens_is_owned_once(longest: int) -> None:
    """This tokenizer reads a syllable of Hangul as two or three letters, and a portion may end between them."""
    text = "가나다라마바각 " * 20
    triggers = [{"turn": 0, "start": k, "end": k + 1} for k, character in enumerate(text) if character != " "]
    row = {
        "turns": [{"speaker": "A", "text": text}],
        "frames": [{"type": "Place", "trigger": trigger, "arguments": []} for trigger in triggers],
    }
    _, answer = taught_answer(FrameReader(COOKING, TOKENIZER, longest), row)
    assert [frame["trigger"] for frame in answer] == triggers


@pytest.mark.parametrize("longest", [64, 65, 66, 67, 80, 128])
def test_a_mention_across_portions_of_a_turn_is_read_whole(longest: int) -> None:
    """A long monologue, each of whose triggers is a word of four tokens: somewhere a portion ends within one."""
    text = " ".join(["we prehydrated it"] * 40)
    triggers = [{"turn": 0, "start": start, "end": end} for start, end in words(text) if text[start] == "p"]
    assert len(plain("prehydrated")) == 4
    row = {
        "turns": [{"speaker": "A", "text": text}],
        "frames": [{"type": "Keep", "trigger": trigger, "arguments": []} for trigger in triggers],
    }
    _, answer = taught_answer(FrameReader(COOKING, TOKENIZER, longest), row)
    assert [frame["trigger"] for frame in answer] == triggers


def test_of_mentions_that_overlap_the_trigger_then_the_longer_is_taught() -> None:
    text = "Put the lid of the pot on."
    frames = [("Place", "lid", [("Object", "the lid"), ("Place", "the pot on"), ("Partner", "pot")])]
    _, answer = taught_answer(FrameReader(COOKING, TOKENIZER, 64), framed(text, frames=frames))
    start = text.index("the pot on")
    assert answer == [
        {
            "type": "Place",
            "trigger": {"turn": 0, "start": 8, "end": 11},
            "arguments": [{"role": "Place", "turn": 0, "start": start, "end": start + 10}],
        }
    ]


def test_targets_by_hand() -> None:
    row = framed(
        "Peel and slice the onions.",
        "Quickly.",
        frames=[
            ("Remove", "Peel", [("Object", "the onions")]),
            ("Divide", "slice", [("Object", "the onions"), ("Manner", "Quickly")]),
        ],
    )
    reader = FrameReader(COOKING, TOKENIZER, 64)
    items = reader.items(row)
    reader.teach(items, row)
    types, roles = list(COOKING.labels), list(COOKING.roles)
    remove, divide = (1 + 2 * types.index(name) for name in ("Remove", "Divide"))
    thing, manner = (1 + 2 * (len(types) + roles.index(name)) for name in ("Object", "Manner"))
    # [CLS] a : peel and slice the onions . b : quickly . [SEP]
    assert items[0].target.tags == [0, 0, 0, remove, 0, divide, thing, thing + 1, 0, 0, 0, manner, 0, 0]
    assert list(items[0].target.mentions.values()) == [(3, 4), (5, 6), (6, 8), (11, 12)]
    of_object, of_manner = roles.index("Object"), roles.index("Manner")
    assert set(items[0].target.links) == {Link(2, 0, of_object), Link(2, 1, of_object), Link(3, 1, of_manner)}
    assert reader.tags == 1 + 2 * (len(types) + len(roles))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([0, 0, 0, 0], []),
        ([1, 2, 0, 3], [(0, 8, "dish"), (12, 14, "tool")]),
        ([1, 1, 2, 2], [(0, 3, "dish"), (4, 14, "dish")]),
        ([2, 2, 0, 4], [(0, 8, "dish"), (12, 14, "tool")]),  # An I with no B before it.
        ([1, 4, 4, 2], [(0, 3, "dish"), (4, 11, "tool"), (12, 14, "dish")]),  # An I of another name.
        ([3, 4, 3, 1], [(0, 8, "tool"), (9, 11, "tool"), (12, 14, "dish")]),
    ],
)
def test_tags_read_back_by_hand(tags: list[int], expected: list[tuple[int, int, str]]) -> None:
    reader = SpanReader(DISHES, TOKENIZER, 64)
    items = reader.items({"text": "Hot soup is it"})
    found = reader.answer(items, [[0, *tags, 0]])
    assert [(one["start"], one["end"], one["label"]) for one in found] == expected


# ---- spans ----


def spans_of(text: str, *places: tuple[str, str]) -> Row:
    return {
        "text": text,
        "spans": [{"start": text.index(one), "end": text.index(one) + len(one), "label": label} for one, label in places],
    }


@pytest.mark.parametrize(
    "row",
    [
        spans_of("Fry an omelette in the iron pan.", ("an omelette", "dish"), ("the iron pan", "tool")),
        spans_of("Nothing here."),
        spans_of("soup", ("soup", "dish")),
        spans_of("soup pan", ("soup", "dish"), ("pan", "tool")),
        spans_of("  soup \n pan  ", ("soup", "dish"), ("pan", "tool")),
        spans_of("鍋で味噌汁を作る", ("鍋", "tool"), ("味噌汁", "dish")),
        spans_of("A crème brûlée, please", ("crème brûlée", "dish")),
    ],
    ids=lambda row: row["text"].strip(),
)
def test_spans_read_back(row: Row) -> None:
    reader = SpanReader(DISHES, TOKENIZER, 64)
    items = reader.items(row)
    reader.teach(items, row)
    assert reader.answer(items, [item.target for item in items]) == kind_of("spans").gold(row)
    assert [item.pieces[0].ids for item in items] == [[CLS, *plain(row["text"]), SEP]]


@pytest.mark.parametrize("longest", [12, 20, 33, 64, 128])
def test_spans_of_a_text_in_many_windows_are_answered_once(longest: int) -> None:
    """Words of one token each, of which every fifth is a span, once as one and once as the other kind."""
    text = " ".join(["chop the fresh red onions and fry them in hot oil with salt until they are soft"] * 12)
    assert len(plain(text)) == len(words(text))
    marked = [{"start": start, "end": end, "label": ["dish", "tool"][k % 2]} for k, (start, end) in enumerate(words(text)[::5])]
    reader, row = SpanReader(DISHES, TOKENIZER, longest), {"text": text, "spans": marked}
    items = reader.items(row)
    assert len(items) > 1
    checked_windows(reader, [("", text)], items)
    reader.teach(items, row)
    assert reader.answer(items, [item.target for item in items]) == marked


def test_of_windows_that_disagree_the_one_that_owns_a_place_is_believed() -> None:
    text = " ".join(["chop the red onions"] * 60)
    marked = [{"start": start, "end": end, "label": "dish"} for start, end in words(text)[3::4]]
    reader, row = SpanReader(DISHES, TOKENIZER, 40), {"text": text, "spans": marked}
    items = reader.items(row)
    reader.teach(items, row)
    outputs, tool = [list(item.target) for item in items], 3
    for item, tags in zip(items, outputs, strict=True):
        for _, at, offsets, *_ in item.placed:
            for k, (start, end) in enumerate(offsets):
                if not item.owns(_Mention(0, start, end, "")):
                    tags[at + k] = tool
    assert sum(tags.count(tool) for tags in outputs) > 50
    assert reader.answer(items, outputs) == marked


def test_of_spans_that_overlap_the_longer_is_taught() -> None:
    row = spans_of("a chocolate cake pan", ("chocolate cake", "dish"), ("cake pan", "tool"), ("chocolate", "dish"))
    reader = SpanReader(DISHES, TOKENIZER, 64)
    items = reader.items(row)
    reader.teach(items, row)
    assert reader.answer(items, [item.target for item in items]) == kind_of("spans").gold(row)[:1]


# ---- tokenizers of other kinds ----


def tiny(model: Any, trainer: Any, before: Any, after: Callable[[Tokenizer], Any]) -> PreTrainedTokenizerFast:
    made = Tokenizer(model)
    made.pre_tokenizer = before
    texts = ["the cook cuts the onions and puts them into a hot pan", "the pan is hot, the soup is not", "crème brûlée"] * 4
    made.train_from_iterator(texts, trainer)
    made.post_processor = after(made)
    return PreTrainedTokenizerFast(tokenizer_object=made, cls_token="<s>", sep_token="</s>", pad_token="<pad>", unk_token="<unk>")


def ends(made: Tokenizer) -> Any:
    marks = [(mark, made.token_to_id(mark)) for mark in ("<s>", "</s>")]
    return processors.TemplateProcessing(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=marks)


def as_roberta(made: Tokenizer) -> Any:
    return processors.RobertaProcessing(("</s>", made.token_to_id("</s>")), ("<s>", made.token_to_id("<s>")), trim_offsets=True)


SPECIAL = {"special_tokens": ["<s>", "</s>", "<pad>", "<unk>"], "show_progress": False}
BYTES = {"vocab_size": 330, "initial_alphabet": pre_tokenizers.ByteLevel.alphabet(), **SPECIAL}
TINY: dict[str, Any] = {
    "words": TOKENIZER,
    "bytes": tiny(models.BPE(), trainers.BpeTrainer(**BYTES), pre_tokenizers.ByteLevel(add_prefix_space=True), ends),
    "bytes trimmed": tiny(
        models.BPE(), trainers.BpeTrainer(**BYTES), pre_tokenizers.ByteLevel(add_prefix_space=True), as_roberta
    ),
    "bytes unprefixed": tiny(models.BPE(), trainers.BpeTrainer(**BYTES), pre_tokenizers.ByteLevel(add_prefix_space=False), ends),
    "unigram": tiny(
        models.Unigram(), trainers.UnigramTrainer(vocab_size=80, unk_token="<unk>", **SPECIAL), pre_tokenizers.Metaspace(), ends
    ),
    "merges": tiny(
        models.BPE(unk_token="<unk>"), trainers.BpeTrainer(vocab_size=80, **SPECIAL), pre_tokenizers.Metaspace(), ends
    ),
}


@st.composite
def marked_texts(draw: st.DrawFn) -> Row:
    """Words with any number of spaces before, between and after them; runs of words are spans."""
    text, bounds = " " * draw(st.integers(0, 2)), list[tuple[int, int]]()
    for word in draw(
        st.lists(st.sampled_from(["the", "pan", "onions", "x", "crème", "玉ねぎ", "😀", "hot"]), min_size=1, max_size=12)
    ):
        bounds.append((len(text), len(text) + len(word)))
        text += word + " " * draw(st.integers(1, 3))
    cuts = sorted(draw(st.sets(st.integers(0, len(bounds)), max_size=8)))
    spans = [
        {"start": bounds[first][0], "end": bounds[stop - 1][1], "label": draw(st.sampled_from(["dish", "tool"]))}
        for first, stop in itertools.pairwise(cuts)
        if draw(st.booleans())
    ]
    return {"text": text if draw(st.booleans()) else text.rstrip(), "spans": spans}


@pytest.mark.parametrize("kind", TINY)
@given(row=marked_texts())
def test_spans_read_back_to_the_character_with_any_tokenizer(kind: str, row: Row) -> None:
    reader = SpanReader(DISHES, TINY[kind], 4096)
    items = reader.items(row)
    reader.teach(items, row)
    assert reader.answer(items, [item.target for item in items]) == row["spans"]


@pytest.mark.parametrize("kind", TINY)
def test_frames_read_back_with_any_tokenizer(kind: str) -> None:
    reader = FrameReader(COOKING, TINY[kind], 4096)
    for case in ("one argument of two frames", "an argument in another turn", "spaces around"):
        _, answer = taught_answer(reader, HAND_MADE[case])
        assert links(answer) == links(kind_of("frames").gold(HAND_MADE[case]))


@pytest.mark.parametrize("kind", TINY)
def test_windows_show_all_of_a_dialogue_with_any_tokenizer(kind: str) -> None:
    reader, row = FrameReader(COOKING, TINY[kind], 128), rows_of("frames")[0]
    checked_windows(reader, turns_of(row), reader.items(row))


@pytest.mark.parametrize("longest", [40, 47, 58])
def test_bytes_of_one_character_are_owned_once(longest: int) -> None:
    text = "😀🍳玉😀🍳" * 12
    triggers = [{"turn": 0, "start": k, "end": k + 1} for k in range(len(text))]
    row = {"turns": [{"text": text}], "frames": [{"type": "Place", "trigger": one, "arguments": []} for one in triggers]}
    _, answer = taught_answer(FrameReader(COOKING, TINY["bytes"], longest), row)
    assert [frame["trigger"] for frame in answer] == triggers


@pytest.mark.parametrize("kind", TINY)
def test_special_tokens_stand_around_a_text(kind: str) -> None:
    one = TINY[kind]
    assert _special_tokens(one) == ([one.cls_token_id], [one.sep_token_id])


# ---- runs and owners ----


@st.composite
def sizes_and_most(draw: st.DrawFn) -> tuple[list[int], int]:
    """Any two sizes fit into a run, as any two portions do."""
    most = draw(st.integers(2, 60))
    return draw(st.lists(st.integers(1, most // 2), max_size=40)), most


def found_runs(sizes: Sequence[int], most: int) -> list[tuple[int, int]]:
    return list(itertools.islice(_runs(sizes, most), 100))


@given(case=sizes_and_most())
def test_runs_cover_everything_in_order_and_none_is_too_large(case: tuple[list[int], int]) -> None:
    sizes, most = case
    found = found_runs(sizes, most)
    assert {k for run in found for k in range(*run)} == set(range(len(sizes)))
    assert all(sum(sizes[start:end]) <= most for start, end in found)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in itertools.pairwise(found))
    assert (len(found) <= 1) == (sum(sizes) <= most)
    assert all(end == len(sizes) or sum(sizes[start : end + 1]) > most for start, end in found), "room is left"


@given(case=sizes_and_most())
def test_runs_overlap_by_about_a_quarter(case: tuple[list[int], int]) -> None:
    """By one, or by as many as fit into a quarter."""
    sizes, most = case
    for (start, end), (again, _) in itertools.pairwise(found_runs(sizes, most)):
        assert start < again < end
        assert again == end - 1 or sum(sizes[again:end]) <= most // 4
        assert again - 1 == start or sum(sizes[again - 1 : end]) > most // 4


@pytest.mark.parametrize(
    ("sizes", "most", "expected"),
    [
        ([], 8, []),
        ([3], 8, [(0, 1)]),
        ([4, 4], 8, [(0, 2)]),
        ([4, 4, 4], 8, [(0, 2), (1, 3)]),
        ([1] * 12, 8, [(0, 8), (6, 12)]),
        ([4, 3, 1, 1, 4], 8, [(0, 3), (2, 5)]),
    ],
)
def test_runs_by_hand(sizes: list[int], most: int, expected: list[tuple[int, int]]) -> None:
    assert found_runs(sizes, most) == expected


def sight(portion: int, span: tuple[int, int], n: int) -> float:
    """How many portions a run shows on the side where it shows fewer; where the dialogue ends, nothing is missing."""
    before = portion - span[0] if span[0] else float("inf")
    after = span[1] - 1 - portion if span[1] < n else float("inf")
    return min(before, after)


@given(case=sizes_and_most())
def test_a_portion_is_owned_where_most_is_in_sight(case: tuple[list[int], int]) -> None:
    sizes, most = case
    spans = found_runs(sizes, most)
    for portion in range(len(sizes)):
        chosen = _owner(portion, spans)
        assert chosen in spans
        assert chosen[0] <= portion < chosen[1]
        others = [span for span in spans if span[0] <= portion < span[1]]
        assert sight(portion, chosen, len(sizes)) == max(sight(portion, span, len(sizes)) for span in others)


# ---- mentions apart ----

MENTIONS = st.lists(
    st.builds(
        lambda turn, start, n: _Mention(turn, start, start + n, f"{n}"), st.integers(0, 1), st.integers(0, 12), st.integers(1, 5)
    ),
    max_size=8,
)


def overlap(one: _Mention, other: _Mention) -> bool:
    return one.turn == other.turn and bool(set(range(one.start, one.end)) & set(range(other.start, other.end)))


@given(mentions=MENTIONS, first=st.integers(0, 8))
def test_mentions_apart_share_nothing_and_lose_no_more_than_they_must(mentions: list[_Mention], first: int) -> None:
    kept = _apart(mentions, first)
    assert not Counter(kept) - Counter(mentions)
    assert not any(overlap(one, other) for one, other in itertools.combinations(kept, 2))
    counted = mentions[:first]
    for one in mentions:
        stronger = [
            other
            for other in kept
            if overlap(one, other) and (other in counted or other.end - other.start >= one.end - one.start)
        ]
        assert one in kept or stronger


@given(mentions=MENTIONS)
def test_mentions_that_are_apart_are_all_kept(mentions: list[_Mention]) -> None:
    assume(not any(overlap(one, other) for one, other in itertools.combinations(mentions, 2)))
    assert sorted(_apart(mentions)) == sorted(mentions)


def test_the_first_mentions_count_more_than_longer_ones() -> None:
    short, long, other = _Mention(0, 4, 5, "t"), _Mention(0, 0, 9, "a"), _Mention(1, 0, 9, "a")
    assert _apart([short, long, other], first=1) == [short, other]
    assert _apart([short, long, other]) == [long, other]


@given(text=st.text("ab \t\n\u3000玉", max_size=12), data=st.data())
def test_trimmed_leaves_what_strip_leaves(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    first, last = _trimmed(text, start, end)
    assert text[first:last] == text[start:end].strip()
    assert start <= first <= last <= end


# ---- gold answers and mistakes ----


def test_gold_answers_by_hand() -> None:
    trigger = {"turn": 0, "start": 2, "end": 5, "text": "cut"}
    argument = {"text": "it", "end": 8, "start": 6, "turn": 0, "role": "Object"}
    frame = {"id": 7, "arguments": [argument], "trigger": trigger, "type": "Divide"}
    bare = {"turn": 0, "start": 2, "end": 5}
    assert kind_of("frames").gold({"frames": [frame]}) == [
        {"type": "Divide", "trigger": bare, "arguments": [{"role": "Object", "turn": 0, "start": 6, "end": 8}]}
    ]
    assert kind_of("spans").gold({"spans": [{"label": "dish", "start": 1, "end": 3, "text": "so"}]}) == [
        {"start": 1, "end": 3, "label": "dish"}
    ]
    assert kind_of("multiple_choice").gold({"choices": ["a", "b", "c"], "label": "c"}) == 2
    for kind in ("text", "pair", "passage_yesno", "yesno"):
        assert kind_of(kind).gold({"label": "yes"}) == "yes"


def test_a_place_among_known_names() -> None:
    assert _place("b", ["a", "b"], "label") == 1
    refused(lambda: _place("c", ["a", "b"], "label"), "the label 'c', and there is a, b")


def teaching(task: Card, row: Row) -> Iterator[None]:
    reader = READERS[task.task_kind.answers_with](task, TOKENIZER, 64)
    items = reader.items(row)
    yield reader.teach(items, row)


STRANGE_FRAME = framed("Stir it.", frames=[("Fly", "Stir", [("Object", "it")])])
STRANGE_ROLE = framed("Stir it.", frames=[("Combine", "Stir", [("Colour", "it")])])


@pytest.mark.parametrize(
    ("card", "row", "said"),
    [
        (read_card("sentiment"), {"text": "Good.", "label": "meh"}, ["label 'meh'", "negative", "positive"]),
        (
            read_card("entailment"),
            {"premise": "A.", "hypothesis": "B.", "label": "x"},
            ["label 'x'", "entailment, not_entailment"],
        ),
        (
            read_card("commonsense"),
            {"question": "Q?", "choices": ["hot", "cold"], "label": "warm"},
            ["label 'warm'", "hot, cold"],
        ),
        (DISHES, spans_of("soup", ("soup", "drink")), ["label 'drink'", "dish, tool"]),
        # Also one that another covers, so that it would not be tagged.
        (DISHES, spans_of("soup pan", ("soup pan", "tool"), ("soup", "drink")), ["label 'drink'", "dish, tool"]),
        (COOKING, STRANGE_FRAME, ["Fly", *COOKING.labels]),
        (COOKING, STRANGE_ROLE, ["role 'Colour'", ", ".join(COOKING.roles)]),
    ],
    ids=["text", "pair", "choice", "span", "covered span", "frame", "role"],
)
def test_what_the_card_does_not_know_is_refused(card: Card, row: Row, said: list[str]) -> None:
    refused(lambda: list(teaching(card, row)), *said)
