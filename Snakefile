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
from lib.creation import STRATEGIES
from lib.rephrasing import SUFFIX

os.environ.update({
    "TQDM_MININTERVAL": "5", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0",
    "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONWARNINGS": "ignore:IProgress not found", "IPYTHONDIR": str(Path(".ipython").resolve()),
})

DRY = {"-n", "--dry-run", "--dryrun"} & set(sys.argv)  # At this point Snakemake itself does not know yet.
STUDY = str(config.get("study", "demo"))
try:
    study, name = studies.read_study(STUDY), studies.study_path(STUDY).stem
    tasks_of = studies.by_task(study)
    TEACHER = str(config.get("teacher", study.teacher))
    BUDGET = studies.budget_of(study, config.get("budget"))
    studies.check_teacher(study, TEACHER)
    studies.check_data(study)
    cost = studies.cost_lines(study, TEACHER, BUDGET) if DRY else studies.check_budget(TEACHER, BUDGET)
except ValueError as error:
    raise WorkflowError(str(error)) from None
RUN, FIGURES = f"runs/{name}", f"figures/{name}"


def given(**parameters):
    """Parameters as papermill's -y takes them. PyYAML writes 1.0e-05, which it reads back as a number; JSON's 1e-05 it would not."""
    return yaml.safe_dump(parameters, default_flow_style=True, width=float("inf"), allow_unicode=True).strip()


def named(task):
    """A task as the study names it: its name, or the path of its card; and where its human examples come from."""
    return dict(task=dict(zip(tasks_of, study.tasks))[task], source=tasks_of[task][1].source)


def data_of(task, *splits):
    """The local files that a task's card names, and the card; not by absolute paths, so that a run can be moved with its folder."""
    card, own = tasks_of[task]
    source = card.sources[own.source or card.default_source]
    return [paths.relative(tasks.card_path(named(task)["task"])), *(source.files[split] for split in splits if split in source.files)]


def tests_of(task):
    """The files of what students of a task are tested on beside its own test split, and the cards of other tasks."""
    card, own = tasks_of[task]
    found = tasks.other_tests(card, own.source, own.training.also_test).values()
    files = [path for one in found for split, path in one.card.sources[one.source].files.items() if split == one.split]
    return [*(paths.relative(one.path) for one in found if one.path), *files]


def recordings_of(task, part):
    """What `recorded` replays for this part, so that a new recording runs it again."""
    return sorted(map(str, Path(f"data/recordings/{task}").glob(f"{part}.jsonl"))) if TEACHER == "recorded" else []


def settings_of(task):
    """What 01 is given for every method of a task."""
    own = tasks_of[task][1]
    return dict(**named(task), seed=study.seed, raw=own.raw, encoder=study.embedder, **own.generation.model_dump(exclude={"methods", "rephrase", "rephrase_all"}), **ASKING)


def sizes_of(task):
    """The grid of mixes by number of examples, as 04 takes it."""
    sizes = tasks_of[task][1].sizes
    return dict(human_sizes=sizes.human, synthetic_sizes=sizes.synthetic, totals=sizes.totals, parts=sizes.parts)


ASKING = dict(
    study=name, teacher=TEACHER, base_url=study.base_url, budget=BUDGET, priced_as=study.priced_as, store="runs/teacher.sqlite",
    token_prices={model: {k: float(v) for k, v in price.model_dump(exclude_none=True).items()} for model, price in study.token_prices.items()},
)
# Errors and progress bars of a notebook (its standard error) show on the terminal; the rest is in the executed notebook.
PAPERMILL = "papermill -k python3 --no-progress-bar --log-output --log-level WARNING"
WRITTEN, TEACHERS_LABELS, TESTED, SCORES, SHARDS = {}, {}, {}, {}, {}
for task, (card, own) in tasks_of.items():
    methods = own.generation.methods + [f"{method}{SUFFIX}" for method in own.generation.rephrase]
    WRITTEN[task] = [f"{RUN}/{task}/01_generation/{method}.parquet" for method in methods]
    TEACHERS_LABELS[task] = [f"{RUN}/{task}/02_labeling/{method}.parquet" for method, split, _ in own.labeling.parts if split == "train"]
    TESTED[task] = [f"{RUN}/{task}/02_labeling/{method}_test.parquet" for method, split, _ in own.labeling.parts if split == "test"]
    SHARDS[task] = own.training.shards
    SCORES[task] = [f"{RUN}/{task}/04_training/{shard}of{SHARDS[task]}.parquet" for shard in range(1, SHARDS[task] + 1)]
