"""What the Snakefile asks: which files each step of a study reads and writes, and with which parameters it runs."""

import atexit
import contextlib
import fcntl
import os
import shutil
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import yaml
from snakemake.exceptions import WorkflowError

from lib.core import manifest, paths, set_names, tasks
from lib.core.example_sets import Given
from lib.core.fingerprint import parameter_names
from lib.core.set_names import TEACHER, SetName
from lib.core.tasks import Card
from lib.generation import METHODS
from lib.generation.settings import GenerationSettings
from lib.labeling.labels import AGAIN
from lib.labeling.settings import LabelingRequests, LabelingSettings
from lib.study import dry_run, own_data, run_summary, schema
from lib.study.schema import Study
from lib.study.warm_kernels import warm_kernels
from lib.teacher.settings import Access, is_local, local_is_installed
from lib.training.settings import Mixes, Students

_Parameters = dict[str, Any]

_ENVIRONMENT = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "IPYTHONDIR": str(paths.ROOT / ".ipython"),
    "JUPYTER_PREFER_ENV_PATH": "1",
    "PYTHONHASHSEED": "0",
    "PYTHONWARNINGS": "ignore:IProgress not found",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_MININTERVAL": "5",
}
"""What every notebook of a workflow finds in its environment."""
_SETTINGS: dict[str, dict[str, Collection[str]]] = {
    "01_generation": {"settings": GenerationSettings.model_fields, "access": Access.model_fields},
    "02_labeling": {"settings": LabelingSettings.model_fields, "access": Access.model_fields},
    "04_training": {"mixes": Mixes.model_fields, "training": Students.model_fields},
    "05_budget": {"settings": ("human_price", "synthetic_price")},
}
"""The dicts of settings of each notebook, and what can stand in them."""
_OF_SETS = ("matched", "generations", "controlled", "budget_methods")
"""The settings of 04 that name example sets."""


def as_yaml(notebook: str, parameters: _Parameters) -> str:
    """A notebook's parameters as papermill's -y takes them; what its first cell does not declare stands in a dict of settings."""
    nested = {name: value for name, value in parameters.items() if name in parameter_names(notebook)}
    rest = {name: value for name, value in parameters.items() if name not in nested}
    for name, fields in _SETTINGS.get(notebook, {}).items():
        nested[name] = {field: rest.pop(field) for field in list(rest) if field in fields}
    # Not as JSON: PyYAML would not read its 1e-05 back as a number.
    return yaml.safe_dump(nested | rest, default_flow_style=True, width=float("inf"), allow_unicode=True).strip()


