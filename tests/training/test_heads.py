"""What stands on the encoder: its losses and answers by hand, in any company, and that it can learn."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lib.core.encoders import EMBEDDED, open_tokenizer
from lib.core.kinds import kind_of
from lib.core.tasks import Card, load_rows, read_card
from lib.training import heads
from lib.training.heads import (
    _DISTANCES,
    _FORBIDDEN,
    _by_turn,
    _Chooser,
    _Classifier,
    _distances,
    _FrameFinder,
    _Tagger,
    new_head,
)
from lib.training.settings import Recipe
from lib.training.tokenization import _ARGUMENT, _TRIGGER, READERS, FrameReader, Item, Link, Piece, _Frames, _Mention, _Placed

SIZE = 24
TOKENIZER = open_tokenizer(EMBEDDED)
SMALL = Card(
    name="small",
    kind="frames",
    description="find frames.",
    fields={"topic": "what it is about"},
    labels={"Cut": "something is cut", "Heat": "something is heated"},
    roles={"Object": "what", "Tool": "what with"},
    family="small",
    human_price={"dollars": 1, "source": "made up"},
    sources={"own": {"files": {"train": "none.jsonl"}}},
)
READER = FrameReader(SMALL, TOKENIZER, 64)
CUT, HEAT, OBJECT, TOOL = 1, 3, 5, 7
"""Tags that begin a mention; the next number goes on with it."""


def item(*turns: list[int]) -> Item:
    """Turns as their tags: a token is a character, a mark of one token stands before each turn, and one token at either end."""
    placed, tags = list[_Placed](), [0]
    for number, turn in enumerate(turns):
        placed.append(_Placed(number, len(tags) + 1, [(k, k + 1) for k in range(len(turn))]))
        tags += [0, *turn]
    tags.append(0)
    owned = [(number, 0, len(turn)) for number, turn in enumerate(turns)]
    return Item([Piece(tags, [0] * len(tags))], placed, owned, target=tags)


def framed(*turns: list[int], links: Sequence[tuple[int, int, int]] = ()) -> Item:
    """The same with frames as target: links are (mention, trigger, role), by their numbers in the item."""
    one = item(*turns)
    one.target = _Frames(one.target, READER.mentions(one, one.target), [Link(*link) for link in links])
    return one


def hidden_for(items: Sequence[Item], seed: int = 0, more: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Random states of each item's pieces, the same in any company; where nothing is, there is rubbish."""
    pieces = [piece for one in items for piece in one.pieces]
    longest = max(len(piece.ids) for piece in pieces) + more
    hidden = torch.full((len(pieces), longest, SIZE), 1e3)
    mask = torch.zeros(len(pieces), longest, dtype=torch.bool)
    for line, piece in enumerate(pieces):
        own = torch.Generator().manual_seed(1000 * seed + sum((k + 1) * (one + 1) for k, one in enumerate(piece.ids)))
        hidden[line, : len(piece.ids)] = torch.randn(len(piece.ids), SIZE, generator=own)
        mask[line, : len(piece.ids)] = True
    return hidden, mask


def made(build: Callable[[], Any], seed: int = 0) -> Any:
    """A head as it is when it answers, with weights that are no longer those it begins with."""
    torch.manual_seed(seed)
    head = build().eval()
    with torch.no_grad():
        for part in head.parameters():
            part.add_(torch.randn_like(part) * 0.3)
    return head


