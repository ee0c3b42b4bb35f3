# Runs the notebooks of a study: `snakemake --profile profiles/default --config study=demo`, or `make study`.
#
# Each rule calls papermill, as anyone can by hand. Paths come from here, numbers from studies/*.yaml, and nothing
# travels but files. A notebook runs again when an input file, a parameter or its `code` changes: the digest of its
# code cells and of the lib modules that it uses, so that prose, comments and outputs do not count.
import atexit
import fcntl
import os
import sys
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

from lib import paths, studies, summary, tasks
from lib.code import code_of

os.environ.update({
    "TQDM_MININTERVAL": "5", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0",
    "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONWARNINGS": "ignore:IProgress not found", "IPYTHONDIR": str(Path(".ipython").resolve()),
})

DRY = {"-n", "--dry-run", "--dryrun"} & set(sys.argv)  # At this point Snakemake itself does not know yet.
STUDY = str(config.get("study", "demo"))
try:
    study, name = studies.read_study(STUDY), studies.study_path(STUDY).stem
    cards = studies.cards(study)
    TEACHER = str(config.get("teacher", study.teacher))
    BUDGET = studies.budget_of(study, config.get("budget"))
    studies.check_prices(study, TEACHER)
    studies.check_data(study)
    cost = studies.cost_lines(study, TEACHER, BUDGET) if DRY else studies.check_budget(TEACHER, BUDGET)
except ValueError as error:
    raise WorkflowError(str(error)) from None
RUN, FIGURES = f"runs/{name}", f"figures/{name}"


def given(**parameters):
    """Parameters as papermill's -y takes them. PyYAML writes 1.0e-05, which it reads back as a number; JSON's 1e-05 it would not."""
    return yaml.safe_dump(parameters, default_flow_style=True, width=float("inf"), allow_unicode=True).strip()


def data_of(task, *splits):
    """The local files that a task's card names, and the card; not by absolute paths, so that a run can be moved with its folder."""
    source = cards[task].sources[study.source or cards[task].default_source]
    return [paths.relative(tasks.card_path(dict(zip(cards, study.tasks))[task])), *(source.files[split] for split in splits if split in source.files)]


def tests_of(task):
    """The files of what students of a task are tested on beside its own test split, and the cards of other tasks."""
    found = tasks.other_tests(cards[task], study.source, study.training.also_test).values()
    files = [path for one in found for split, path in one.card.sources[one.source].files.items() if split == one.split]
    return [*(paths.relative(one.path) for one in found if one.path), *files]


def recordings_of(task, part):
    """What `recorded` replays for this part, so that a new recording runs it again."""
    return sorted(map(str, Path(f"data/recordings/{task}").glob(f"{part}.jsonl"))) if TEACHER == "recorded" else []


ASKING = dict(
    study=name, teacher=TEACHER, base_url=study.base_url, budget=BUDGET, priced_as=study.priced_as, store="runs/teacher.sqlite",
    token_prices={model: {k: float(v) for k, v in price.model_dump(exclude_none=True).items()} for model, price in study.token_prices.items()},
)
# Errors and progress bars of a notebook (its standard error) show on the terminal; the rest is in the executed notebook.
PAPERMILL = "papermill -k python3 --no-progress-bar --log-output --log-level WARNING"
TRAIN = study.training.model_dump()
SHARDS, SEEDS = TRAIN.pop("shards"), TRAIN.pop("seeds")
WRITTEN = {task: [f"{RUN}/{task}/01_generation/{method}.parquet" for method in study.generation.methods] for task in cards}
LABELED = {task: [f"{RUN}/{task}/02_labeling/{method}.parquet" for method in study.labeling.methods] for task in cards}
SCORES = {task: [f"{RUN}/{task}/04_training/{shard}of{SHARDS}.parquet" for shard in range(1, SHARDS + 1)] for task in cards}
DIVERSITY = [f"{FIGURES}/{kind}_{task}.{ending}" for task in cards for kind in ("diversity", "map") for ending in ("pdf", "png", "csv")]
ANSWERS = [f"{FIGURES}/quality_by_{x}.{ending}" for x in ("share", "dollars") for ending in ("pdf", "png", "csv")]
RESULTS = [f"{FIGURES}/results.csv", f"{FIGURES}/scores.csv"]

NOTEBOOKS = [path.replace(".parquet", ".ipynb") for group in (WRITTEN, LABELED, SCORES) for paths in group.values() for path in paths]
NOTEBOOKS += [f"{RUN}/{task}/03_diversity/all.ipynb" for task in cards] + [f"{RUN}/all/05_budget/all.ipynb"]


def one_run_at_a_time():
    """A lock that the system drops when the process dies, however it dies; Snakemake's own would outlive a kill -9."""
    Path(RUN).mkdir(parents=True, exist_ok=True)
    lock = open(f"{RUN}/.lock", "a")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        atexit.unregister(say_what_came_of_it)  # Nothing came of this one, and the other is not done.
        raise WorkflowError(f"Study {name!r} is already running here (it holds {RUN}/.lock); wait for it or stop it.") from None
    return lock