@dataclass(frozen=True)
class TaskSteps:
    """The steps 01 to 04 of a study for one of its tasks."""

    study_name: str
    named: str
    """The task as the study names it: its name, or the path of its card."""
    card: Card
    study: Study
    """The study as it is for this task."""
    asking: _Parameters
    """What 01 and 02 are told of the teacher."""
    teachers: Mapping[str, _Parameters]
    """What they are told of each teacher, where the study varies it."""

    # ---- files that steps write ----

    def folder(self, step: str) -> str:
        return f"runs/{self.study_name}/{self.card.name}/{step}"

    def written_file(self, method: str) -> str:
        return f"{self.folder('01_generation')}/{method}.parquet"

    def labels_file(self, labels: str) -> str:
        return f"{self.folder('02_labeling')}/{labels}.parquet"

    @property
    def methods(self) -> list[str]:
        """The sets that 01 writes."""
        return [*self.study.written_sets, *self.study.reworded]

    @property
    def labeled(self) -> dict[str, tuple[SetName, str, int]]:
        """The human examples that 02 labels: for each file the name of the set, the split and the number."""
        sets = self.study.labeled_sets
        labeled = {name.key.removeprefix("labeled_"): (name, "train", n) for name, n in sets}
        return labeled | {labels: (name, "test", n) for labels, (name, n) in self.study.test_labels.items()}

    @property
    def relabeled(self) -> dict[str, tuple[str, str]]:
        """The sets of 01 that 02 labels: each with the set before and the way of labeling."""
        return self.study.relabeled

    @property
    def written(self) -> list[str]:
        return [self.written_file(method) for method in self.methods]

    @property
    def human_labels(self) -> list[str]:
        """The teacher's labels of human examples, to learn from."""
        return [self.labels_file(labels) for labels, (_, split, _) in self.labeled.items() if split == "train"]

    @property
    def test_labels(self) -> list[str]:
        """The teacher's labels of the test set."""
        return [self.labels_file(labels) for labels, (_, split, _) in self.labeled.items() if split == "test"]

    @property
    def labels(self) -> list[str]:
        """The teacher's labels that 05 reads: of the test set, and of texts to learn from, where there are several to compare."""
        return [*self.test_labels, *(self.human_labels if len(self.human_labels) > 1 else [])]

    @property
    def artefacts(self) -> list[str]:
        """All that the teacher is asked for."""
        return [*self.written, *self.human_labels, *map(self.labels_file, self.relabeled), *self.test_labels]

    @property
    def scores(self) -> list[str]:
        """Of the study's own students, then of those at other levels."""
        shards, folder = self.study.training.shards, self.folder("04_training")
        parts = [f"{shard}of{shards}.parquet" for shard in range(1, shards + 1)]
        return [f"{folder}/{'_'.join(filter(None, [called, part]))}" for called in self.study.recipes for part in parts]

    @property
    def figures(self) -> list[str]:
        """The list of what 03 drew; nothing is drawn where there is no synthetic set."""
        has_sets = self.study.generation.methods or self.study.sets
        return [f"runs/{self.study_name}/figures/03_diversity_{self.card.name}.json"] if has_sets else []

    @property
    def measures(self) -> list[str]:
        """The table of measures that 03 writes."""
        return [f"runs/{self.study_name}/figures/diversity_{self.card.name}.csv"] if self.figures else []

    # ---- files that steps read ----

    @property
    def unlabeled(self) -> list[str]:
        """The sets of 01 that have no labels before 02."""
        return [key for key, name in self.study.written_sets.items() if METHODS[name.method].unlabeled]

    @property
    def learned(self) -> list[str]:
        """The example sets of 01 and 02 that students learn from."""
        return list(self._learned)

    @property
    def _learned(self) -> dict[str, SetName]:
        """Their names, by file."""
        written = {self.written_file(key): set_names.find(key) for key in self.methods if key not in self.unlabeled}
        human = {self.labels_file(labels): name for labels, (name, split, _) in self.labeled.items() if split == "train"}
        return written | human | {self.labels_file(labels): set_names.find(labels) for labels in self.relabeled}

    def learned_by(self, called: str) -> list[str]:
        """Those that students of one way of training learn from. One at a time, students at another level than the study's own
        have the sets at its own values alone."""
        if not called or self.study.crossed:
            return self.learned
        return [file for file, name in self._learned.items() if not name.levels]

    @property
    def compared(self) -> list[str]:
        """The example sets of 01 and 02 that 03 compares: as 01 wrote them; dialogues with their labels. Of sets that have
        generations also the answers that were asked for again."""
        again = [labels for labels, (written, way) in self.relabeled.items() if way in AGAIN and self._has_parents(written)]
        return self.learned if self.unlabeled else [*self.written, *map(self.labels_file, again)]

    def _has_parents(self, written: str) -> bool:
        return METHODS[self.study.written_sets[written].method].has_parents

    @property
    def elsewhere(self) -> list[str]:
        """The files of sets from elsewhere."""
        return [os.path.expandvars(own.file) for own in self.study.sets.values()]

    def with_own(self, examples: Sequence[str]) -> list[Given]:
        """Example sets as 03 and 04 take them: files of 01 and 02, then sets from elsewhere with their prices."""
        return [*examples, *own_data.given_sets(self.study)]

    def data(self, *splits: str) -> list[str]:
        """The task's card and its local files; not by absolute paths, so that a run can be moved with its folder."""
        return [paths.relative(tasks.card_path(self.named)), *self._files(self.study.source, *splits)]

    def _files(self, source: str | None, *splits: str) -> list[str]:
        """The local files of splits of a source."""
        files = self.card.sources[source or self.card.default_source].files
        return [os.path.expandvars(files[split]) for split in splits if split in files]

    def data_to_write_by(self) -> list[str]:
        """Also the file of the human examples that prompts show, where these are of another source."""
        shown = self.study.generation.raw_source
        return [*dict.fromkeys([*self.data("train"), *(self._files(shown, "train") if shown else [])])]

    def data_with_guidelines(self, *splits: str) -> list[str]:
        """Also the conventions that 02 puts into its prompts."""
        return [*self.data(*splits), *filter(None, [self.card.guidelines])]

    def test_data(self) -> list[str]:
        """The files and cards of the evaluation sets that students are tested on beside the task's own test split."""
        others = tasks.other_tests(self.card, self.study.source, self.study.training.also_test).values()
        cards = [paths.relative(other.path) for other in others if other.path]
        splits = [(other.card.sources[other.source].files, other.split) for other in others]
        return [*cards, *(os.path.expandvars(files[split]) for files, split in splits if split in files)]

    def source_of(self, labels: str) -> str:
        """The set of 01 that 02 labels."""
        written, _ = self.relabeled[labels]
        return self.written_file(written)

    def reworded_from(self, key: str) -> str:
        """The set of 01 that 01 rewords."""
        return self.written_file(self.study.reworded[key].key)

    def recordings(self, part: str) -> list[str]:
        """What `recorded` replays for a part, so that a new recording runs it again."""
        if self.asking["teacher"] != "recorded":
            return []
        step, _, name = part.partition("_")  # Files of several studies: 01_zero_shot, 01_written_zero_shot.
        found = Path(f"data/recordings/{self.card.name}").glob(f"{step}_*.jsonl")
        return sorted(str(file) for file in found if f"_{file.stem.removeprefix(step + '_')}".endswith(f"_{name}"))

    # ---- parameters ----

    @property
    def task(self) -> _Parameters:
        """The task as the study names it, and where its human examples come from."""
        return {"task": self.named, "source": self.study.source}

    def generation(self, key: str) -> _Parameters:
        """Of 01 that writes a set."""
        name = self.study.written_sets[key]
        return self.task | self._asking(name) | schema.parameters_of(self.study, name)

    def rephrasing(self, key: str) -> _Parameters:
        """Of 01 that has a set reworded."""
        name = set_names.find(key)
        return self.task | self._asking(name) | schema.parameters_of(self.study, name)

    def labeling(self, labels: str) -> _Parameters:
        """Of 02 that labels human examples."""
        name, split, n = self.labeled[labels]
        return self._labeling(name) | {"method": name.labels_by, "split": split, "n": n}

    def relabeling(self, labels: str) -> _Parameters:
        """Of 02 that labels what 01 wrote."""
        _, way = self.relabeled[labels]
        return self._labeling(set_names.find(labels)) | {"method": way, "n": self.study.generation.n}

    def _labeling(self, name: SetName) -> _Parameters:
        at_levels, study = self.study.at(name), self.study
        settings = at_levels.labeling.model_dump(include=set(LabelingRequests.model_fields))
        settings |= {"levels": dict(name.levels)} if name.levels else {}
        beside = {"seed": study.seed, "raw": at_levels.raw, "collection": study.budgets.collection_price}
        return self.task | settings | self._asking(name) | beside

    def _asking(self, name: SetName) -> _Parameters:
        """What 01 and 02 are told of the teacher of a set."""
        level = dict(name.levels).get(TEACHER)
        return self.asking | self.teachers[level] if level else self.asking

    @property
    def asks_here(self) -> int:
        """1 where a model on this machine is asked: two notebooks would wait for it at once, and count its time twice."""
        return int(any(is_local(asked["teacher"]) for asked in (self.asking, *self.teachers.values())))

    def diversity(self) -> _Parameters:
        """Of 03."""
        figures = f"runs/{self.study_name}/figures"
        where = {"examples": self.with_own(self.compared), "figures": figures}
        return self.task | where | {"seed": self.study.seed, "encoder": self.study.embedder}

    @property
    def gpus(self) -> int:
        """1 where students train on a GPU, so that there is one notebook for each card."""
        device = self.study.training.device
        return int(device.startswith("cuda") or (device == "auto" and shutil.which("nvidia-smi") is not None))

    def training(self, called: str = "") -> _Parameters:
        """Of 04 that trains students in one way, whatever the shard."""
        levels, sets = self.study.recipes[called], self.learned_by(called)
        sizes, budgets, training = self.study.sizes, self.study.budgets, self.study.at_levels(levels, called).training
        mixes = {"human_sizes": sizes.human, "synthetic_sizes": sizes.synthetic, "totals": sizes.totals, "parts": sizes.parts}
        mixes |= budgets.model_dump(exclude={"collection_price"})
        students = training.model_dump(exclude={"shards"}) | ({"levels": dict(levels)} if levels else {})
        given = self.task | mixes | students | {"seed": self.study.seed, "examples": self.with_own(sets)}
        if sets != self.learned:  # What names sets of 01 names none at another level.
            given |= {part: list(filter(_at_own_values, given[part])) for part in _OF_SETS}
        return given

    @property
    def ways_of_training(self) -> list[str]:
        """How often 04 trains the students of every mix, where the study varies their settings."""
        ways = [" ".join(chain.from_iterable(levels)) for levels in self.study.recipes.values() if levels]
        said = f"{self.card.name}: students of every mix are trained in {len(ways) + 1} ways (seeds of each: "
        return [f"{said}{self.study.training.seeds}): as the study says, {', '.join(ways)}."] if ways else []


