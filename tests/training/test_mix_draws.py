"""Which examples a student learns from: how many, of whom, how evenly over labels, and the same ones again."""

from collections import Counter
from functools import partial

from hypothesis import given
from hypothesis import strategies as st
from refusing import refused

from lib.core.mixes import NONE
from lib.training.mix_draws import Run, _draw, draw_mix


@given(size=st.integers(0, 60), seed=st.integers(0, 99), start=st.integers(0, 99), data=st.data())
def test_a_larger_draw_holds_the_smaller_one(size: int, seed: int, start: int, data: st.DataObject) -> None:
    less, more = sorted([data.draw(st.integers(0, size)), data.draw(st.integers(0, size))])
    small, large = (_draw(size, n, seed=seed, source="a", start=start) for n in (less, more))
    assert large[:less] == small
    assert len(set(large)) == more
    assert set(large) <= set(range(start, start + size))


@given(labels=st.lists(st.sampled_from("abc"), min_size=1, max_size=30), n=st.integers(0, 30), seed=st.integers(0, 9))
def test_a_draw_over_labels_is_as_even_as_the_labels_allow(labels: list[str], n: int, seed: int) -> None:
    n = min(n, len(labels))
    chosen = _draw(len(labels), n, seed=seed, source="human", start=5, labels=labels)
    larger = _draw(len(labels), len(labels), seed=seed, source="human", start=5, labels=labels)
    assert larger[:n] == chosen
    assert sorted(larger) == list(range(5, 5 + len(labels)))
    drawn, held = Counter(labels[i - 5] for i in chosen), Counter(labels)
    assert all(drawn[label] >= min(held[label], most - 1) for label in held for most in drawn.values())


def test_people_are_drawn_evenly_over_labels_or_as_they_come() -> None:
    """Three of four human examples have the first label."""
    labels = {NONE: list("aaabaaab" * 3)}
    even = draw_mix(Run(NONE, 12, 0, 1), {NONE: 0}, sizes={NONE: 24}, labels=labels)
    assert Counter(labels[NONE][i] for i in even) == {"a": 6, "b": 6}
    natural = draw_mix(Run(NONE, 12, 0, 1), {NONE: 0}, sizes={NONE: 24})
    assert Counter(labels[NONE][i] for i in natural)["b"] < 6


def test_draws_differ_by_seed_and_source() -> None:
    assert _draw(50, 20, seed=1, source="a", start=0) == _draw(50, 20, seed=1, source="a", start=0)
    assert _draw(50, 20, seed=1, source="a", start=0) != _draw(50, 20, seed=2, source="a", start=0)
    assert _draw(50, 20, seed=1, source="a", start=0) != _draw(50, 20, seed=1, source="b", start=0)


@given(n_human=st.integers(0, 12), n_synthetic=st.integers(0, 6), seed=st.integers(0, 20))
def test_a_mix_holds_what_its_run_says(n_human: int, n_synthetic: int, seed: int) -> None:
    places, sizes = {NONE: 0, "a": 12, "b": 20}, {NONE: 12, "a": 8, "b": 6}
    chosen = draw_mix(Run("b", n_human, n_synthetic, seed), places, sizes=sizes)
    assert len(set(chosen)) == len(chosen)
    assert sum(i < 12 for i in chosen) == n_human
    assert sum(i >= 20 for i in chosen) == n_synthetic == len(chosen) - n_human


@given(n_human=st.integers(0, 12), seed=st.integers(0, 20), labeled=st.integers(0, 12))
def test_what_the_teacher_labeled_is_drawn_last_and_the_others_as_if_it_were_not_there(
    n_human: int, seed: int, labeled: int
) -> None:
    run = Run(NONE, n_human, 0, seed)
    chosen = draw_mix(run, {NONE: 0}, sizes={NONE: 12}, labeled=labeled)
    assert len({*chosen}) == n_human
    assert sum(i >= 12 - labeled for i in chosen) == max(0, n_human - (12 - labeled))
    if n_human <= 12 - labeled:
        assert chosen == draw_mix(run, {NONE: 0}, sizes={NONE: 12 - labeled})
    else:
        refused(lambda: draw_mix(run._replace(n_human=13), {NONE: 0}, sizes={NONE: 12}, labeled=labeled), "asks for 13 human")


@given(
    size=st.integers(1, 30),
    seed=st.integers(0, 99),
    n_synthetic=st.integers(0, 3),
    data=st.data(),
)
def test_what_prompts_showed_is_learned_from_first(size: int, seed: int, n_synthetic: int, data: st.DataObject) -> None:
    """All of it where the mix is large enough, else a part of it; people alone are drawn as if nothing had been shown."""
    n, labeled = data.draw(st.integers(0, size)), data.draw(st.integers(0, size))
    shown = data.draw(st.frozensets(st.integers(0, size - 1)))
    run, places, sizes = Run("m", n, n_synthetic, seed), {NONE: 0, "m": size}, {NONE: size, "m": 3}
    labels = {NONE: data.draw(st.lists(st.sampled_from("ab"), min_size=size, max_size=size))} if data.draw(st.booleans()) else {}
    draw = partial(draw_mix, places=places, sizes=sizes, labeled=labeled, labels=labels)
    human, plain = draw(run, shown=shown)[:n], draw(run)[:n]
    assert len(set(human)) == n
    assert all(0 <= place < size for place in human)
    if not n_synthetic or not shown:
        assert human == plain
    elif n >= len(shown):
        assert shown <= set(human)
    else:
        assert set(human) <= shown
    if n < size:
        larger = draw(run._replace(n_human=n + 1), shown=shown)
        assert set(human) < set(larger[: n + 1])


def test_what_is_learned_from_beside_what_prompts_showed_makes_up_for_its_labels() -> None:
    labels = {NONE: list("aaaaabbbbb")}
    drawn = draw_mix(Run("m", 6, 1, 1), {NONE: 0, "m": 10}, sizes={NONE: 10, "m": 1}, labels=labels, shown=frozenset({0, 1, 2}))
    assert {0, 1, 2} < set(drawn[:6])
    assert Counter(labels[NONE][i] for i in drawn[:6]) == {"a": 3, "b": 3}


def test_more_than_there_is_is_refused() -> None:
    refused(lambda: _draw(3, 4, seed=1, source="human", start=0), "asks for 4 human examples, but there are 3")