ONE_PIECE = [Item([Piece(list(range(n)), [0] * n)], target=n % 3) for n in (3, 1, 7, 4)]
QUESTIONS = [
    Item([Piece(list(range(k, k + n)), [0] * n) for k, n in enumerate(sizes)], target=target)
    for sizes, target in (([3, 5, 4], 2), ([2, 2], 0), ([6, 1, 2, 3, 4], 4))
]
TAGGED = [item([0, 1, 2, 0], [3, 4]), item([0, 0, 0]), item([1], [0, 0, 1, 2, 2, 2], [3, 1])]
DIALOGUES = [
    framed([CUT, OBJECT, OBJECT + 1, 0], [0, HEAT, OBJECT, TOOL], links=[(1, 0, 0), (1, 1, 0), (0, 1, 0), (3, 1, 0), (3, 1, 1)]),
    framed([0, 0, 0]),
    framed([0, CUT], [HEAT]),
    framed([OBJECT, 0, TOOL, TOOL + 1]),
    framed([CUT, 0, 0, 0, 0, 0, OBJECT], links=[(1, 0, 0)]),
]
HEADS: dict[str, tuple[Callable[[], Any], list[Item]]] = {
    "Classifier": (lambda: _Classifier(SIZE, 3), ONE_PIECE),
    "Chooser": (lambda: _Chooser(SIZE), QUESTIONS),
    "Tagger": (lambda: _Tagger(SIZE, 5), TAGGED),
    "FrameFinder": (lambda: _FrameFinder(SIZE, READER), DIALOGUES),
}


# ---- company ----


@pytest.mark.parametrize("kind", HEADS)
@pytest.mark.parametrize("more", [0, 3])
def test_neither_padding_nor_company_changes_an_answer(kind: str, more: int) -> None:
    build, items = HEADS[kind]
    for seed in range(5):
        head = made(build, seed)
        together = head.answers(*hidden_for(items, seed, more), items)
        assert together == [head.answers(*hidden_for([one], seed), [one])[0] for one in items]
        assert head.answers(*hidden_for(items[::-1], seed, more), items[::-1]) == together[::-1]


@pytest.mark.parametrize("kind", ["Classifier", "Chooser"])
def test_a_batch_has_the_mean_loss_of_its_examples(kind: str) -> None:
    build, items = HEADS[kind]
    head = made(build)
    alone = [head.loss(*hidden_for([one]), [one]).item() for one in items]
    assert head.loss(*hidden_for(items, more=2), items).item() == pytest.approx(sum(alone) / len(alone), rel=1e-5)


def test_a_batch_of_texts_has_their_loss_for_each_mention() -> None:
    head, counts = made(HEADS["Tagger"][0]), [2, 0, 4]
    alone = [head.loss(*hidden_for([one]), [one]).item() * max(1, n) for one, n in zip(TAGGED, counts, strict=True)]
    assert head.loss(*hidden_for(TAGGED, more=2), TAGGED).item() == pytest.approx(sum(alone) / 6, rel=1e-5)
    assert head.loss(*hidden_for(TAGGED[1:2], more=2), TAGGED[1:2]).item() == pytest.approx(alone[1], rel=1e-5)


def test_a_batch_of_dialogues_has_the_loss_of_pairs_for_each_link_besides() -> None:
    head = made(HEADS["FrameFinder"][0])
    mentions, arguments = [5, 0, 2, 2, 2], [5, 0, 0, 0, 1]
    tags, links = 0.0, 0.0
    for one, n, linked in zip(DIALOGUES, mentions, arguments, strict=True):
        hidden, mask = hidden_for([one])
        of_tags = head.tag_loss(hidden, [one], [one.target.tags]).item()
        of_links = head.loss(hidden, mask, [one]).item() - of_tags
        tags, links = tags + of_tags * max(1, n), links + of_links * max(1, linked)
    whole = head.loss(*hidden_for(DIALOGUES, more=2), DIALOGUES).item()
    assert whole == pytest.approx(tags / sum(mentions) + links / sum(arguments), rel=1e-4)


# ---- labels and choices ----


def test_a_label_is_scored_on_the_mean_of_the_tokens() -> None:
    head, (hidden, mask) = made(HEADS["Classifier"][0]), hidden_for(ONE_PIECE, more=1)
    by_hand = [
        hidden[k, : len(one.pieces[0].ids)].mean(0) @ head.linear.weight.T + head.linear.bias for k, one in enumerate(ONE_PIECE)
    ]
    assert torch.allclose(head.scores(hidden, mask, ONE_PIECE), torch.stack(by_hand), atol=1e-5)
    assert head.answers(hidden, mask, ONE_PIECE) == [int(one.argmax()) for one in by_hand]