def say_what_came_of_it():
    artefacts = [path for group in (WRITTEN, LABELED) for paths in group.values() for path in paths]
    print("", *summary.lines([*DIVERSITY, *ANSWERS, *RESULTS], artefacts, NOTEBOOKS), sep="\n", file=sys.stderr)


if workflow.is_main_process and DRY:
    atexit.register(print, f"Teacher {TEACHER}:", *cost, sep="\n")
elif workflow.is_main_process:
    # Not Snakemake's onsuccess: it is silent when there was nothing to do.
    atexit.register(say_what_came_of_it)


onstart:
    global lock
    lock = one_run_at_a_time()


localrules: all, generation, labeling, diversity, budget
wildcard_constraints: task="[a-z][a-z0-9_]*", method="[a-z0-9_]+"


rule all:
    # Also what lies between: in a fresh clone the figures are there already, but not what they were drawn from.
    input: DIVERSITY, ANSWERS, RESULTS, *WRITTEN.values(), *LABELED.values(), *SCORES.values()


rule generation:
    input:
        notebook=ancient("notebooks/01_generation.ipynb"),
        data=lambda wildcards: data_of(wildcards.task),
        recordings=lambda wildcards: recordings_of(wildcards.task, f"01_{wildcards.method}"),
    output: f"{RUN}/{{task}}/01_generation/{{method}}.parquet"
    log: notebook=f"{RUN}/{{task}}/01_generation/{{method}}.ipynb"
    params:
        code=code_of("01_generation"),
        given=lambda wildcards: given(
            task=dict(zip(cards, study.tasks))[wildcards.task], method=wildcards.method, seed=study.seed,
            output=f"{RUN}/{wildcards.task}/01_generation/{wildcards.method}.parquet",
            **{k: v for k, v in study.generation.model_dump().items() if k != "methods"}, **ASKING),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule labeling:
    input:
        notebook=ancient("notebooks/02_labeling.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        recordings=lambda wildcards: recordings_of(wildcards.task, f"02_{wildcards.method}"),
    output: f"{RUN}/{{task}}/02_labeling/{{method}}.parquet"
    log: notebook=f"{RUN}/{{task}}/02_labeling/{{method}}.ipynb"
    params:
        code=code_of("02_labeling"),
        given=lambda wildcards: given(
            task=dict(zip(cards, study.tasks))[wildcards.task], source=study.source, method=wildcards.method, n=study.labeling.n,
            output=f"{RUN}/{wildcards.task}/02_labeling/{wildcards.method}.parquet", **ASKING),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule diversity:
    input:
        notebook=ancient("notebooks/03_diversity.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        examples=lambda wildcards: WRITTEN[wildcards.task],
    output:
        figures=[f"{FIGURES}/{kind}_{{task}}.{ending}" for kind in ("diversity", "map") for ending in ("pdf", "png", "csv")],
    log: notebook=f"{RUN}/{{task}}/03_diversity/all.ipynb"
    params:
        code=code_of("03_diversity"),
        given=lambda wildcards: given(
            task=dict(zip(cards, study.tasks))[wildcards.task], source=study.source, seed=study.seed,
            examples=WRITTEN[wildcards.task], figures=FIGURES),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule training:
    input:
        notebook=ancient("notebooks/04_training.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train", "test") + tests_of(wildcards.task),
        examples=lambda wildcards: WRITTEN[wildcards.task] + LABELED[wildcards.task],
    output: f"{RUN}/{{task}}/04_training/{{shard}}of{SHARDS}.parquet"
    log: notebook=f"{RUN}/{{task}}/04_training/{{shard}}of{SHARDS}.ipynb"
    params:
        code=code_of("04_training"),
        given=lambda wildcards: given(
            task=dict(zip(cards, study.tasks))[wildcards.task], source=study.source, seed=study.seed, seeds=SEEDS,
            shard=f"{wildcards.shard}/{SHARDS}", examples=WRITTEN[wildcards.task] + LABELED[wildcards.task],
            output=f"{RUN}/{wildcards.task}/04_training/{wildcards.shard}of{SHARDS}.parquet", **study.budgets.model_dump(), **TRAIN),
    threads: 1
    shell: "OMP_NUM_THREADS={threads} " + PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule budget:
    input:
        notebook=ancient("notebooks/05_budget.ipynb"),
        scores=[path for paths in SCORES.values() for path in paths],
    output: report(ANSWERS[:3] + ANSWERS[3:], category="Answers"), RESULTS
    log: notebook=f"{RUN}/all/05_budget/all.ipynb"
    params:
        code=code_of("05_budget"),
        given=given(scores=[path for paths in SCORES.values() for path in paths], figures=FIGURES, **study.budgets.model_dump()),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"
