"""The settings of notebook 01, each declared once: name, default, meaning. A method uses some of them; the others are refused."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from lib.core.config import Strict
from lib.core.encoders import EMBEDDED
from lib.teacher.masks import LabelNames
from lib.teacher.wordings import DEFAULT, WritingPrompt


class _Asking(Strict):
    """What 01 and a study call by the same names."""

    n: int = Field(24, ge=1)
    """Examples to keep. 24 is what the recordings of the demo hold for most tasks, so that the notebook runs as it is."""
    dollars: float | None = Field(None, gt=0, allow_inf_nan=False)
    """What the set may cost at most; asking ends there or at n kept examples, whichever comes first."""
    temperature: float = Field(1.0, ge=0)
    """Sampling, for variety; arXiv 2407.12813 does not say, 2310.20111 says 1."""
    top_p: float = Field(1.0, ge=0, le=1)
    """Sampling; 1 switches it off, as the text of 2310.20111 says; its code sets 0, which is nearly greedy."""
    near: float | None = Field(None, gt=0, le=1)
    """Share of common pieces from which on two texts are near duplicates, 1: only equal ones. None: 0.8 (ours), and 1 for methods
    of 2310.20111, as there."""
    drop_junk: bool = True
    """Whether a text is left out that has no letters, is only a label's name, or has less than half the characters of nearly all
    of people's (ours)."""
    per_reply: int | None = Field(None, ge=1)
    """Examples asked for in one request. None: 3, which the recordings of the demo hold (a replication of 2407.12813 asks for 1,
    at the full price of the prompt), and 5 for methods of 2310.20111, as there."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens that a reply may take; one that needs more is cut, and its unfinished example lost. None: 150 for each field of an
    example that is asked for, for a dialogue twice what the longest human one takes."""
    prompt: WritingPrompt = DEFAULT
    """The wording of the prompts, which keeps what they ask for; `verbalized` has each example written with its probability,
    from the tails (arXiv 2510.01171)."""
    mask_labels: LabelNames = "none"
    """Whether prompts call labels by other names, drawn by the seed, and do not say what they mean: codes (A, B), arbitrary
    (K7), words (made up). Examples keep their labels. none: by their own names."""
    hide_label: bool = True
    """Whether prompts ask that a text not give its label away by naming it. No paper asks so; where labels are topics, texts
    get more oblique by it."""
    show_recent: int = Field(0, ge=0)
    """Examples of the same label, the last ones kept before a round, that a prompt shows with the wish for others: near
    duplicates are paid for. Each round then asks once for each label, so that a set takes many: not for batch files."""
    human_lengths: bool = False
    """Whether prompts say about how many words each example has: as a human one of its label, in turn. That one counts as
    shown."""
    conditioned: bool = True
    """Whether a text is written to a given label, as 2407.12813 recommends; false: the teacher chooses the label last."""
    shots: int = Field(3, ge=0)
    """Human examples that a prompt of few_shot shows, of the label where one is given."""
    topics: int = Field(20, ge=1)
    """Length of the teacher's topic list."""
    attributes: int = Field(5, ge=1)
    """Attributes that the teacher names (AttrPrompt)."""
    values: int = Field(8, ge=1)
    """Values of each attribute; AttrPrompt takes some ten."""
    iterations: int | None = Field(None, ge=1)
    """Replies that are asked for at most. None: as many as n examples take."""
    strict: bool = False
    """Whether a reply is thrown away whole for one bad item, or for more or fewer than asked for, as 2310.20111 does."""
    raw_source: str | None = None
    """The source of the task whose human examples prompts show, as `own` where students learn from texts that cannot be given
    away. None: the source that students learn from."""
    seed_example: str | None = None
    """The human example to begin with, by its id. None: drawn by the seed."""
    human_shots: int = Field(2, ge=1)
    """Human dialogues that a prompt shows."""
    own_shots: int = Field(1, ge=0)
    """Dialogues of the teacher's own that a prompt shows besides; while there are too few of these, more of people."""
    same_detail: bool = True
    """Whether dialogues are asked for with as much detail as people's, no more and no less. 2410.06550 reports that a teacher
    gives more, which this wish designs away."""
    rounds: int = Field(4, ge=1)
    """Rounds that n dialogues are asked for in; each can show what those before brought."""
    refiner: str | None = None
    """The teacher that mends the drafts of a base model: `local`, or a model that answers at an endpoint. None: the teacher
    itself, asked by chat."""
    refiner_url: str | None = None
    """The endpoint of the refiner. None: that of the teacher."""
    rephrase_all: bool = False
    """Whether all examples are reworded, not only those that give their label away. 2407.12813 seems to reword all; in a
    small set no word can go beyond chance."""
    rephrase_rounds: int = Field(1, ge=1)
    """Rounds of rewording at most. After each the set is tested again, and what still gives its label away is reworded again,
    until nothing does; 2407.12813 has one."""


def _check_draws(count: int, temperature: float, name: str) -> None:
    if count > 1 and temperature == 0:
        raise ValueError(f"{name}: {count} needs a temperature above 0; at 0 a teacher gives the same replies again")


class GenerationSettings(_Asking):
    """How one example set is written."""

    seed: int = 1
    """Draws topics, attributes, the examples that prompts show and the seed example."""
    raw: int = Field(60, ge=1)
    """Human examples that prompts may show: the first ones of train."""
    start: int = Field(1, ge=1)
    """Which of the drawn seed examples to begin with: 2 is the second, to see how much hangs on the first."""
    repeat: int = Field(1, ge=1)
    """Which asking of the same method this is: 2 has the same prompts answered anew, lists included, as a set of its own."""
    levels: dict[str, str] = {}
    """What sets it apart from sets of the same method in a study that varies settings, as {"temperature": "0.3"}: a part of its
    name."""
    encoder: str = EMBEDDED
    """Tells how alike two examples are; 2310.20111 takes sentence-transformers/all-mpnet-base-v2."""

    @model_validator(mode="after")
    def _another_draw(self) -> Self:
        _check_draws(self.repeat, self.temperature, "repeat")
        return self


class Generation(_Asking):
    """The section `generation` of a study: what 01 writes for each task."""

    methods: list[str] = ["zero_shot", "zero_shot_topic", "one_shot", "few_shot_3", "few_shot_5", "attributes"]
    """None: a study of sets that are there, or of people alone."""
    starts: dict[str, int] = {}
    """How many sets a method writes, each from another drawn seed example: {tree: 3}."""
    repeats: int = Field(1, ge=1)
    """How often each set is written: the same method asked anew, so that what is said of it does not hang on one draw."""
    rephrase: list[str] = []
    """Methods whose examples are also had reworded: a set of its own for each."""

    @field_validator("starts")
    @classmethod
    def _from_one(cls, starts: dict[str, int]) -> dict[str, int]:
        if few := [method for method, count in starts.items() if count < 1]:
            raise ValueError(f"{few[0]!r} begins from at least 1 seed example")
        return starts

    @model_validator(mode="after")
    def _other_draws(self) -> Self:
        _check_draws(self.repeats, self.temperature, "repeats")
        return self