class StudySteps:
    """A study as the workflow runs it: its tasks, and the step 05 over all of them."""

    def __init__(self, name: str, study: Study, teacher: str, budget: float | None):
        self.name, self.study, self.teacher, self.dollars = name, study, teacher, budget
        self.folder, self.figures = f"runs/{name}", f"runs/{name}/figures"
        named = dict(zip(schema.cards(study), study.tasks, strict=True))
        self.tasks = {}
        for task, (card, own) in schema.studies_by_task(study).items():
            teachers = {level: self._asking(level) for level in study.vary.get(TEACHER, ())}
            self.tasks[task] = TaskSteps(name, named[task], card, own, teachers.get(teacher) or self._asking(teacher), teachers)

    def _asking(self, teacher: str) -> _Parameters:
        """What 01 and 02 are told of a teacher."""
        study, prices = self.study, {}
        for model, price in study.token_prices.items():
            prices[model] = {side: float(dollars) for side, dollars in price.model_dump(exclude_none=True).items()}
        access = study.model_dump(include=set(Access.model_fields)) | {"token_prices": prices, "store": Access().store}
        access["machine_price"] = study.machine_price_of(teacher)
        if TEACHER in study.vary:
            replayed, teacher = _local_or_recorded(study, teacher)
            access["completion"] = replayed.completion
        return {"study": self.name, "teacher": teacher, "budget": self.dollars, **access}

    def check(self, *, dry: bool) -> list[str]:
        """Refuses what could not run to its end before anything is paid. Says how many human examples there are to learn from, in
        how many ways students do, and of a dry run what it would cost at most."""
        dry_run.check_teacher(self.study, self.teacher)
        self._check_paths()
        own_data.check_data(self.study, self.teacher)
        pools = [*own_data.pool_lines(self.study), *self._of_tasks("ways_of_training")]
        if dry:
            return [*pools, f"Teacher {self.teacher}:", *dry_run.cost_lines(self.study, self.teacher, self.dollars)]
        dry_run.check_budget(self.study, self.teacher, self.dollars)
        return pools

    def _check_paths(self) -> None:
        """Refuses paths that Snakemake would read as patterns. Anything else may stand in one: no shell reads it."""
        read = []
        for task in self.tasks.values():
            read += [*task.data_with_guidelines("train", "test"), *task.data_to_write_by(), *task.test_data(), *task.elsewhere]
        for path in [*self.study.scores, *read]:
            if set("{}\n") & set(path):
                raise ValueError(f"Snakemake cannot take braces or line breaks in a path: rename {path!r}.")

    def _of_tasks(self, name: str) -> list[str]:
        return [path for task in self.tasks.values() for path in getattr(task, name)]

    @property
    def scores(self) -> list[str]:
        """Scores that are there already, then those of 04."""
        return [*self.study.scores, *self._of_tasks("scores")]

    @property
    def labels(self) -> list[str]:
        return self._of_tasks("labels")

    @property
    def lists(self) -> list[str]:
        """The lists of what 03 and 05 drew."""
        return [*self._of_tasks("figures"), f"{self.figures}/05_budget.json"]

    @property
    def page(self) -> str:
        """05 as a page to read."""
        return f"{self.figures}/report.html"

    def incomplete(self) -> list[str]:
        """Lists of figures of which somebody deleted one."""
        return [path for path in self.lists if manifest.missing(path)]

    @property
    def tested_figures(self) -> list[str]:
        """The lists of what 03 drew, where 05 reads its tables."""
        return self._of_tasks("figures") if self.study.findings or self._measured else []

    @property
    def targets(self) -> list[str]:
        """All files that a run makes. Also what lies between, so that it is made again if somebody deletes it."""
        return [*self.lists, self.page, *self._of_tasks("artefacts"), *self._of_tasks("scores")]

    @property
    def notebooks(self) -> list[str]:
        """The executed notebooks, in the order of the steps."""
        executed = [path.replace(".parquet", ".ipynb") for path in [*self._of_tasks("artefacts"), *self._of_tasks("scores")]]
        executed += [f"{task.folder('03_diversity')}/all.ipynb" for task in self.tasks.values() if task.figures]
        return [*executed, f"{self.folder}/all/05_budget/all.ipynb"]

    def budget(self) -> _Parameters:
        """Of 05."""
        owns = [task.study for task in self.tasks.values()] or [self.study]
        return {
            "scores": self.scores,
            "labels": self.labels,
            "figures": self.figures,
            "human_sizes": _union(own.sizes.human for own in owns if any(own.sizes.synthetic)),
            "totals": _union(own.sizes.totals for own in owns),
            "budgets": _union(own.budgets.budgets for own in owns),
            "shares": self._shares(),
            "diversity": self._of_tasks("measures") if self.study.findings else [],
            **({"chosen": self.study.chosen} if self.study.chosen else {}),
            **self._varied(),
            **self.study.budgets.model_dump(include={"human_price", "synthetic_price"}),
        }

    def _varied(self) -> _Parameters:
        """The study's own values of the settings that it varies; with these, or with several starts, the tables of 03 that say
        what they do to diversity."""
        varied = {"varied": {factor.setting: factor.own for factor in self.study.factors}} if self.study.vary else {}
        return varied | ({"measures": self._of_tasks("measures")} if self._measured else {})

    @property
    def _measured(self) -> bool:
        """Whether 05 reads what 03 measured, were it not for the papers' claims."""
        return bool(self.study.vary) or any(task.study.generation.starts for task in self.tasks.values())

    def _shares(self) -> list[float] | dict[str, list[float]]:
        """One list where all tasks have the same."""
        shares = {task: steps.study.budgets.shares for task, steps in self.tasks.items()}
        if all(values == self.study.budgets.shares for values in shares.values()):
            return self.study.budgets.shares
        return {task: values for task, values in shares.items() if values}

    def summary(self) -> Iterator[str]:
        drawn = [file for path in self.lists for file in manifest.read(path)]
        return run_summary.lines([*drawn, self.page], self._of_tasks("artefacts"), self.notebooks)