def test_a_question_is_scored_choice_by_choice() -> None:
    """Each with as many choices as it has; the loss is that of the right one among them."""
    head, (hidden, mask) = made(HEADS["Chooser"][0]), hidden_for(QUESTIONS)
    each = [head.linear(hidden[k][mask[k]].mean(0)).item() for k in range(len(hidden))]
    scores = [each[:3], each[3:5], each[5:]]
    assert head.answers(hidden, mask, QUESTIONS) == [max(range(len(one)), key=one.__getitem__) for one in scores]
    losses = [
        math.log(sum(math.exp(score) for score in one)) - one[question.target]
        for one, question in zip(scores, QUESTIONS, strict=True)
    ]
    assert head.loss(hidden, mask, QUESTIONS).item() == pytest.approx(sum(losses) / 3, rel=1e-4)


@pytest.mark.parametrize(
    ("task", "kind", "size"),
    [
        ("emotion", _Classifier, lambda card: len(card.labels)),
        ("entailment", _Classifier, lambda card: 2),
        ("commonsense", _Chooser, lambda card: 1),
        ("frames", _FrameFinder, lambda card: 1 + 2 * (len(card.labels) + len(card.roles))),
        ("spans", _Tagger, lambda card: 5),
    ],
)
def test_each_kind_of_task_has_its_head(task: str, kind: type, size: Callable[[Card], int]) -> None:
    card = SMALL.model_copy(update={"kind": "spans"}) if task == "spans" else read_card(task)
    head = new_head(READERS[card.task_kind.answers_with](card, TOKENIZER, 64), SIZE)
    assert type(head) is kind
    assert (head.linear if kind in (_Classifier, _Chooser) else head.emit).out_features == size(card)


# ---- tags ----

FOUR = item([0, 1, 2, 2])
"""One turn of four tokens; of three tags: none, B and I of one name."""


def score(crf: Any, emissions: torch.Tensor, tags: Sequence[int]) -> float:
    found = crf.start_transitions[tags[0]] + crf.end_transitions[tags[-1]]
    found = found + sum(emissions[k, tag] for k, tag in enumerate(tags))
    return (found + sum(crf.transitions[one, other] for one, other in itertools.pairwise(tags))).item()


def log_sum(values: Sequence[float]) -> float:
    return max(values) + math.log(sum(math.exp(value - max(values)) for value in values))


@pytest.mark.parametrize("seed", range(6))
def test_the_loss_and_the_best_tags_are_those_of_all_sequences(seed: int) -> None:
    head, (hidden, mask) = made(lambda: _Tagger(SIZE, 3), seed), hidden_for([FOUR], seed, more=1)
    emissions = head.emit(hidden[0, 2:6])
    every = {tags: score(head.crf, emissions, tags) for tags in itertools.product(range(3), repeat=4)}
    assert len(every) == 81
    assert head.loss(hidden, mask, [FOUR]).item() == pytest.approx(log_sum(list(every.values())) - every[0, 1, 2, 2], rel=1e-4)
    assert head.answers(hidden, mask, [FOUR]) == [[0, 0, *max(every, key=every.__getitem__), 0]]


def test_turns_are_tagged_apart() -> None:
    """Nothing counts from the last token of a turn to the first of the next, nor what stands between them."""
    both, gold_tags = item([1, 2], [2, 0, 1]), [(1, 2), (2, 0, 1)]
    head, (hidden, mask) = made(lambda: _Tagger(SIZE, 3), 1), hidden_for([both])
    loss, best = 0.0, []
    for at, right in zip((2, 5), gold_tags, strict=True):
        emissions = head.emit(hidden[0, at : at + len(right)])
        every = {tags: score(head.crf, emissions, tags) for tags in itertools.product(range(3), repeat=len(right))}
        loss += log_sum(list(every.values())) - every[right]
        best.append(max(every, key=every.__getitem__))
    assert head.loss(hidden, mask, [both]).item() == pytest.approx(loss / 2, rel=1e-4)
    assert head.answers(hidden, mask, [both]) == [[0, 0, *best[0], 0, *best[1], 0]]


