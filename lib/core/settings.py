"""Which mixes are trained: the settings that a study, 04 and 05 share, each declared once."""

from pydantic import Field, field_validator, model_validator

from lib.core.config import Strict


def _check_shares(values: list[float]) -> list[float]:
    if not all(0 <= value <= 1 for value in values):
        raise ValueError("a share is a part of the whole, between 0 and 1")
    return values


class Totals(Strict):
    """Mixes of so many examples in all."""

    totals: list[int] = []
    """Numbers of examples in all."""
    parts: list[float] = [0, 0.25, 0.5, 0.75, 1]
    """Of each total, how much is synthetic."""

    @field_validator("totals")
    @classmethod
    def _counts(cls, values: list[int]) -> list[int]:
        if not all(value >= 0 for value in values):
            raise ValueError("a number of examples is 0 or more")
        return values

    @field_validator("parts")
    @classmethod
    def _shares(cls, values: list[float]) -> list[float]:
        return _check_shares(values)


class Sizes(Totals):
    """Mixes by number of examples: each human size with each synthetic one, and each total in each of the parts."""

    human: list[int] = []
    """Numbers of human examples."""
    synthetic: list[int] = []
    """Numbers of synthetic examples."""

    @property
    def alone(self) -> bool:
        """Whether people and a method are each trained alone, with equal numbers of examples."""
        return (bool(self.totals) and {0, 1} <= set(self.parts)) or bool(set(self.human) & set(self.synthetic) - {0})

    @field_validator("human", "synthetic")
    @classmethod
    def _sizes(cls, values: list[int]) -> list[int]:
        return cls._counts(values)

    @model_validator(mode="after")
    def _both(self) -> "Sizes":
        if bool(self.human) != bool(self.synthetic):
            raise ValueError("human and synthetic go together: each size of one is trained with each of the other (0 is a size)")
        return self


class Purchases(Strict):
    """What budgets buy, and at which prices."""

    budgets: list[float] = []
    """Dollars for training data."""
    shares: list[float] = []
    """Parts of each budget that go to the teacher."""
    budget_methods: list[str] = []
    """The sets that the budgets buy; all, if none is named."""
    human_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a human example. None: the card's."""
    synthetic_price: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Dollars for a synthetic example, needed where the teacher's tokens cost nothing. None: from each set's bill."""

    @field_validator("budgets")
    @classmethod
    def _positive(cls, values: list[float]) -> list[float]:
        if not all(0 < value < float("inf") for value in values):
            raise ValueError("a budget is a number of dollars above 0")
        return values

    @field_validator("shares")
    @classmethod
    def _shares(cls, values: list[float]) -> list[float]:
        return _check_shares(values)


class Budgets(Purchases):
    """The ladder of budgets in dollars, and the shares of each that go to the teacher."""

    collection_price: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars of a human example's price for collecting its text; the rest is for its labels. None: the card's."""

    @model_validator(mode="after")
    def _collection_is_a_part(self) -> "Budgets":
        if (self.collection_price or 0) > (self.human_price or float("inf")):
            raise ValueError(
                f"collection_price ({self.collection_price:g}) is more than the whole human_price ({self.human_price:g})"
            )
        return self

    @model_validator(mode="after")
    def _both(self) -> "Budgets":
        if bool(self.budgets) != bool(self.shares):
            raise ValueError("budgets and shares go together: each budget is spent at each share")
        return self