class Studies:
    """The studies of one run of Snakemake, by name."""

    def __init__(self, names: Sequence[str], *, teacher: str | None = None, budget: object = None, dry: bool = False):
        self.dry, self._locks = dry, list[IO[str]]()
        self.steps, self._notes = dict[str, StudySteps](), list[str]()
        for name in names:
            steps = _read(name, teacher, budget)
            title = [f"Study {steps.name}:"] if len(names) > 1 else []
            self._notes += [*title, *steps.check(dry=dry)]
            self.steps[steps.name] = steps

    def of(self, wildcards: Any) -> StudySteps:
        return self.steps[wildcards.study]

    def task(self, wildcards: Any) -> TaskSteps:
        return self.steps[wildcards.study].tasks[wildcards.task]

    @property
    def targets(self) -> list[str]:
        return [path for steps in self.steps.values() for path in steps.targets]

    def threads_to_ask(self, cores: int | None) -> int:
        """Threads of a notebook that asks the teacher: all `cores` (None on a cluster), where its model is all that runs on this
        machine, or one, where other studies run beside it."""
        [steps, *others] = self.steps.values()
        local = any(map(is_local, steps.study.teachers(steps.teacher)))
        return cores or 1 if local and not others else 1

    @property
    def relabeled(self) -> list[str]:
        """The names of sets of 01 that 02 labels."""
        return sorted({labels for steps in self.steps.values() for task in steps.tasks.values() for labels in task.relabeled})

    @property
    def reworded(self) -> list[str]:
        """The names of sets that 01 makes of its own by rewording them."""
        return sorted({key for steps in self.steps.values() for task in steps.tasks.values() for key in task.study.reworded})

    def begin(self) -> None:
        """Of the main process: notices deleted figures, and has the end of the run said, whatever comes of it."""
        for steps in self.steps.values():
            for path in steps.incomplete():
                paths.resolve(path).unlink()
        # Not Snakemake's onsuccess: it is silent when there was nothing to do.
        atexit.register(self._say_end)

    def lock(self) -> None:
        """Refuses a second run of a study. The system drops these locks when the process dies, however it dies; Snakemake's own
        would outlive a kill -9."""
        for name, steps in self.steps.items():
            try:
                self._locks.append(_locked(f"{steps.folder}/.lock"))
            except OSError:
                atexit.unregister(self._say_end)  # Nothing came of this run, and the other is not done.
                raise WorkflowError(
                    f"Study {name!r} is already running here (it holds {steps.folder}/.lock); wait for it or stop it."
                ) from None
        takes = {name: steps.study.takes for name, steps in self.steps.items() if steps.study.takes}
        lines = [f"Study {name} takes {time} from nothing; what is done already is kept." for name, time in takes.items()]
        print(*self._notes, *lines, sep="\n", file=sys.stderr)

    def warm_up(self) -> None:
        """Of the main process: has notebooks begin with their libraries imported, until the run ends."""
        kernels = contextlib.ExitStack()
        os.environ.update(kernels.enter_context(warm_kernels()))
        atexit.register(kernels.close)

    def _say_end(self) -> None:
        if self.dry:
            print(*self._notes, sep="\n")
            return
        for name, steps in self.steps.items():
            title = [f"Study {name}"] if len(self.steps) > 1 else []
            print("", *title, *steps.summary(), sep="\n", file=sys.stderr)