def test_a_new_tagger_begins_no_mention_in_its_middle() -> None:
    """With every token a little more like an I than anything else, one B is found, and all go on with it."""
    head = _Tagger(SIZE, 5).eval()
    with torch.no_grad():
        head.emit.weight.zero_()
        head.emit.bias.copy_(torch.tensor([0.0, 0, 2, 0, 1]))
    four = item([0] * 4, [0] * 2)
    assert head.answers(*hidden_for([four]), [four]) == [[0, 0, 1, 2, 2, 2, 0, 1, 2, 0]]


def test_steps_to_an_i_by_hand() -> None:
    """Tags: none, B-a, I-a, B-b, I-b."""
    crf, no = _Tagger(SIZE, 5).crf, _FORBIDDEN
    assert crf.start_transitions.tolist() == [0, 0, no, 0, no]
    assert crf.end_transitions.tolist() == [0] * 5
    assert crf.transitions.tolist() == [
        [0, 0, no, 0, no],
        [0, 0, 0, 0, no],
        [0, 0, 0, 0, no],
        [0, 0, no, 0, 0],
        [0, 0, no, 0, 0],
    ]


def test_tokens_by_turn() -> None:
    items = [item([0, 0], [0]), item([0, 0, 0])]
    tokens = torch.arange(14).reshape(2, 7)
    found, mask = _by_turn(tokens, items)
    # Places: [CLS] mark 2 3 mark 5 [SEP], and [CLS] mark 2 3 4 [SEP].
    assert found.masked_fill(~mask, -1).tolist() == [[2, 3, -1], [5, -1, -1], [9, 10, 11]]
    assert mask.tolist() == [[True, True, False], [True, False, False], [True, True, True]]


def test_a_stretch_of_a_turn_is_tagged_where_it_stands() -> None:
    """A window may begin in the middle of a turn: its offsets do not begin at 0."""
    part = Item([Piece([0] * 5, [0] * 5)], [_Placed(3, 1, [(40, 44), (45, 50), (50, 51)])])
    head = made(lambda: _Tagger(SIZE, 3))
    (tags,) = head.answers(*hidden_for([part]), [part])
    assert len(tags) == 5
    assert tags[0] == tags[4] == 0


# ---- frames ----


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        *[(0, 10), (1, 11), (2, 11), (3, 12), (6, 12), (7, 13), (14, 13), (15, 14), (510, 18), (511, 19), (4000, 19)],
        *[(-1, 1), (-2, 1), (-3, 2), (-6, 2), (-7, 3), (-511, 9), (-4000, 9)],
    ],
)
def test_distances_by_hand(step: int, kind: int) -> None:
    assert _distances(torch.tensor([step])).tolist() == [kind]


@given(steps=st.lists(st.integers(-511, 511), max_size=9))
def test_distances_double(steps: list[int]) -> None:
    for step, kind in zip(steps, _distances(torch.tensor(steps)).tolist(), strict=True):
        far = abs(step) + 1
        assert 2 ** (kind % _DISTANCES) <= far
        assert far < 2 ** (kind % _DISTANCES + 1) or kind % _DISTANCES == _DISTANCES - 1
        assert (kind >= _DISTANCES) == (step >= 0)


def test_a_pair_is_scored_by_its_tokens_tags_and_distance() -> None:
    """Each mention, also a trigger, with each trigger of its item, in any company."""
    head, one, bare = made(HEADS["FrameFinder"][0]), DIALOGUES[0], DIALOGUES[1]
    assert list(one.target.mentions.values()) == [(2, 3), (3, 5), (8, 9), (9, 10), (10, 11)]
    hidden = hidden_for([bare, one])[0]
    found = head.pairs(hidden, [bare.target.tags, one.target.tags], [bare.target.mentions, one.target.mentions])
    assert found.shape == (5 * 2, 2)
    for number, first, tag, kind in ((1, hidden[1, 3:5].mean(0), OBJECT, 2), (0, hidden[1, 2], CUT, 2)):
        # With the second trigger: HEAT in token 8, five or six tokens after.
        left = head.argument.weight @ torch.cat([first, head.tag.weight[tag]])
        right = head.trigger.weight @ torch.cat([hidden[1, 8], head.tag.weight[HEAT]]) + head.trigger.bias
        expected = head.role.weight @ torch.tanh(left + right + head.distance.weight[kind]) + head.role.bias
        assert torch.allclose(found[number * 2 + 1], expected, atol=1e-4)


