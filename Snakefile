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

from lib.core import manifest, paths, tasks
from lib.core.fingerprint import code_of
from lib.core.set_names import REPHRASED as SUFFIX
from lib.generation.dialogues import METHODS as UNLABELED
from lib.labeling import labels as labeling
from lib.study import dry_run as costs, own_data as synthetic, run_summary as summary, schema as studies

os.environ.update({
    "TQDM_MININTERVAL": "5", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONHASHSEED": "0",
    "JUPYTER_PREFER_ENV_PATH": "1", "PYTHONWARNINGS": "ignore:IProgress not found", "IPYTHONDIR": str(Path(".ipython").resolve()),
})

DRY = {"-n", "--dry-run", "--dryrun"} & set(sys.argv)  # At this point Snakemake itself does not know yet.
STUDY = str(config.get("study", "demo"))
try:
    study, name = studies.read_study(STUDY), studies.study_path(STUDY).stem
    if study.hub_mirror and "$" not in (mirror := os.path.expandvars(study.hub_mirror)):
        os.environ.setdefault("HUB_MIRROR", mirror)
    tasks_of = studies.by_task(study)
    TEACHER = str(config.get("teacher", study.teacher))
    BUDGET = costs.budget_of(study, config.get("budget"))
    costs.check_teacher(study, TEACHER)
    synthetic.check_data(study)
    cost = costs.cost_lines(study, TEACHER, BUDGET) if DRY else costs.check_budget(TEACHER, BUDGET)
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
    return [paths.relative(tasks.card_path(named(task)["task"])), *(os.path.expandvars(source.files[split]) for split in splits if split in source.files)]


def read_by_02(task, *splits):
    """And the conventions that 02 puts into its prompts."""
    guidelines = tasks_of[task][0].guidelines
    return data_of(task, *splits) + [guidelines] * bool(guidelines)


def tests_of(task):
    """The files of what students of a task are tested on beside its own test split, and the cards of other tasks."""
    card, own = tasks_of[task]
    found = tasks.other_tests(card, own.source, own.training.also_test).values()
    files = [os.path.expandvars(path) for one in found for split, path in one.card.sources[one.source].files.items() if split == one.split]
    return [*(paths.relative(one.path) for one in found if one.path), *files]


def recordings_of(task, part):
    """What `recorded` replays for this part, so that a new recording runs it again."""
    return sorted(map(str, Path(f"data/recordings/{task}").glob(f"{part}.jsonl"))) if TEACHER == "recorded" else []


def settings_of(task):
    """What 01 is given for every method of a task."""
    own = tasks_of[task][1]
    return dict(**named(task), seed=study.seed, raw=own.raw, encoder=study.embedder, **own.generation.model_dump(exclude={"methods", "rephrase", "rephrase_all"}), **ASKING)


def labeling_of(task):
    """What 02 is given for every set of labels of a task."""
    own = tasks_of[task][1]
    return dict(shots=own.labeling.shots, window=own.labeling.window, raw=own.raw, seed=study.seed, collection=own.budgets.collection_price)


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
# The executed notebook as a page that needs nothing beside it.
PAGE = "jupyter nbconvert --to html --no-input --log-level ERROR --HTMLExporter.require_js_url= --HTMLExporter.mathjax_url= --output report"
WRITTEN, TEACHERS_LABELS, LABELED, TESTED, SCORES, SHARDS, ELSEWHERE, LEARNED, SHOWN = ({} for _ in range(9))
for task, (card, own) in tasks_of.items():
    methods = own.generation.methods + [f"{method}{SUFFIX}" for method in own.generation.rephrase]
    WRITTEN[task] = [f"{RUN}/{task}/01_generation/{method}.parquet" for method in methods]
    ELSEWHERE[task] = [os.path.expandvars(one.file) for one in own.sets.values()]
    TEACHERS_LABELS[task] = [f"{RUN}/{task}/02_labeling/{method}.parquet" for method, split, _ in own.labeling.parts if split == "train"]
    LABELED[task] = [f"{RUN}/{task}/02_labeling/{labeling.set_name(way, written)}.parquet" for written, way in own.labeling.of_written]
    TESTED[task] = [f"{RUN}/{task}/02_labeling/{method}_test.parquet" for method, split, _ in own.labeling.parts if split == "test"]
    labeled = [path for path, method in zip(WRITTEN[task], methods) if method not in UNLABELED]
    LEARNED[task] = labeled + TEACHERS_LABELS[task] + LABELED[task]
    # Dialogues are looked at with their labels, others as 01 wrote them.
    SHOWN[task] = labeled if len(labeled) == len(methods) else LEARNED[task]
    SHARDS[task] = own.training.shards
    SCORES[task] = [f"{RUN}/{task}/04_training/{shard}of{SHARDS[task]}.parquet" for shard in range(1, SHARDS[task] + 1)]