def open_studies(config: Mapping[str, object], arguments: Sequence[str] = sys.argv) -> Studies:
    """The studies that Snakemake's configuration names, separated by commas; refused in one sentence if they cannot run."""
    teacher = str(config["teacher"]) if "teacher" in config else None
    names = [name.strip() for name in str(config.get("study", "demo")).split(",")]
    dry = bool(
        {"-n", "--dry-run", "--dryrun"} & set(arguments)
    )  # When the Snakefile is read, Snakemake itself does not know yet.
    os.environ.update(_ENVIRONMENT)
    try:
        return Studies(names, teacher=teacher, budget=config.get("budget"), dry=dry)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def _read(name: str, teacher: str | None, budget: object) -> StudySteps:
    study = schema.read_study(name)
    _use_mirror(study)
    if TEACHER in study.vary:
        if teacher:
            raise ValueError(f"Study {name!r} varies its teacher ({', '.join(study.teachers(''))}): leave TEACHER out.")
        [own] = [factor.own for factor in study.factors if factor.setting == TEACHER]
        return StudySteps(schema.study_path(name).stem, study, own, dry_run.budget_of(study, budget))
    study, teacher = _local_or_recorded(study, teacher or study.teacher)
    return StudySteps(schema.study_path(name).stem, study, teacher, dry_run.budget_of(study, budget))


def _local_or_recorded(study: Study, teacher: str) -> tuple[Study, str]:
    """The study and its teacher; the recorded replies of `local`, where a machine cannot run it."""
    if teacher != "local" or local_is_installed():
        return study, teacher
    print(
        "llama.cpp is not installed (requirements-local.txt): replies that its model gave elsewhere are replayed.",
        file=sys.stderr,
    )
    return study.model_copy(update={"completion": study.completes(teacher)}), "recorded"


def _locked(path: str) -> IO[str]:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    lock = open(path, "a")  # noqa: SIM115  # It is held until the process ends.
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return lock


def _use_mirror(study: Study) -> None:
    """Takes the study's mirror of the hub, where the environment names none."""
    mirror = os.path.expandvars(study.hub_mirror or "$")
    if "$" not in mirror:
        os.environ.setdefault("HUB_MIRROR", mirror)


def _at_own_values(key: str) -> bool:
    return not set_names.find(key).levels


def _union(lists: Iterable[Sequence[float]]) -> list[float]:
    return sorted({value for values in lists for value in values})
