"""Dollars per token: from genai-prices, or as the study states them. An unknown price is refused, never guessed.

Money is counted in whole nanodollars, so that sums are exact and a cap is a cap.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Any, NamedTuple

from genai_prices import Usage as Tokens
from genai_prices import calc_price
from pydantic import Field

from lib.core.config import Strict

_NANO = 1_000_000_000
_MILLION = 1_000_000


class TokenPrice(Strict):
    """Dollars per million tokens, as price lists give them; `discount` for the Batch API (0.5 is half price)."""

    input: Decimal = Field(ge=0)
    output: Decimal = Field(ge=0)
    cached: Decimal | None = Field(None, ge=0)
    discount: Decimal = Field(Decimal(1), ge=0)
    hour: Decimal = Field(Decimal(0), ge=0)
    """Dollars an hour of the machine that serves the model."""

    def nanodollars(self, usage: "Usage", seconds: float = 0.0) -> int:
        """What a call costs that had the machine to itself for some seconds, rounded up to a whole nanodollar."""
        cached = self.input if self.cached is None else self.cached
        millionths = (usage.input - usage.cached) * self.input + usage.cached * cached + usage.output * self.output
        tokens = millionths * self.discount * _NANO / _MILLION
        return int((tokens + self.hour * _NANO * Decimal(seconds) / 3600).to_integral_value(ROUND_CEILING))


def hourly_price(dollars_an_hour: float) -> TokenPrice:
    """The price of a model on a machine that is paid by the hour."""
    return TokenPrice(input=Decimal(0), output=Decimal(0), hour=Decimal(str(dollars_an_hour)))


class Usage(NamedTuple):
    """Tokens of a call; `cached` is the part of the input that the provider had in its cache."""

    input: int
    output: int
    cached: int = 0


def token_price(model: str, stated: dict[str, dict[str, float]] | None = None, base_url: str | None = None) -> TokenPrice:
    """The price of a model: as stated by the study, else by genai-prices; refused where neither knows it.

    At an endpoint that genai-prices does not know, only OpenAI's model names are looked up: the name of an open
    model says nothing of what the machine that serves it costs.
    """
    if stated and model in stated:
        return TokenPrice.model_validate(stated[model])

    places: list[dict[str, Any]] = [{"provider_api_url": base_url}] * bool(base_url) + [{"provider_id": "openai"}]
    for where in places:
        try:
            rates = calc_price(Tokens(input_tokens=1, output_tokens=1), model, **where).model_price
            per_million = {"input": _first_tier(rates.input_mtok), "output": _first_tier(rates.output_mtok)}
            return TokenPrice(**per_million, cached=_first_tier(rates.cache_read_mtok or rates.input_mtok))
        except (LookupError, ValueError, AttributeError, TypeError):
            continue
    raise ValueError(
        f"No price is known for model {model!r}. State it in the study, in dollars per million tokens: "
        f"token_prices: {{{model}: {{input: 0.15, output: 0.60}}}} (0 and 0 for a machine of your own)."
    )


def _first_tier(rate: object) -> Decimal:
    """The plain rate, or the most expensive of a tiered one, so that a reservation never falls short."""
    tiers = [tier.price for tier in getattr(rate, "tiers", [])]
    return Decimal(max([getattr(rate, "base", rate), *tiers]))  # type: ignore[type-var]


def nano(dollars: float | Decimal | str) -> int:
    """Dollars as whole nanodollars, rounded down: a cap must not grow by rounding."""
    return int(Decimal(str(dollars)) * _NANO)


def dollars(nanodollars: int) -> float:
    return nanodollars / _NANO