TEXTS, TOLD, MARKED = ("diversity", "map", "lengths"), ("telling_words", "guessing"), ("frequencies", "shape")
DIVERSITY = {task: [f"{FIGURES}/{kind}_{task}" for kind in studies.pictures_of_texts(card, own)] for task, (card, own) in tasks_of.items()}
RESULTS = [f"{FIGURES}/{table}.csv" for table in ("results", "answers", "next_runs", "scores", "tasks")]
RESULTS += [f"{FIGURES}/05_budget.json", f"{FIGURES}/report.html"]  # What 05 drew, and its page.


MEASURES = [f"{FIGURES}/diversity_{task}.csv" for task, found in DIVERSITY.items() if study.findings and found]


def shares_of_tasks():
    """One list where all tasks have the same."""
    found = {task: own.budgets.shares for task, (_, own) in tasks_of.items()}
    same = all(shares == study.budgets.shares for shares in found.values())
    return study.budgets.shares if same else {task: shares for task, shares in found.items() if shares}


def with_pictures(kinds):
    """The tasks of which 03 draws just these, as a pattern; (?!) is no task."""
    return "|".join(task for task, found in DIVERSITY.items() if [base.split("/")[-1].removesuffix(f"_{task}") for base in found] == list(kinds)) or "(?!)"


def drawn(bases):
    """A figure is three files."""
    return [f"{base}.{ending}" for base in bases for ending in ("pdf", "png", "csv")]


def every(found):
    return [path for group in found.values() for path in group]


ARTEFACTS = every(WRITTEN) + every(TEACHERS_LABELS) + every(LABELED) + every(TESTED)
NOTEBOOKS = [path.replace(".parquet", ".ipynb") for path in ARTEFACTS + every(SCORES)]
NOTEBOOKS += [f"{RUN}/{task}/03_diversity/all.ipynb" for task in tasks_of if DIVERSITY[task]] + [f"{RUN}/all/05_budget/all.ipynb"]


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
    print("", *summary.lines([*drawn(every(DIVERSITY)), *manifest.read(f"{FIGURES}/05_budget.json"), f"{FIGURES}/report.html"], ARTEFACTS, NOTEBOOKS), sep="\n", file=sys.stderr)


if workflow.is_main_process and DRY:
    atexit.register(print, f"Teacher {TEACHER}:", *cost, sep="\n")
elif workflow.is_main_process:
    # Not Snakemake's onsuccess: it is silent when there was nothing to do.
    atexit.register(say_what_came_of_it)


onstart:
    global lock
    lock = one_run_at_a_time()
    if study.takes:
        print(f"Study {name} takes {study.takes} from nothing; what is done already is kept.", file=sys.stderr)


localrules: all, generation, rephrasing, labeling, relabeling, diversity, drift, elsewhere, marked, budget
wildcard_constraints: task="[a-z][a-z0-9_]*", method="[a-z0-9_]+?", split="|_test", shard="[0-9]+", shards="[0-9]+"
ruleorder: rephrasing > generation
ruleorder: relabeling > labeling


rule all:
    # Also what lies between: in a fresh clone the figures are there already, but not what they were drawn from.
    input: drawn(every(DIVERSITY)), RESULTS, ARTEFACTS, every(SCORES)


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
        data=lambda wildcards: read_by_02(wildcards.task, "train", "test"),
        recordings=lambda wildcards: recordings_of(wildcards.task, f"02_{wildcards.method}{wildcards.split}"),
    output: f"{RUN}/{{task}}/02_labeling/{{method}}{{split}}.parquet"
    log: notebook=f"{RUN}/{{task}}/02_labeling/{{method}}{{split}}.ipynb"
    params:
        code=code_of("02_labeling"),
        given=lambda wildcards: given(
            **named(wildcards.task), method=wildcards.method, split=wildcards.split.removeprefix("_") or "train",
            n={method + ("_test" if split == "test" else ""): n for method, split, n in tasks_of[wildcards.task][1].labeling.parts}[wildcards.method + wildcards.split],
            **labeling_of(wildcards.task), output=f"{RUN}/{wildcards.task}/02_labeling/{wildcards.method}{wildcards.split}.parquet", **ASKING),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


def labeled_by(wildcards):
    """How 02 labels what 01 wrote: which set, and in which way."""
    sets = {labeling.set_name(way, written): (written, way) for written, way in tasks_of[wildcards.task][1].labeling.of_written}
    return sets[wildcards.labels]


