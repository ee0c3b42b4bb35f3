# Runs the notebooks of studies: `snakemake --profile profiles/default --config study=demo`, or `make study`.
#
# Each rule calls papermill, as anyone can by hand. Paths come from here, numbers from studies/*.yaml by lib/study/workflow.py,
# and nothing travels but files. A notebook runs again when an input file, a parameter or its `code` changes: the digest of its
# code cells and of the lib modules that it uses, so that prose, comments and outputs do not count.
from lib.core.fingerprint import code_of
from lib.study.workflow import as_yaml, open_studies

studies = open_studies(config)
if workflow.is_main_process:
    studies.begin()

# Errors and progress bars of a notebook (its standard error) show on the terminal; the rest is in the executed notebook.
PAPERMILL = "OMP_NUM_THREADS={threads} papermill -k python3 --no-progress-bar --log-output --log-level WARNING {input.notebook:q} {log.notebook:q}"
# The executed notebook as a page that needs nothing beside it.
PAGE = (  # The picture that a notebook opens with is of another study.
    "jupyter nbconvert --to html --no-input --log-level ERROR --HTMLExporter.require_js_url= --HTMLExporter.mathjax_url= --output report"
    " --TagRemovePreprocessor.enabled=True --TagRemovePreprocessor.remove_cell_tags=picture"
)


onstart:
    studies.lock()
    studies.warm_up()


localrules:
    all,
    generation,
    rephrasing,
    labeling,
    relabeling,
    diversity,
    budget,


wildcard_constraints:
    study="[^/]+",
    task="[a-z][a-z0-9_]*",
    method="[a-z0-9_]+?",
    labels="[a-z0-9_]+",
    students="([a-z0-9_]+_)?",  # Empty: the study's own.
    shard="[0-9]+",
    shards="[0-9]+",


ruleorder: rephrasing > generation
ruleorder: relabeling > labeling


rule all:
    """Everything that the studies make."""
    input:
        studies.targets,


