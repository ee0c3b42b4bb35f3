"""The settings of notebook 04, each declared once: name, default, meaning."""

from typing import Literal, Self

from pydantic import Field, model_validator

from lib.core.config import Strict
from lib.core.encoders import EMBEDDED
from lib.core.settings import Purchases, Totals


class Recipe(Strict):
    """How a student is trained."""

    encoder: str = EMBEDDED
    """The embedded encoder, or any of the hub (roberta-large, ku-nlp/deberta-v2-base-japanese)."""
    steps: int = Field(300, ge=1)
    """Steps of training, whatever the size of the mix, so that a large one is not also trained longer."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the mix, instead of `steps`."""
    batch_size: int = Field(16, ge=1)
    """Examples in one step of training."""
    learning_rate: float = Field(3e-4, gt=0)
    """Its peak, after the warm-up."""
    head_rate: float = Field(3e-3, gt=0)
    """Of spans and frames: the learning rate of the head (JaMIE: 1e-3; few examples need more)."""
    crf_rate: float = Field(1e-2, gt=0)
    """Of spans and frames: the learning rate of the CRF's transitions, as JaMIE has it."""
    frozen_layers: int | None = Field(None, ge=0)
    """Layers below that stay as they are, with the embeddings; 0 trains everything. None: all of them, so that the head alone is
    trained (a linear probe), which takes a moment."""
    lora_rank: int = Field(0, ge=0)
    """Rank of adapters (LoRA) that train in the place of the weights of layers that are not frozen; 0: the weights train."""
    warmup: float = Field(0.1, ge=0, le=1)
    """Part of the steps in which the learning rate grows to its peak."""
    max_tokens: int | None = Field(None, ge=1)
    """The longest text, or window of dialogue, in tokens. None: 512, and 128 for windows."""
    dev_share: float = Field(0.0, ge=0, lt=1)
    """Part of a mix that is held back to choose the best epoch by; 0: the last epoch, and every label is learned from."""
    device: str = Field("auto", pattern=r"^(auto|cpu|cuda.*)$")
    """cpu or cuda (cuda:1 for a second one); auto: a GPU where there is one."""
    slots: int | None = Field(None, ge=1)
    """Students of labels or choices that train side by side, with stacked weights. None: on a GPU as many as fit (at most 32), on
    a processor one."""

    @model_validator(mode="after")
    def _adapters_have_layers(self) -> Self:
        if self.lora_rank and self.frozen_layers is None:
            raise ValueError(
                "lora_rank trains adapters of layers that are not frozen, and all are: give frozen_layers (0 for all)"
            )
        return self


PROBE = frozenset({"encoder", "frozen_layers", "max_tokens"})
"""What a probe of labels hangs on, which is fit at once."""
_OF_MARKS = frozenset({"head_rate", "crf_rate"})


def used_by(recipe: Recipe, answers_with: str) -> frozenset[str]:
    """The settings of a recipe that make a difference to students whose task is answered so (label, choice, spans, frames)."""
    if answers_with == "label" and recipe.frozen_layers is None:
        return PROBE
    unused = {"steps"} if recipe.epochs else set()
    return frozenset(Recipe.model_fields) - unused - (_OF_MARKS if answers_with in ("label", "choice") else set())


class _Students(Recipe):
    """What 04 and a study call by the same names."""

    human_dev: int = Field(0, ge=0)
    """Human examples beside all mixes, the last ones of train, to choose the best epoch by, as arXiv 2310.20111 does; every mix
    pays for them. A linear probe of labels has no epochs to choose from."""
    also_test: list[str] = []
    """Evaluation sets out of domain: other splits of a task's source (garden), or tasks by name (riddle, riddle:riddle_sense)."""
    most_in_test: float = Field(0.05, ge=0, le=1)
    """The largest part of a set that may stand in an evaluation set, equal or nearly so, or of that in the set. Students of a set
    with more would know answers by heart: it is refused."""
    seeds: int = Field(3, ge=1)
    """Runs for each mix."""

    @property
    def recipe(self) -> Recipe:
        """The recipe alone, which kept scores are looked up by."""
        return Recipe(**self.model_dump(include=set(Recipe.model_fields)))

    @model_validator(mode="after")
    def _one_way_to_choose(self) -> Self:
        if self.dev_share and self.human_dev:
            raise ValueError("dev_share and human_dev both say what to choose the best epoch by: give one")
        return self


class Students(_Students):
    """What one run of 04 trains beside its mixes."""

    levels: dict[str, str] = {}
    """What sets its students apart from a study's own, where the study varies how they are trained, as {"steps": "50"}."""


class Parts(Strict):
    """Parts of sets that students are trained on, too: of spans or frames as often labeled as people's, of strategies by
    generation."""

    matched: list[str] = []
    """Sets that are also trained on in part: NAME_matched, labeled as often as human examples, and NAME_random, a random part."""
    matched_size: int | None = Field(None, ge=1)
    """Examples of each such part. None: half of the set."""
    matched_by: list[Literal["counts", "shares", "density"]] = ["counts"]
    """What is as in human examples: how many labels of each class a text has (NAME_matched), only the shares of the classes
    (NAME_share_matched), or only how many labels come with as many words (NAME_density_matched)."""
    generations: list[str] = []
    """Strategies whose sets are also trained on by generations: NAME_generation_1_to_5, _6_to_10, _11_to_20 and so on, or one
    by one where there are at most five. Each bears the cost of the generations before it."""


class _Controlled(Strict):
    """Parts of sets whose words give less of the label away."""

    controlled: list[str] = []
    """Sets that are also trained on in part: NAME_dropped, without examples whose words tell their label, and NAME_resampled,
    with so few of them that no word tells."""


class _Draws(Strict):
    """How the examples of a mix are drawn."""

    balanced: bool = True
    """Whether a mix holds as many examples of each label as of another, of people as of a method, as far as there are so many. If
    not, examples are drawn as labels come, which for people is their natural share."""


class Training(_Students, Parts, _Controlled, _Draws):
    """The section `training` of a study."""

    shards: int = Field(1, ge=1)
    """Parts of the runs, each a notebook run of its own."""


class Mixes(Totals, Purchases, Parts, _Controlled, _Draws):
    """The mixes of one run of 04."""

    human_sizes: list[int] = [0, 25, 50, 100, 200]
    """Mixes by number: each of these human sizes (the raw examples) with each synthetic size."""
    synthetic_sizes: list[int] = [0, 20, 60, 180]
    """Sizes of synthetic examples; fewer than the set holds, so that runs of one size differ in more than their seed."""
