"""Generations of examples that a teacher made from its own ones: 1 from the seed example, 2 from an example of generation 1."""

_ENDS = (5, 10, 20, 40, 80, 160, 10**9)
"""The last generation of each slice of a strategy that has more than the first of these."""


def slices(deepest: int) -> list[tuple[int, int]]:
    """First and last generation of each slice: each generation for itself where there are few."""
    if deepest <= _ENDS[0]:
        return [(depth, depth) for depth in range(1, deepest + 1)]
    starts = [1, *(end + 1 for end in _ENDS)]
    return [(first, min(last, deepest)) for first, last in zip(starts, _ENDS, strict=False) if first <= deepest]


def in_words(first: int, last: int) -> str:
    """A slice as figures call it."""
    return f"{first} to {last}" if last > first else str(first)
