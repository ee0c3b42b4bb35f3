"""Which texts people are asked to label: drawn by chance, or chosen by what a probe is unsure of or by how far apart they lie.

Replayed on human examples that were bought: a label is looked at only once its text is chosen.
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from lib.training.student import Pool, train

_ROUNDS = 5
"""Rounds in which texts are chosen by uncertainty; the first is drawn by chance."""


def _by_chance(pool: Pool, candidates: Sequence[int], *, n: int) -> list[int]:
    """The first ones: candidates come in an order drawn by the seed."""
    return list(candidates[:n])


def _by_margin(pool: Pool, candidates: Sequence[int], *, n: int) -> list[int]:
    """Round after round those for which the two best labels of a probe, trained on all chosen before, lie closest."""
    sizes = [n * (number + 1) // _ROUNDS for number in range(_ROUNDS)]
    chosen, left = list(candidates[: sizes[0]]), list(candidates[sizes[0] :])
    for size in sizes[1:]:
        margins = _margins(pool, chosen, left)
        closest = [left[place] for place in margins.argsort(stable=True)[: size - len(chosen)].tolist()]
        chosen += closest
        left = [text for text in left if text not in set(closest)]
    return chosen


def _margins(pool: Pool, labeled: Sequence[int], texts: Sequence[int]) -> torch.Tensor:
    """The best label's probability less the second's, of each text, by a probe of the labeled ones."""
    student, vectors = train(pool, labeled, seed=1), _vectors(pool, texts)
    with torch.inference_mode():
        best: torch.Tensor = student["head"].linear(vectors).softmax(1).topk(2).values
    return best[:, 0] - best[:, 1]


def _by_spread(pool: Pool, candidates: Sequence[int], *, n: int) -> list[int]:
    """k-center: the first candidate, then each time the text that is least like the nearest chosen one (cosine)."""
    vectors = torch.nn.functional.normalize(_vectors(pool, candidates), dim=1)
    places, nearest = [0], vectors @ vectors[0]
    while len(places) < n:
        places.append(int(nearest.argmin()))
        nearest = torch.maximum(nearest, vectors @ vectors[places[-1]])
    return [candidates[place] for place in places]


def _vectors(pool: Pool, texts: Sequence[int]) -> torch.Tensor:
    """What a probe reads of each text."""
    return torch.stack([pool.data[pool.starts[item.first]] for item in pool.items(texts)]).float()


WAYS: Mapping[str, Callable[..., list[int]]] = {"chance": _by_chance, "margin": _by_margin, "k_center": _by_spread}
"""How human examples are chosen. Each takes the pool, the places of the candidates in it, and how many to choose."""