def test_the_loss_of_links_is_that_of_every_role_of_every_pair() -> None:
    """For each link, not for each pair."""
    head, one = made(HEADS["FrameFinder"][0]), DIALOGUES[0]
    hidden, mask = hidden_for([one])
    scores = head.pairs(hidden, [one.target.tags], [one.target.mentions])
    right = {(1, 0, 0), (1, 1, 0), (0, 1, 0), (3, 1, 0), (3, 1, 1)}
    assert set(one.target.links) == right
    losses = []
    for mention, trigger, role in itertools.product(range(5), range(2), range(2)):
        sign = 1 if (mention, trigger, role) in right else -1
        losses.append(math.log1p(math.exp(-sign * scores[2 * mention + trigger, role].item())))
    tags = head.tag_loss(hidden, [one], [one.target.tags]).item()
    assert head.loss(hidden, mask, [one]).item() == pytest.approx(tags + sum(losses) / 5, rel=1e-4)


def test_a_new_head_calls_a_role_rare() -> None:
    head = HEADS["FrameFinder"][0]()
    assert head.role.bias.tolist() == [heads._RARE] * 2


def telling(tags: Sequence[int], roles: Sequence[int]) -> _FrameFinder:
    """A frame finder that says these tags whatever it reads, and the same roles of any mention for any trigger."""
    head = _FrameFinder(SIZE, READER).eval()
    with torch.no_grad():
        for part in head.parameters():
            part.zero_()
        head.emit.weight[list(tags), range(len(tags))] = 9.0
        head.role.bias.fill_(-1.0)
        head.role.bias[list(roles)] = 1.0
    return head


@pytest.mark.parametrize(
    ("tags", "triggers", "arguments"),
    [
        ([0, 0, 0, 0], [], []),
        ([CUT, CUT + 1, 0, HEAT], [(0, 2, "Cut"), (3, 4, "Heat")], []),
        ([OBJECT, OBJECT + 1, 0, TOOL], [], [(0, 2, "Object"), (3, 4, "Tool")]),
        ([CUT, OBJECT, HEAT, TOOL], [(0, 1, "Cut"), (2, 3, "Heat")], [(1, 2, "Object"), (3, 4, "Tool")]),
    ],
    ids=["no mentions", "no arguments", "no triggers", "both"],
)
@pytest.mark.parametrize("roles", [[], [1], [0, 1]])
def test_frames_answered_by_hand(tags: list[int], triggers: list[Any], arguments: list[Any], roles: list[int]) -> None:
    """Where each pair has the roles, each mention is an argument of all triggers in all of them, whatever its tag says."""
    one = item([0] * 4)
    hidden = torch.zeros(1, 7, SIZE)
    hidden[0, range(2, 6), range(4)] = 1.0
    ((mentions, links),) = telling(tags, roles).answers(hidden, torch.ones(1, 7, dtype=torch.bool), [one])
    named = [(*place, _TRIGGER) for place in triggers] + [(*place, _ARGUMENT) for place in arguments]
    assert mentions == [_Mention(0, start, end, kind + name) for start, end, name, kind in sorted(named)]
    assert sorted(links) == sorted(Link(*one) for one in itertools.product(range(len(mentions)), range(len(triggers)), roles))
    frames = READER.answer([one], [(mentions, links)])
    assert [frame["type"] for frame in frames] == [name for _, _, name in triggers]
    expected = [
        {"role": ["Object", "Tool"][role], "turn": 0, "start": start, "end": end}
        for start, end, *_ in sorted(named)
        for role in roles
    ]
    assert all(frame["arguments"] == expected for frame in frames)


