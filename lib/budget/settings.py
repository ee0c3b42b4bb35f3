"""The settings of notebook 05 beside what it reads and compares, each declared once: name, default, meaning."""

from pydantic import Field

from lib.core.config import Strict


class PlanSettings(Strict):
    """Prices, and how the intervals of the answers are drawn."""

    human_price: float | None = None
    """Dollars for a human example. None: as in the rows."""
    synthetic_price: float | None = None
    """Dollars for a synthetic example. None: as in the rows."""
    training_price: float = 0.0
    """Dollars to learn from one example, as an assumption of yours."""
    run_price: float = 0.0
    """Dollars for a training run, whatever its size, as an assumption of yours."""
    beyond_pools: bool = False
    """Whether more examples may be advised than the pools hold, up to twice what any run learned from."""
    draws: int = Field(1000, ge=2)
    """Refits of each surface that the intervals come from."""
    seed: int = 1
    """Of these refits."""
