"""Dollars: whole nanodollars, never too few; a price that nobody knows is refused."""

import math
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lib.core.pricing import _NANO, TokenPrice, Usage, dollars, nano, token_price
from lib.teacher.backends import teacher_price
from lib.teacher.client import Request

RATE = st.decimals(0, 1000, places=4)
COUNT = st.integers(0, 10_000_000)
PRICE = st.builds(TokenPrice, input=RATE, output=RATE, discount=st.sampled_from([Decimal(1), Decimal("0.5")]))
USAGE = st.builds(lambda i, o, c: Usage(i + c, o, c), COUNT, COUNT, COUNT)
PLAIN = st.text(st.characters(exclude_categories=["Cs"]))
MESSAGES = st.lists(st.fixed_dictionaries({"role": st.sampled_from(["system", "user"]), "content": PLAIN}), min_size=1)


@given(PRICE, USAGE)
def test_a_price_is_rounded_up_by_less_than_a_nanodollar(price: TokenPrice, usage: Usage) -> None:
    exact = Fraction(price.input) * usage.input + Fraction(price.output) * usage.output
    exact *= Fraction(price.discount) * 1000
    assert exact <= price.nanodollars(usage) < exact + 1


@given(PRICE, USAGE, USAGE)
def test_a_sum_of_prices_is_at_most_one_nanodollar_dearer_than_the_price_of_the_sum(
    price: TokenPrice, a: Usage, b: Usage
) -> None:
    whole = price.nanodollars(Usage(a.input + b.input, a.output + b.output, a.cached + b.cached))
    assert whole <= price.nanodollars(a) + price.nanodollars(b) <= whole + 1


@given(PRICE, USAGE, COUNT, COUNT)
def test_more_tokens_never_cost_less(price: TokenPrice, usage: Usage, more_in: int, more_out: int) -> None:
    more = Usage(usage.input + more_in, usage.output + more_out, usage.cached)
    assert price.nanodollars(more) >= price.nanodollars(usage)


def test_cached_tokens_have_their_own_rate() -> None:
    price = TokenPrice(input=Decimal(2), output=Decimal(8), cached=Decimal("0.5"))
    assert price.nanodollars(Usage(100, 10, 60)) == (40 * 2 + 60 * 0.5 + 10 * 8) * 1000


@given(MESSAGES, st.integers(1, 5000))
def test_the_worst_case_covers_a_token_for_every_byte(messages: list[dict[str, str]], max_tokens: int) -> None:
    worst = Request(messages, {"type": "object"}, max_tokens=max_tokens).worst()
    said = sum(len(message["content"].encode()) + len(message["role"].encode()) for message in messages)
    assert worst.input >= said + 8 * len(messages)
    assert (worst.output, worst.cached) == (max_tokens, 0)


@given(st.decimals(0, 10**6, places=12))
def test_a_cap_never_grows_by_rounding(cap: Decimal) -> None:
    assert 0 <= cap * _NANO - nano(cap) < 1


@pytest.mark.parametrize(
    ("given_dollars", "whole"), [(0.1, 100_000_000), (5, 5 * _NANO), ("0.0000000019", 1), (0.3, 300_000_000)]
)
def test_dollars_are_taken_as_they_are_written(given_dollars: float | str, whole: int) -> None:
    assert nano(given_dollars) == whole
    assert math.isclose(dollars(whole), whole / _NANO)


def test_a_known_model_has_its_list_price() -> None:
    price = token_price("gpt-4o-mini")
    assert (price.input, price.output) == (Decimal("0.15"), Decimal("0.6"))
    assert price.cached is not None
    assert price.cached < price.input


@pytest.mark.parametrize("base_url", [None, "http://127.0.0.1:8000/v1"])
def test_an_unknown_price_is_refused(base_url: str | None) -> None:
    with pytest.raises(ValueError, match="No price is known for model 'home-made-7b'. State it in the study"):
        token_price("home-made-7b", None, base_url)


def test_a_stated_price_comes_before_the_list() -> None:
    assert token_price("gpt-4o-mini", {"gpt-4o-mini": {"input": 3, "output": 4}}).input == 3


@pytest.mark.parametrize("wrong", [{"input": -1}, {"output": float("nan")}, {"cached": -1}, {"discount": -0.5}, {"inptu": 1}])
def test_a_price_below_zero_or_misspelt_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        token_price("m", {"m": {"input": 1, "output": 1} | wrong})


def test_batch_files_cost_half_of_the_list_price_but_all_of_a_stated_one() -> None:
    usage = Usage(1000, 1000)
    assert teacher_price("batch:gpt-4o-mini", None, None).nanodollars(usage) * 2 == token_price("gpt-4o-mini").nanodollars(usage)
    stated = {"m": {"input": 1.0, "output": 1.0}}
    assert teacher_price("batch:m", stated, None) == token_price("m", stated)