@pytest.mark.parametrize("kind", HEADS)
def test_a_loss_teaches_every_weight(kind: str) -> None:
    build, items = HEADS[kind]
    head = made(build)
    head.loss(*hidden_for(items), items).backward()
    still = {name for name, part in head.named_parameters() if part.grad is None or part.grad.abs().max() < 1e-6}
    # What all choices have in common decides nothing.
    assert still == ({"linear.bias"} if kind == "Chooser" else set())


@pytest.mark.parametrize("items", [DIALOGUES[1:2], DIALOGUES[2:3], DIALOGUES[3:4], DIALOGUES[1:4]])
def test_dialogues_without_links_have_a_loss_to_learn_from(items: list[Item]) -> None:
    head = made(HEADS["FrameFinder"][0]).train()
    loss = head.loss(*hidden_for(items), items)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(part.grad is None or torch.isfinite(part.grad).all() for part in head.parameters())


# ---- learning ----


def taught(
    head: Any, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item], steps: int, rate: float = 3e-4
) -> list[float]:
    """Trains a head alone, at its own rates, as a student is trained on one batch."""
    torch.manual_seed(1)
    groups = [{"params": parameters, "lr": own} for parameters, own in head.rates(Recipe(learning_rate=rate))]
    optimizer, losses = torch.optim.AdamW(groups), []
    head.train()
    for _ in range(steps):
        loss = head.loss(hidden, mask, items)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    head.eval()
    return losses


@pytest.mark.parametrize("kind", HEADS)
def test_a_head_learns_what_it_is_shown(kind: str) -> None:
    build, items = HEADS[kind]
    torch.manual_seed(0)
    head, given_hidden = build(), hidden_for(items)
    losses = taught(head, *given_hidden, items, 120, rate=3e-2)
    assert losses[-1] < losses[0] / 4
    if kind != "FrameFinder":
        assert head.answers(*given_hidden, items) == [one.target for one in items]
        return
    for one, (mentions, links) in zip(items, head.answers(*given_hidden, items), strict=True):
        assert mentions == list(one.target.mentions)
        assert set(links) == set(one.target.links)


@pytest.mark.parametrize("kind", HEADS)
def test_every_weight_has_one_rate_which_the_recipe_says(kind: str) -> None:
    head, recipe = HEADS[kind][0](), Recipe(learning_rate=1e-5, head_rate=2e-5, crf_rate=3e-5)
    listed = [(id(part), rate) for parameters, rate in head.rates(recipe) for part in parameters]
    assert sorted(number for number, _ in listed) == sorted(id(part) for part in head.parameters())
    rate_of = dict(listed)
    if kind in ("Classifier", "Chooser"):
        assert set(rate_of.values()) == {1e-5}
    else:
        assert {rate_of[id(part)] for part in head.crf.parameters()} == {3e-5}
        assert rate_of[id(head.emit.weight)] == 2e-5


@pytest.mark.parametrize("longest", [512, 128])
def test_a_dialogue_is_learned_by_heart(longest: int) -> None:
    """A real one, read whole or in windows, from hidden states that tell its tokens apart; it is answered as its gold says."""
    card, size = read_card("frames"), 384
    reader, row = FrameReader(card, TOKENIZER, longest), load_rows(card)[1]
    items = reader.items(row)
    reader.teach(items, row)
    torch.manual_seed(0)
    head, (_, mask) = _FrameFinder(size, reader), hidden_for(items)
    hidden = torch.randn(*mask.shape, size)
    taught(head, hidden, mask, items, 100)
    answer = reader.answer(items, head.answers(hidden, mask, items))
    right = sorted(kind_of("frames").gold(row), key=lambda frame: tuple(frame["trigger"].values()))
    assert [(one["type"], one["trigger"]) for one in answer] == [(one["type"], one["trigger"]) for one in right]
    found, expected = ([{tuple(one.values()) for one in frame["arguments"]} for frame in frames] for frames in (answer, right))
    if longest == 512:
        assert found == expected
    else:  # Arguments that no window shows with their trigger are missing.
        assert all(one <= other for one, other in zip(found, expected, strict=True))
        assert sum(map(len, found)) > 0.9 * sum(map(len, expected))