TEXTS = ("diversity", "map", "lengths", "telling_words", "guessing")
STRAYING = [task for task, (_, own) in tasks_of.items() if set(own.generation.methods) & set(STRATEGIES)]
DIVERSITY = {task: [f"{FIGURES}/{kind}_{task}" for kind in TEXTS + ("drift", "tree") * (task in STRAYING)] for task in tasks_of}
ANSWERS = [f"{FIGURES}/{kind}" for kind in studies.pictures_of_scores(study)]
RESULTS = [f"{FIGURES}/{table}.csv" for table in ("results", "answers", "next_runs", "scores", "tasks")] + [f"{FIGURES}/report.html"]


NONE = "(?!)"  # No task.


def drawn(bases):
    """A figure is three files."""
    return [f"{base}.{ending}" for base in bases for ending in ("pdf", "png", "csv")]


def every(found):
    return [path for group in found.values() for path in group]


ARTEFACTS = every(WRITTEN) + every(TEACHERS_LABELS) + every(TESTED)
NOTEBOOKS = [path.replace(".parquet", ".ipynb") for path in ARTEFACTS + every(SCORES)]
NOTEBOOKS += [f"{RUN}/{task}/03_diversity/all.ipynb" for task in tasks_of] + [f"{RUN}/all/05_budget/all.ipynb"]


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
    print("", *summary.lines(drawn(every(DIVERSITY) + ANSWERS) + RESULTS, ARTEFACTS, NOTEBOOKS), sep="\n", file=sys.stderr)


if workflow.is_main_process and DRY:
    atexit.register(print, f"Teacher {TEACHER}:", *cost, sep="\n")
elif workflow.is_main_process:
    # Not Snakemake's onsuccess: it is silent when there was nothing to do.
    atexit.register(say_what_came_of_it)


onstart:
    global lock
    lock = one_run_at_a_time()


localrules: all, generation, rephrasing, labeling, diversity, drift, budget
wildcard_constraints: task="[a-z][a-z0-9_]*", method="[a-z0-9_]+?", split="|_test", shard="[0-9]+", shards="[0-9]+"
ruleorder: rephrasing > generation


rule all:
    # Also what lies between: in a fresh clone the figures are there already, but not what they were drawn from.
    input: drawn(every(DIVERSITY) + ANSWERS), RESULTS, ARTEFACTS, every(SCORES)


