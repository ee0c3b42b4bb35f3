"""The part of a student above its encoder, by kind of task: each head has a loss to train on and answers to score.

Frames follow JaMIE, the model of arXiv 2410.06550: a CRF over BIO tags, an embedding of the tags, and multi-head selection: any
mention, also a trigger, may have any roles for any trigger (sigmoid, above .5); gold tags while training, the CRF's own
afterwards, losses summed. docs/students.md lists what differs.
"""

from collections.abc import Sequence
from itertools import product
from typing import Any

import torch
from torch import nn
from torchcrf import CRF

from lib.training.crf import negative_log_likelihood
from lib.training.settings import Recipe
from lib.training.tokenization import ChoiceReader, FrameReader, Item, Link, Places, SpanReader, is_trigger

_TAG_SIZE, _PAIR_SIZE, _DISTANCES = 32, 256, 10
_RARE = -4.0
"""The score of a role, to begin with: about one in fifty pairs of a mention and a trigger has it."""
_FORBIDDEN = -5.0
"""The score, to begin with, of an I after a tag that it cannot continue."""


class _Classifier(nn.Module):
    """Scores labels by a linear layer over the mean of a piece's tokens."""

    def __init__(self, size: int, labels: int):
        super().__init__()
        self.linear = nn.Linear(size, labels)

    def scores(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        return self.scores_of_means((hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True), items)

    def scores_of_means(self, means: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        scores: torch.Tensor = self.linear(means)
        return scores

    def loss(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        return nn.functional.cross_entropy(self.scores(hidden, mask, items), self.targets(items, hidden.device))

    def targets(self, items: Sequence[Item], device: torch.device) -> torch.Tensor:
        return torch.tensor([item.target for item in items], device=device)

    def answers(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> list[Any]:
        scores = self.scores(hidden, mask, items).detach().clone()
        for place, item in enumerate(items):
            scores[place, list(item.closed)] = float("-inf")
        return scores.argmax(1).tolist()

    def rates(self, recipe: Recipe) -> list[tuple[list[nn.Parameter], float]]:
        return [(list(self.parameters()), recipe.learning_rate)]


class _Chooser(_Classifier):
    """One score for each choice of a question."""

    def __init__(self, size: int):
        super().__init__(size, 1)

    def scores_of_means(self, means: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        of_items = super().scores_of_means(means, items)[:, 0].split([len(item.pieces) for item in items])
        return nn.utils.rnn.pad_sequence(list(of_items), batch_first=True, padding_value=float("-inf"))


class _Tagger(nn.Module):
    """A CRF over the BIO tags of each turn."""

    def __init__(self, size: int, tags: int):
        super().__init__()
        self.dropout, self.emit, self.crf = nn.Dropout(0.1), nn.Linear(size, tags), CRF(tags, batch_first=True)
        _forbid_stray_tags(self.crf, tags)

    def emissions(self, hidden: torch.Tensor, items: Sequence[Item]) -> tuple[torch.Tensor, torch.Tensor]:
        return _by_turn(self.emit(self.dropout(hidden)), items)

    def tag_loss(self, hidden: torch.Tensor, items: Sequence[Item], tags: Sequence[Sequence[int]]) -> torch.Tensor:
        """For each mention, not for each token: most tokens are no mention, and a text with many should count for more."""
        emissions, mask = self.emissions(hidden, items)
        gold = torch.zeros(hidden.shape[:2], dtype=torch.long, device=hidden.device)
        mentions = 0
        for line, of_item in enumerate(tags):
            gold[line, : len(of_item)] = torch.tensor(of_item)
            mentions += sum(tag % 2 for tag in of_item)
        return negative_log_likelihood(self.crf, emissions, _by_turn(gold, items)[0], mask) / max(1, mentions)

    def decode(self, hidden: torch.Tensor, items: Sequence[Item]) -> list[list[int]]:
        """The best tags of every token, 0 where no turn is."""
        turns = iter(self.crf.decode(*self.emissions(hidden, items)))
        result = []
        for item in items:
            tags = [0] * len(item.pieces[0].ids)
            for _, at, offsets, _ in item.placed:
                tags[at : at + len(offsets)] = next(turns)
            result.append(tags)
        return result

    def loss(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        return self.tag_loss(hidden, items, [item.target for item in items])

    def answers(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> list[Any]:
        return self.decode(hidden, items)

    def rates(self, recipe: Recipe) -> list[tuple[list[nn.Parameter], float]]:
        others = [parameter for name, parameter in self.named_parameters() if not name.startswith("crf.")]
        return [(list(self.crf.parameters()), recipe.crf_rate), (others, recipe.head_rate)]


class _FrameFinder(_Tagger):
    """The tagger, and a score for each role that a mention may have in the frame of a trigger."""

    def __init__(self, size: int, reader: FrameReader):
        super().__init__(size, reader.tags)
        self.reader = reader
        self.tag = nn.Embedding(reader.tags, _TAG_SIZE)
        self.argument = nn.Linear(size + _TAG_SIZE, _PAIR_SIZE, bias=False)
        self.trigger = nn.Linear(size + _TAG_SIZE, _PAIR_SIZE)
        self.distance = nn.Embedding(2 * _DISTANCES, _PAIR_SIZE)
        nn.init.normal_(self.distance.weight, std=0.02)
        self.role = nn.Linear(_PAIR_SIZE, len(reader.roles))
        nn.init.constant_(self.role.bias, _RARE)

    def pairs(self, hidden: torch.Tensor, tags: Sequence[Sequence[int]], mentions: Sequence[Places]) -> torch.Tensor:
        """Scores of each mention of an item with each of its triggers, item after item: pairs x roles. Above 0 is a role."""
        marked = [(line, *place) for line, of_item in enumerate(mentions) for place in of_item.values()]
        represented = self.representations(hidden, tags, marked)
        arguments, triggers = _numbers(_pairs_of(mentions), hidden).reshape(-1, 2).T
        starts = _numbers([start for _, start, _ in marked], hidden)
        left, right = self.argument(self.dropout(represented)), self.trigger(self.dropout(represented))
        far = self.distance(_distances(starts[arguments] - starts[triggers]))
        # Not left[arguments]: its gradient is summed in any order.
        left, right = left.index_select(0, arguments), right.index_select(0, triggers)
        scores: torch.Tensor = self.role(self.dropout(torch.tanh(left + right + far)))
        return scores

    def representations(
        self, hidden: torch.Tensor, tags: Sequence[Sequence[int]], marked: Sequence[tuple[int, int, int]]
    ) -> torch.Tensor:
        """Represents each mention (line, start, stop) by the mean of its tokens, joined with the embedding of its tag."""
        tokens = [line * hidden.shape[1] + token for line, start, stop in marked for token in range(start, stop)]
        lengths = _numbers([stop - start for _, start, stop in marked], hidden)
        owners = torch.arange(len(marked), device=hidden.device).repeat_interleave(lengths)
        sums = hidden.new_zeros(len(marked), hidden.shape[2])
        sums = sums.index_add(0, owners, hidden.flatten(0, 1).index_select(0, _numbers(tokens, hidden)))
        of_tags = self.tag(_numbers([tags[line][start] for line, start, _ in marked], hidden))
        return torch.cat([sums / lengths[:, None], of_tags], 1)

    def loss(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        tags, mentions = [item.target.tags for item in items], [item.target.mentions for item in items]
        scores = self.pairs(hidden, tags, mentions)
        places, first = list[tuple[int, int]](), 0
        for item in items:
            triggers = _triggers(item.target.mentions)
            places += [(first + link.argument * triggers + link.trigger, link.role) for link in item.target.links]
            first += len(item.target.mentions) * triggers
        gold = torch.zeros_like(scores)
        gold[tuple(_numbers(places, hidden).reshape(-1, 2).T)] = 1
        links = nn.functional.binary_cross_entropy_with_logits(scores, gold, reduction="sum")
        return self.tag_loss(hidden, items, tags) + links / max(1, len(places))

    def answers(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> list[Any]:
        """The mentions of each item and their links."""
        tags = self.decode(hidden, items)
        mentions = [self.reader.mentions(item, of_item) for item, of_item in zip(items, tags, strict=True)]
        sizes = [len(of_item) * _triggers(of_item) for of_item in mentions]
        answers = []
        for of_item, scores in zip(mentions, self.pairs(hidden, tags, mentions).split(sizes), strict=True):
            triggers, found = _triggers(of_item), (scores > 0).nonzero().tolist()
            answers.append((list(of_item), [Link(pair // triggers, pair % triggers, role) for pair, role in found]))
        return answers


def new_head(reader: Any, size: int) -> nn.Module:
    """The head for a kind of task, untrained."""
    if isinstance(reader, FrameReader):
        return _FrameFinder(size, reader)
    if isinstance(reader, SpanReader):
        return _Tagger(size, reader.tags)
    return _Chooser(size) if isinstance(reader, ChoiceReader) else _Classifier(size, len(reader.labels))


def _forbid_stray_tags(crf: CRF, tags: int) -> None:
    """Starts all steps alike but those to an I (even) from anything but its B or itself."""
    inside = torch.arange(2, tags, 2)
    with torch.no_grad():
        crf.transitions.zero_()
        crf.start_transitions.zero_()
        crf.end_transitions.zero_()
        crf.transitions[:, inside] = _FORBIDDEN
        crf.transitions[inside, inside] = 0
        crf.transitions[inside - 1, inside] = 0
        crf.start_transitions[inside] = _FORBIDDEN


def _by_turn(tokens: torch.Tensor, items: Sequence[Item]) -> tuple[torch.Tensor, torch.Tensor]:
    """Values of the tokens of each item, turn by turn: mentions never cross turns, and short sequences are quick."""
    turns = []
    for values, item in zip(tokens, items, strict=True):
        turns += [values[at : at + len(offsets)] for _, at, offsets, _ in item.placed]
    lengths = torch.tensor([len(turn) for turn in turns], device=tokens.device)
    padded = nn.utils.rnn.pad_sequence(turns, batch_first=True)
    return padded, torch.arange(padded.shape[1], device=tokens.device)[None] < lengths[:, None]


def _triggers(mentions: Places) -> int:
    """How many of the mentions are triggers."""
    return sum(map(is_trigger, mentions))


def _pairs_of(mentions: Sequence[Places]) -> list[tuple[int, int]]:
    """The pairs of a mention and a trigger of the same item, by their numbers among the mentions of all items."""
    pairs, first = list[tuple[int, int]](), 0
    for of_item in mentions:
        triggers = [first + number for number, mention in enumerate(of_item) if is_trigger(mention)]
        pairs += product(range(first, first + len(of_item)), triggers)
        first += len(of_item)
    return pairs


def _numbers(values: Sequence[Any], beside: torch.Tensor) -> torch.Tensor:
    """Whole numbers as a tensor, on the device of another."""
    return torch.tensor(values, dtype=torch.long, device=beside.device)


def _distances(apart: torch.Tensor) -> torch.Tensor:
    """Tokens from triggers to arguments, in classes that double: before a trigger from 0, after it from DISTANCES."""
    size = (apart.abs() + 1).log2().long().clamp(max=_DISTANCES - 1)
    return torch.where(apart < 0, size, size + _DISTANCES)