rule generation:
    """01: the teacher writes an example set of a task by one method."""
    input:
        notebook=ancient("notebooks/01_generation.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data_to_write_by(),
        recordings=lambda wildcards: studies.task(wildcards).recordings(f"01_{wildcards.method}"),
    output:
        "runs/{study}/{task}/01_generation/{method}.parquet",
    log:
        notebook="runs/{study}/{task}/01_generation/{method}.ipynb",
    threads: studies.threads_to_ask(workflow.resource_settings.cores)
    resources:
        local_teacher=lambda wildcards: studies.task(wildcards).asks_here,
    params:
        code=code_of("01_generation"),
        settings=lambda wildcards: as_yaml("01_generation", studies.task(wildcards).generation(wildcards.method)),
    shell:
        PAPERMILL + " -p output {output:q} -y {params.settings:q}"


rule rephrasing:
    """01: the teacher rewords an example set that it wrote."""
    input:
        notebook=ancient("notebooks/01_generation.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data("train"),
        examples=lambda wildcards: studies.task(wildcards).reworded_from(wildcards.method),
        recordings=lambda wildcards: studies.task(wildcards).recordings(f"01_{wildcards.method}"),
    output:
        "runs/{study}/{task}/01_generation/{method}.parquet",
    log:
        notebook="runs/{study}/{task}/01_generation/{method}.ipynb",
    wildcard_constraints:
        method="|".join(studies.reworded) or "(?!)",  # (?!) is no set.
    threads: studies.threads_to_ask(workflow.resource_settings.cores)
    resources:
        local_teacher=lambda wildcards: studies.task(wildcards).asks_here,
    params:
        code=code_of("01_generation"),
        settings=lambda wildcards: as_yaml("01_generation", studies.task(wildcards).rephrasing(wildcards.method)),
    shell:
        PAPERMILL + " -p rephrase {input.examples:q} -p output {output:q} -y {params.settings:q}"


rule labeling:
    """02: the teacher labels human examples of a split."""
    input:
        notebook=ancient("notebooks/02_labeling.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data_with_guidelines("train", "test"),
        recordings=lambda wildcards: studies.task(wildcards).recordings(f"02_{wildcards.labels}"),
    output:
        "runs/{study}/{task}/02_labeling/{labels}.parquet",
    log:
        notebook="runs/{study}/{task}/02_labeling/{labels}.ipynb",
    threads: studies.threads_to_ask(workflow.resource_settings.cores)
    resources:
        local_teacher=lambda wildcards: studies.task(wildcards).asks_here,
    params:
        code=code_of("02_labeling"),
        settings=lambda wildcards: as_yaml("02_labeling", studies.task(wildcards).labeling(wildcards.labels)),
    shell:
        PAPERMILL + " -p output {output:q} -y {params.settings:q}"


rule relabeling:
    """02: the teacher labels an example set that it wrote."""
    input:
        notebook=ancient("notebooks/02_labeling.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data_with_guidelines("train"),
        examples=lambda wildcards: studies.task(wildcards).source_of(wildcards.labels),
        recordings=lambda wildcards: studies.task(wildcards).recordings(f"02_{wildcards.labels}"),
    output:
        "runs/{study}/{task}/02_labeling/{labels}.parquet",
    log:
        notebook="runs/{study}/{task}/02_labeling/{labels}.ipynb",
    wildcard_constraints:
        labels="|".join(studies.relabeled) or "(?!)",  # (?!) is no set.
    threads: studies.threads_to_ask(workflow.resource_settings.cores)
    resources:
        local_teacher=lambda wildcards: studies.task(wildcards).asks_here,
    params:
        code=code_of("02_labeling"),
        settings=lambda wildcards: as_yaml("02_labeling", studies.task(wildcards).relabeling(wildcards.labels)),
    shell:
        PAPERMILL + " -p examples {input.examples:q} -p output {output:q} -y {params.settings:q}"


rule diversity:
    """03: the example sets of a task are compared. The output lists what was drawn."""
    input:
        notebook=ancient("notebooks/03_diversity.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data("train"),
        examples=lambda wildcards: studies.task(wildcards).compared + studies.task(wildcards).elsewhere,
    output:
        "runs/{study}/figures/03_diversity_{task}.json",
    log:
        notebook="runs/{study}/{task}/03_diversity/all.ipynb",
    priority: 1  # As below.
    threads: 1
    params:
        code=code_of("03_diversity"),
        settings=lambda wildcards: as_yaml("03_diversity", studies.task(wildcards).diversity()),
    shell:
        PAPERMILL + " -y {params.settings:q}"


rule training:
    """04: students of a task are trained in one way (of a study that varies their settings) on every mix of a shard."""
    input:
        notebook=ancient("notebooks/04_training.ipynb"),
        data=lambda wildcards: studies.task(wildcards).data("train", "test") + studies.task(wildcards).test_data(),
        examples=lambda wildcards: studies.task(wildcards).learned_by(wildcards.students.strip("_"))
        + studies.task(wildcards).elsewhere,
    output:
        "runs/{study}/{task}/04_training/{students}{shard}of{shards}.parquet",
    log:
        notebook="runs/{study}/{task}/04_training/{students}{shard}of{shards}.ipynb",
    priority: 1  # The longest, so that none is left to run alone in the end.
    threads: 1
    resources:
        gpu=lambda wildcards: studies.task(wildcards).gpus,
    params:
        code=code_of("04_training"),
        settings=lambda wildcards: as_yaml("04_training", studies.task(wildcards).training(wildcards.students.strip("_"))),
    shell:
        PAPERMILL + " -p shard {wildcards.shard}/{wildcards.shards} -p output {output:q} -y {params.settings:q}"


rule budget:
    """05: what to buy with a budget, from the scores of all tasks. The output lists what was drawn."""
    input:
        notebook=ancient("notebooks/05_budget.ipynb"),
        scores=lambda wildcards: studies.of(wildcards).scores,
        labels=lambda wildcards: studies.of(wildcards).labels,
        chosen=lambda wildcards: studies.of(wildcards).study.chosen,
        diversity=lambda wildcards: studies.of(wildcards).tested_figures,
    output:
        drawn="runs/{study}/figures/05_budget.json",
        page="runs/{study}/figures/report.html",
    log:
        notebook="runs/{study}/all/05_budget/all.ipynb",
    threads: 1
    params:
        code=code_of("05_budget"),
        settings=lambda wildcards: as_yaml("05_budget", studies.of(wildcards).budget()),
    shell:
        PAPERMILL + " -y {params.settings:q} && " + PAGE + " --output-dir runs/{wildcards.study:q}/figures {log.notebook:q}"