rule generation:
    input:
        notebook=ancient("notebooks/01_generation.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        recordings=lambda wildcards: recordings_of(wildcards.task, f"01_{wildcards.method}"),
    output: f"{RUN}/{{task}}/01_generation/{{method}}.parquet"
    log: notebook=f"{RUN}/{{task}}/01_generation/{{method}}.ipynb"
    params:
        code=code_of("01_generation"),
        given=lambda wildcards: given(
            method=wildcards.method, output=f"{RUN}/{wildcards.task}/01_generation/{wildcards.method}.parquet", **settings_of(wildcards.task)),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule rephrasing:
    input:
        notebook=ancient("notebooks/01_generation.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        examples=f"{RUN}/{{task}}/01_generation/{{method}}.parquet",
        recordings=lambda wildcards: recordings_of(wildcards.task, f"01_{wildcards.method}{SUFFIX}"),
    output: f"{RUN}/{{task}}/01_generation/{{method}}{SUFFIX}.parquet"
    log: notebook=f"{RUN}/{{task}}/01_generation/{{method}}{SUFFIX}.ipynb"
    params:
        code=code_of("01_generation"),
        given=lambda wildcards: given(
            method=wildcards.method, rephrase=f"{RUN}/{wildcards.task}/01_generation/{wildcards.method}.parquet",
            rephrase_all=tasks_of[wildcards.task][1].generation.rephrase_all,
            output=f"{RUN}/{wildcards.task}/01_generation/{wildcards.method}{SUFFIX}.parquet", **settings_of(wildcards.task)),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule labeling:
    input:
        notebook=ancient("notebooks/02_labeling.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train", "test"),
        recordings=lambda wildcards: recordings_of(wildcards.task, f"02_{wildcards.method}{wildcards.split}"),
    output: f"{RUN}/{{task}}/02_labeling/{{method}}{{split}}.parquet"
    log: notebook=f"{RUN}/{{task}}/02_labeling/{{method}}{{split}}.ipynb"
    params:
        code=code_of("02_labeling"),
        given=lambda wildcards: given(
            **named(wildcards.task), method=wildcards.method, split=wildcards.split.removeprefix("_") or "train",
            n={method + ("_test" if split == "test" else ""): n for method, split, n in tasks_of[wildcards.task][1].labeling.parts}[wildcards.method + wildcards.split],
            shots=tasks_of[wildcards.task][1].labeling.shots, raw=tasks_of[wildcards.task][1].raw, seed=study.seed,
            output=f"{RUN}/{wildcards.task}/02_labeling/{wildcards.method}{wildcards.split}.parquet", **ASKING),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule diversity:
    input:
        notebook=ancient("notebooks/03_diversity.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        examples=lambda wildcards: WRITTEN[wildcards.task],
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS)
    wildcard_constraints: task="|".join(set(tasks_of) - set(STRAYING)) or NONE
    log: notebook=f"{RUN}/{{task}}/03_diversity/all.ipynb"
    params:
        code=code_of("03_diversity"),
        given=lambda wildcards: given(
            **named(wildcards.task), seed=study.seed, encoder=study.embedder,
            examples=WRITTEN[wildcards.task], figures=FIGURES),
    threads: 1
    priority: 1  # As below.
    shell: "OMP_NUM_THREADS={threads} " + PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


use rule diversity as drift with:
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS + ("drift", "tree"))
    wildcard_constraints: task="|".join(STRAYING) or NONE


rule training:
    input:
        notebook=ancient("notebooks/04_training.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train", "test") + tests_of(wildcards.task),
        examples=lambda wildcards: WRITTEN[wildcards.task] + TEACHERS_LABELS[wildcards.task],
    output: f"{RUN}/{{task}}/04_training/{{shard}}of{{shards}}.parquet"
    log: notebook=f"{RUN}/{{task}}/04_training/{{shard}}of{{shards}}.ipynb"
    params:
        code=code_of("04_training"),
        given=lambda wildcards: given(
            **named(wildcards.task), seed=study.seed, shard=f"{wildcards.shard}/{wildcards.shards}",
            examples=WRITTEN[wildcards.task] + TEACHERS_LABELS[wildcards.task],
            output=f"{RUN}/{wildcards.task}/04_training/{wildcards.shard}of{wildcards.shards}.parquet",
            **sizes_of(wildcards.task), **study.budgets.model_dump(), **tasks_of[wildcards.task][1].training.model_dump(exclude={"shards"})),
    threads: 1
    priority: 1  # The longest, so that none is left to run alone in the end.
    shell: "OMP_NUM_THREADS={threads} " + PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule budget:
    input:
        notebook=ancient("notebooks/05_budget.ipynb"),
        scores=every(SCORES),
        labels=every(TESTED),
    output: report(drawn(ANSWERS), category="Answers"), RESULTS
    log: notebook=f"{RUN}/all/05_budget/all.ipynb"
    params:
        code=code_of("05_budget"),
        given=given(
            scores=every(SCORES), labels=every(TESTED), figures=FIGURES,
            raw_sizes=sorted({n for _, own in tasks_of.values() for n in own.sizes.human}),
            expected=[path.split("/")[-1] for path in ANSWERS],
            totals=sorted({n for _, own in tasks_of.values() for n in own.sizes.totals}),
            **study.budgets.model_dump(exclude={"budget_methods"})),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"
