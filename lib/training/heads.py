"""The part of a student above its encoder, by kind of task: each head has a loss to train on and answers to score.

FrameReader follow JaMIE, the model of arXiv 2410.06550: a CRF over BIO tags, an embedding of the tags, and multi-head selection
between mentions and triggers with a class for no relation; gold tags while training, the CRF's own afterwards, losses
summed. What differs: pairs of mentions are scored and not pairs of tokens, their distance is an input, and both losses are
counted by mention, so that neither outweighs the other. A mention may belong to several triggers.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torchcrf import CRF

from lib.training.tokenization import ChoiceReader, FrameReader, Item, SpanReader, split

_TAG_SIZE, _PAIR_SIZE, _DISTANCES = 32, 256, 10
_CRF_RATE, _HEAD_RATE = 1e-2, 3e-3
"""Learning rates of the CRF, as JaMIE's, and of the other parts of these heads (JaMIE: 1e-3; so few examples need more)."""
_FORBIDDEN = -5.0
"""The score, to begin with, of an I after a tag that it cannot continue."""


class _Classifier(nn.Module):
    """Scores labels by a linear layer over the mean of a piece's tokens."""

    def __init__(self, size: int, labels: int):
        super().__init__()
        self.linear = nn.Linear(size, labels)

    def scores(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        scores: torch.Tensor = self.linear((hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True))
        return scores

    def loss(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        targets = torch.tensor([item.target for item in items], device=hidden.device)
        return nn.functional.cross_entropy(self.scores(hidden, mask, items), targets)

    def answers(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> list[Any]:
        scores = self.scores(hidden, mask, items).detach().clone()
        for place, item in enumerate(items):
            scores[place, list(item.closed)] = float("-inf")
        return scores.argmax(1).tolist()

    def rates(self, rate: float) -> list[tuple[list[nn.Parameter], float]]:
        return [(list(self.parameters()), rate)]


class _Chooser(_Classifier):
    """One score for each choice of a question."""

    def __init__(self, size: int):
        super().__init__(size, 1)

    def scores(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        of_items = super().scores(hidden, mask, items)[:, 0].split([len(item.pieces) for item in items])
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
        loss: torch.Tensor = -self.crf(emissions, _by_turn(gold, items)[0], mask, reduction="sum") / max(1, mentions)
        return loss

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

    def rates(self, rate: float) -> list[tuple[list[nn.Parameter], float]]:
        others = [parameter for name, parameter in self.named_parameters() if not name.startswith("crf.")]
        return [(list(self.crf.parameters()), _CRF_RATE), (others, _HEAD_RATE)]


class _FrameFinder(_Tagger):
    """The tagger, and a score for each role between each argument and each trigger."""

    def __init__(self, size: int, reader: FrameReader):
        super().__init__(size, reader.tags)
        self.reader = reader
        self.tag = nn.Embedding(reader.tags, _TAG_SIZE)
        self.argument = nn.Linear(size + _TAG_SIZE, _PAIR_SIZE, bias=False)
        self.trigger = nn.Linear(size + _TAG_SIZE, _PAIR_SIZE)
        self.distance = nn.Embedding(2 * _DISTANCES, _PAIR_SIZE)
        nn.init.normal_(self.distance.weight, std=0.02)
        self.role = nn.Linear(_PAIR_SIZE, 1 + len(reader.roles), bias=False)

    def representations(self, hidden: torch.Tensor, tags: Sequence[int], places: Sequence[tuple[int, int]]) -> torch.Tensor:
        """Represents each mention by the mean of its tokens, joined with the embedding of its tag."""
        means = torch.stack([hidden[start:stop].mean(0) for start, stop in places])
        return torch.cat([means, self.tag(torch.tensor([tags[start] for start, _ in places], device=hidden.device))], 1)

    def pairs(
        self, hidden: torch.Tensor, tags: Sequence[int], arguments: Sequence[tuple[int, int]], triggers: Sequence[tuple[int, int]]
    ) -> torch.Tensor:
        """Scores for no relation and for each role: arguments x triggers x roles."""
        left = self.argument(self.dropout(self.representations(hidden, tags, arguments)))[:, None]
        right = self.trigger(self.dropout(self.representations(hidden, tags, triggers)))[None]
        far = self.distance(_distances(arguments, triggers).to(hidden.device))
        scores: torch.Tensor = self.role(self.dropout(torch.tanh(left + right + far)))
        return scores

    def loss(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> torch.Tensor:
        loss, links, arguments = self.tag_loss(hidden, items, [item.target.tags for item in items]), hidden.new_zeros(()), 0
        for line, item in zip(hidden, items, strict=True):
            target = item.target
            if target.triggers and target.arguments:
                scores = self.pairs(line, target.tags, list(target.arguments.values()), list(target.triggers.values()))
                gold = torch.tensor(target.roles, device=hidden.device)
                links = links + nn.functional.cross_entropy(scores.flatten(0, 1), gold.flatten(), reduction="sum")
                arguments += len(target.arguments)
        return loss + links / max(1, arguments)

    def answers(self, hidden: torch.Tensor, mask: torch.Tensor, items: Sequence[Item]) -> list[Any]:
        """Triggers, arguments, and the role between each two (0: none)."""
        answers = []
        for line, item, tags in zip(hidden, items, self.decode(hidden, items), strict=True):
            triggers, arguments = split(self.reader.mentions(item, tags))
            roles = []
            if triggers and arguments:
                roles = self.pairs(line, tags, list(arguments.values()), list(triggers.values())).argmax(2).tolist()
            answers.append((list(triggers), list(arguments), roles))
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


def _distances(arguments: Sequence[tuple[int, int]], triggers: Sequence[tuple[int, int]]) -> torch.Tensor:
    """Tokens from each trigger to each argument, in classes that double: before it from 0, after it from DISTANCES."""
    apart = torch.tensor([start for start, _ in arguments])[:, None] - torch.tensor([start for start, _ in triggers])[None]
    size = (apart.abs() + 1).log2().long().clamp(max=_DISTANCES - 1)
    return torch.where(apart < 0, size, size + _DISTANCES)
