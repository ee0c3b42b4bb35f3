"""The settings of notebook 02, each declared once: name, default, meaning."""

from typing import Literal

from pydantic import Field, field_validator

from lib.core.config import Strict
from lib.teacher.masks import LabelNames
from lib.teacher.wordings import DEFAULT, LabelingPrompt


class LabelingRequests(Strict):
    """What a request of 02 holds."""

    prompt: LabelingPrompt = DEFAULT
    """The wording of the prompts for labels, which keeps what they ask for; `two_questions` asks first which labels are possible
    (after arXiv 2604.13899). Those for frames have one wording."""
    mask_labels: LabelNames = "none"
    """Whether prompts call labels by other names, drawn by the seed, and do not say what they mean: codes (A, B), arbitrary (K7),
    words (made up). none: by their own names."""
    shots: int = Field(1, ge=0)
    """Human examples of each label that a prompt shows (few_shot; of spans: texts that hold each label so often), or dialogues
    (frames). 0: none, so that few_shot is zero_shot."""
    window: int | None = Field(None, ge=1)
    """Turns of a dialogue that are labeled in one request. None: the whole dialogue."""
    max_tokens: int | None = Field(None, ge=1)
    """Tokens that an answer may take; what a teacher thinks before has its own (`reasoning_tokens`). None: 64, and more for long
    choices and for dialogues."""


class LabelingSettings(LabelingRequests):
    """How the teacher labels one set."""

    raw: int = Field(60, ge=1)
    """Human examples that the shots are drawn from, the first ones of train."""
    collection: float | None = Field(None, ge=0, allow_inf_nan=False)
    """Dollars to collect a human text that the teacher labels. None: the card's."""
    levels: dict[str, str] = {}
    """What sets it apart from sets labeled in the same way in a study that varies settings, as {"labeling.shots": "2"}: a part
    of its name."""


class Labeling(LabelingRequests):
    """The section `labeling` of a study: what 02 labels of each task, nothing by default. The first n examples of train are for
    students to learn from; the first n_test of the test set put the teacher's own score beside that of students."""

    methods: list[str] = ["zero_shot"]
    n: int = Field(0, ge=0)
    """Human examples of train to label, the first ones. Mixes that hold such labels draw their human examples from the others."""
    test_methods: list[str] = ["zero_shot"]
    n_test: int = Field(0, ge=0)
    """Examples of the test set to label."""
    written: list[str] = []
    """Sets of 01 whose examples 02 labels: dialogues, which have no frames before; the answers of others are asked for again,
    and those that agree are a set of their own."""


class SheetSettings(Strict):
    """A blinded sheet for people (lib/labeling/sheet.py)."""

    n: int = Field(60, ge=1)
    """Items in all, as many of each source."""
    questions: list[Literal["label", "written_by", "quality"]] = ["label"]
    """What is asked of each item: the right label; whether a person or a model wrote it (written_by); how good an example it is
    (quality, 1 to 5)."""
    seed: int = 1
    """Draws the items and their order."""

    @field_validator("questions")
    @classmethod
    def _each_once(cls, questions: list[str]) -> list[str]:
        if not questions or len(set(questions)) < len(questions):
            raise ValueError("a sheet asks at least one question, and each once")
        return questions


class SheetPrices(Strict):
    """What the answers of people cost."""

    wage: float = Field(15.6, ge=0, allow_inf_nan=False)
    """Dollars an hour of an annotator; the default is the 0.26 dollars a minute that cards assume, as the SST-2 labels of Ding et
    al. 2023 cost."""
    minutes: float | None = Field(None, gt=0, allow_inf_nan=False)
    """Minutes that an annotator took for a sheet that was not filled in on the page, which measures them. None: not known."""