rule relabeling:
    input:
        notebook=ancient("notebooks/02_labeling.ipynb"),
        data=lambda wildcards: read_by_02(wildcards.task, "train"),
        examples=lambda wildcards: f"{RUN}/{wildcards.task}/01_generation/{labeled_by(wildcards)[0]}.parquet",
        recordings=lambda wildcards: recordings_of(wildcards.task, f"02_{wildcards.labels}"),
    output: f"{RUN}/{{task}}/02_labeling/{{labels}}.parquet"
    wildcard_constraints: labels="|".join(sorted({path.split("/")[-1].removesuffix(".parquet") for path in every(LABELED)})) or "(?!)"
    log: notebook=f"{RUN}/{{task}}/02_labeling/{{labels}}.ipynb"
    params:
        code=code_of("02_labeling"),
        given=lambda wildcards: given(
            **named(wildcards.task), method=labeled_by(wildcards)[1],
            examples=f"{RUN}/{wildcards.task}/01_generation/{labeled_by(wildcards)[0]}.parquet", n=tasks_of[wildcards.task][1].generation.n,
            **labeling_of(wildcards.task), output=f"{RUN}/{wildcards.task}/02_labeling/{wildcards.labels}.parquet", **ASKING),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule diversity:
    input:
        notebook=ancient("notebooks/03_diversity.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train"),
        examples=lambda wildcards: SHOWN[wildcards.task] + ELSEWHERE[wildcards.task],
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS + TOLD + ("yield",))
    wildcard_constraints: task=with_pictures(TEXTS + TOLD + ("yield",))
    log: notebook=f"{RUN}/{{task}}/03_diversity/all.ipynb"
    params:
        code=code_of("03_diversity"),
        given=lambda wildcards: given(
            **named(wildcards.task), seed=study.seed, encoder=study.embedder,
            examples=SHOWN[wildcards.task] + synthetic.given_sets(tasks_of[wildcards.task][1]), figures=FIGURES),
    threads: 1
    priority: 1  # As below.
    shell: "OMP_NUM_THREADS={threads} " + PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


use rule diversity as drift with:
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS + TOLD + ("yield", "drift", "tree"))
    wildcard_constraints: task=with_pictures(TEXTS + TOLD + ("yield", "drift", "tree"))


use rule diversity as elsewhere with:
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS + TOLD)
    wildcard_constraints: task=with_pictures(TEXTS + TOLD)


use rule diversity as marked with:
    output: drawn(f"{FIGURES}/{kind}_{{task}}" for kind in TEXTS + MARKED)
    wildcard_constraints: task=with_pictures(TEXTS + MARKED)


rule training:
    input:
        notebook=ancient("notebooks/04_training.ipynb"),
        data=lambda wildcards: data_of(wildcards.task, "train", "test") + tests_of(wildcards.task),
        examples=lambda wildcards: LEARNED[wildcards.task] + ELSEWHERE[wildcards.task],
    output: f"{RUN}/{{task}}/04_training/{{shard}}of{{shards}}.parquet"
    log: notebook=f"{RUN}/{{task}}/04_training/{{shard}}of{{shards}}.ipynb"
    params:
        code=code_of("04_training"),
        given=lambda wildcards: given(
            **named(wildcards.task), seed=study.seed, shard=f"{wildcards.shard}/{wildcards.shards}",
            examples=LEARNED[wildcards.task] + synthetic.given_sets(tasks_of[wildcards.task][1]),
            output=f"{RUN}/{wildcards.task}/04_training/{wildcards.shard}of{wildcards.shards}.parquet",
            **sizes_of(wildcards.task), **tasks_of[wildcards.task][1].budgets.model_dump(exclude={"collection_price"}), **tasks_of[wildcards.task][1].training.model_dump(exclude={"shards"})),
    threads: 1
    priority: 1  # The longest, so that none is left to run alone in the end.
    shell: "OMP_NUM_THREADS={threads} " + PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q}"


rule budget:
    input:
        notebook=ancient("notebooks/05_budget.ipynb"),
        scores=every(SCORES),
        labels=every(TESTED),
        measures=MEASURES,
    output: RESULTS
    log: notebook=f"{RUN}/all/05_budget/all.ipynb"
    params:
        code=code_of("05_budget"),
        given=given(
            scores=every(SCORES), labels=every(TESTED), figures=FIGURES,
            raw_sizes=sorted({n for _, own in tasks_of.values() if any(own.sizes.synthetic) for n in own.sizes.human}),
            totals=sorted({n for _, own in tasks_of.values() for n in own.sizes.totals}),
            budgets=sorted({n for _, own in tasks_of.values() for n in own.budgets.budgets}),
            shares=shares_of_tasks(), diversity=MEASURES,
            **study.budgets.model_dump(include={"human_price", "synthetic_price"})),
    shell: PAPERMILL + " {input.notebook} {log.notebook} -y {params.given:q} && " + PAGE + " --output-dir {FIGURES} {log.notebook}"
