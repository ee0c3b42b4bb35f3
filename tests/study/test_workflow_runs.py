"""A study run by Snakemake, as `make study` runs it, in a copy of the repository: what runs, what runs again, what a
mistake, a failed notebook, a kill or a spent budget leaves behind."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
import pandas as pd
import psutil
import pytest
import yaml
from endpoint import completion, serving

from lib.core import paths
from lib.study.warm_kernels import warm_kernels

pytestmark = pytest.mark.timeout(1200)

STUDY: dict[str, Any] = {
    "question": "Does it run?",
    "tasks": ["news"],
    "priced_as": "gpt-4",
    "generation": {"methods": ["zero_shot"], "n": 24, "per_reply": 3},  # As the recordings are.
    "labeling": {"methods": ["zero_shot"], "n": 60},
    "training": {"epochs": 1, "seeds": 1, "frozen_layers": 5, "shards": 2},
    "budgets": {"budgets": [0.9], "shares": [0, 1]},
}
LONGEST = 600.0
"""Seconds that a run may take on a busy machine."""
EVERY = {"generation", "labeling", "diversity", "training", "budget"}
"""The rules of a study, each run once for one task and one method."""
NO_NETWORK = """
import socket
connect = socket.socket.connect
def at_home(self, address):
    if self.family in (socket.AF_INET, socket.AF_INET6) and not str(address[0]).startswith("127."):
        raise OSError(f"a test went out to {address}")
    return connect(self, address)
socket.socket.connect = at_home
"""


# ---- helpers ----


class Ended(NamedTuple):
    code: int
    said: str

    @property
    def end(self) -> str:
        """What stands below the last blank line: the summary."""
        return self.said.rstrip().split("\n\n")[-1]

    @property
    def started(self) -> set[str]:
        """The rules in the table of jobs; none where there was nothing to do."""
        table = re.search(r"Job stats:\njob +count\n[- ]+\n((?:\w+ +\d+\n)+)", self.said)
        return {line.split()[0] for line in table[1].splitlines()} - {"all", "total"} if table else set()

    @property
    def reasons(self) -> dict[str, set[str]]:
        """Why rules run: each reason with its rules."""
        found = re.findall(r"^    (\w.*):\n {8}(\w.*)$", self.said[self.said.index("Reasons:") :], re.MULTILINE)
        named = {reason: set(rules.split(", ")) - {"all"} for reason, rules in found}
        return {reason: rules for reason, rules in named.items() if rules}


def environment(copy: Path) -> dict[str, str]:
    """The copy's own lib, this Python's tools, no key, and no way out of this machine, nor to a SLURM of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("OPENAI_", "HUB_", "PYTEST_", "SNAKEMAKE"))}
    offline, tools = str(copy.parent / "offline"), str(Path(sys.executable).parent)
    return kept | {
        "PYTHONPATH": os.pathsep.join([str(copy), offline]),
        "PATH": os.pathsep.join([offline, tools, kept["PATH"]]),
    }


def command(*config: str, options: tuple[str, ...] = ()) -> list[str]:
    # A target or an option that follows --config would be taken for a part of it.
    return ["snakemake", "--profile", "profiles/default", "--cores", "2", *options, "--config", "study=tiny", *config]


def start(copy: Path, *config: str, options: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """A run in a process group of its own, to be killed as one."""
    where = {"cwd": copy, "env": environment(copy), "start_new_session": True, "text": True}
    return subprocess.Popen(command(*config, options=options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **where)  # type: ignore[call-overload,no-any-return]


def run(copy: Path, *config: str, options: tuple[str, ...] = ()) -> Ended:
    process = start(copy, *config, options=options)
    said, _ = process.communicate(timeout=LONGEST)
    return Ended(process.returncode, said)


def write_study(copy: Path, **changes: Any) -> None:
    """The tiny study, with some of its parts changed."""
    merged = {key: value | changes.pop(key, {}) if isinstance(value, dict) else value for key, value in STUDY.items()}
    (copy / "studies" / "tiny.yaml").write_text(yaml.safe_dump(merged | changes), encoding="utf-8")


def executed(copy: Path) -> dict[str, int]:
    """Each executed notebook with the time it was last written."""
    found = (copy / "runs" / "tiny").rglob("*.ipynb")
    return {str(path.relative_to(copy / "runs" / "tiny")): path.stat().st_mtime_ns for path in found}


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def edit_notebook(path: Path, kind: str, change: Callable[[Any], None]) -> None:
    """Changes the last cell of a kind, as saving in JupyterLab does."""
    notebook = nbformat.read(path, as_version=4)
    change([cell for cell in notebook.cells if cell.cell_type == kind][-1])
    nbformat.write(notebook, path)


def save_output(cell: Any) -> None:
    cell.execution_count = 7
    cell.outputs = [nbformat.v4.new_output("stream", text="48 of 48 examples\n")]


def say_more(cell: Any) -> None:
    cell.source += "\n\nOne more sentence."


def do_more(cell: Any) -> None:
    cell.source += "\nprint('done')"


def wait_for(there: Callable[[], bool]) -> None:
    until = time.monotonic() + LONGEST
    while not there():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


@contextmanager
def nothing_left_of(process: "subprocess.Popen[str]") -> Iterator[list[psutil.Process]]:
    """The processes that a run started, papermill and kernels, by id; what is left of them is ended."""
    family = psutil.Process(process.pid).children(recursive=True)
    try:
        yield family
    finally:
        for one in family:
            if one.is_running():
                one.kill()
        psutil.wait_procs(family, timeout=30)
        process.wait(30)
        if process.stdout:
            process.stdout.close()


# ---- the copies ----


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository's files, those not yet committed included, and a tiny study."""
    folder = tmp_path_factory.mktemp("run")
    listed = ["git", "-C", str(paths.ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in names:
        if name and (paths.ROOT / name).is_file():
            (folder / "fresh" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(paths.ROOT / name, folder / "fresh" / name)
    (folder / "offline").mkdir()
    (folder / "offline" / "sitecustomize.py").write_text(NO_NETWORK, encoding="utf-8")
    # Snakemake's plugin asks for it at import, and one without a controller takes ten seconds to say no.
    (folder / "offline" / "scontrol").write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    (folder / "offline" / "scontrol").chmod(0o755)
    write_study(folder / "fresh")
    return folder / "fresh"


@pytest.fixture(scope="module", autouse=True)
def shared_kernels(fresh: Path) -> Iterator[None]:
    """One server of warm kernels for all runs but `finished`, which starts its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(fresh.parent / "offline"))
        with warm_kernels() as variables:
            for name, value in variables.items():
                patch.setenv(name, value)
            yield


LOST = Path("data", "recordings", "sentiment", "02_zero_shot.jsonl")


class Finished(NamedTuple):
    """The tiny study after two runs: in the first it has a second task, and a notebook of that fails."""

    copy: Path
    failed: Ended
    refused: Ended
    """What a run says that is started meanwhile."""
    left: dict[str, int]
    """The executed notebooks that the first run leaves."""
    ended: Ended


@pytest.fixture(scope="module")
def finished(fresh: Path) -> Finished:
    copy = Path(shutil.copytree(fresh, fresh.parent / "finished"))
    (copy / LOST).unlink()
    # Of the second task 02 is all that is asked.
    write_study(copy, tasks=["sentiment", "news"], per_task={"sentiment": {"generation": {"methods": []}}})
    process = start(copy)
    wait_for(lambda: bool(executed(copy)))
    refused = run(copy)
    said, _ = process.communicate(timeout=LONGEST)
    failed, left = Ended(process.returncode, said), executed(copy)
    shutil.copy2(fresh / LOST, copy / LOST)
    write_study(copy)
    return Finished(copy, failed, refused, left, run(copy))


@pytest.fixture
def copy(fresh: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy to change, without a run."""
    yield from copied(fresh, request.node.name)


@pytest.fixture
def again(finished: Finished, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy to change, with the finished run in it."""
    yield from copied(finished.copy, request.node.name)


def copied(source: Path, name: str) -> Iterator[Path]:
    target = source.parent / re.sub(r"\W+", "_", name)[:60]
    yield Path(shutil.copytree(source, target))
    shutil.rmtree(target, ignore_errors=True)


# ---- a whole run ----


def test_a_run_ends_by_naming_its_figures_its_tables_and_what_it_would_have_cost(finished: Finished) -> None:
    assert finished.ended.code == 0, finished.ended.said
    assert finished.ended.started == {"budget"}
    texts = [f"{kind}_news" for kind in ("diversity", "map", "coverage", "lengths", "guessing")]
    # No word tells a label and all items are kept, so that there is a table and no figure of either. Too few runs for a surface:
    # its figures are not drawn, and 05 says why.
    figures = [f"runs/tiny/figures/{kind}" for kind in (*texts, "quality_by_share", "quality_by_dollars")]
    numbers = ("telling_words_news", "yield_news", "results", "answers", "next_runs", "scores", "tasks")
    tables = [f"runs/tiny/figures/{kind}.csv" for kind in numbers]
    for made in [*tables, "runs/tiny/figures/report.html"] + [
        f"{figure}.{ending}" for figure in figures for ending in ("pdf", "png", "csv")
    ]:
        assert (finished.copy / made).stat().st_size > 0
    listed = finished.ended.end.splitlines()[:-1]
    where = {title: listed.index(title) for title in ("Answer:", "Figures:", "Tables:")}
    assert listed[where["Answer:"] : where["Figures:"]] == ["Answer:", "  runs/tiny/figures/report.html"]
    drawn, written = listed[where["Figures:"] + 1 : where["Tables:"]], listed[where["Tables:"] + 1 :]
    assert sorted(drawn) == sorted(f"  {figure}.pdf  (and png, csv)" for figure in figures)
    assert set(written) >= {f"  {table}" for table in tables}
    cost = finished.ended.end.splitlines()[-1]
    assert re.fullmatch(
        r"Cost: nothing, \d+ recorded replies; with gpt-4 at its list price they would have cost \$\d+\.\d\d\.", cost
    )
    results = pd.read_csv(finished.copy / "runs" / "tiny" / "figures" / "results.csv")
    assert sorted(results.method) == ["labeled_zero_shot", "zero_shot"]


def test_a_second_run_at_the_same_time_is_refused_with_a_sentence(finished: Finished) -> None:
    assert finished.refused.code != 0
    assert "Study 'tiny' is already running here (it holds runs/tiny/.lock); wait for it or stop it." in finished.refused.said
    assert "Traceback" not in finished.refused.said
    assert "Failed" not in finished.refused.said


def test_what_a_run_writes_lies_in_runs(finished: Finished, fresh: Path) -> None:
    def files(folder: Path) -> set[str]:
        found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
        return {name for name in found if "__pycache__" not in name and not name.startswith((".snakemake/", ".ipython/"))}

    assert {name.split("/")[0] for name in files(finished.copy) - files(fresh)} == {"runs"}
    assert files(fresh) <= files(finished.copy)


# ---- what runs again ----


def test_prose_outputs_and_comments_run_nothing_again(again: Path) -> None:
    edit_notebook(again / "notebooks" / "04_training.ipynb", "markdown", say_more)
    edit_notebook(again / "notebooks" / "01_generation.ipynb", "code", save_output)
    edit(again / "lib" / "core" / "pricing.py", "NANO = 1_000_000_000\n", "NANO = 1_000_000_000  # so many in a dollar\n")
    edit(again / "lib" / "core" / "tasks.py", '"""Task cards, ', '"""Cards of tasks, ')
    before = executed(again)
    ended = run(again)
    assert (ended.code, ended.started) == (0, set()), ended.said
    assert executed(again) == before
    assert "Figures:\n  runs/tiny/figures/" in ended.end
    assert "Cost: nothing, " in ended.end


def code_cell_of_04(copy: Path) -> None:
    edit_notebook(copy / "notebooks" / "04_training.ipynb", "code", do_more)


def module_of_05(copy: Path) -> None:
    """05 imports it; the others never do."""
    edit(copy / "lib" / "budget" / "comparison.py", "FEWEST_TASKS = ", "UNUSED = 1\nFEWEST_TASKS = ")


def module_of_all(copy: Path) -> None:
    """No notebook names it; tasks and parameters use it, and through them all five do."""
    edit(copy / "lib" / "core" / "config.py", '_PLAIN = {"', 'UNUSED = 1\n_PLAIN = {"')


def recording_of_01(copy: Path) -> None:
    edit(copy / "data" / "recordings" / "news" / "01_zero_shot.jsonl", "\n", "\n\n")


def figure_of_03(copy: Path) -> None:
    """Somebody deletes it."""
    (copy / "runs" / "tiny" / "figures" / "map_news.png").unlink()


def level_of_04(copy: Path) -> None:
    """The students of the study's own values are there."""
    write_study(copy, vary={"epochs": [1, 2]})


PARAMETERS, FILES = "params have changed since last execution", "updated input files"
GONE, LATER = "output files have to be generated", "input files updated by another job"
MORE = "set of input files has changed since last execution"
CHANGES: list[tuple[list[Callable[[Path], None]], dict[str, set[str]]]] = [
    (
        [recording_of_01, lambda copy: write_study(copy, labeling={"n": 50})],
        {FILES: {"generation"}, PARAMETERS: {"labeling"}, LATER: {"diversity", "training", "budget"}},
    ),
    ([figure_of_03, code_cell_of_04], {GONE: {"diversity"}, PARAMETERS: {"training"}, LATER: {"budget"}}),
    ([module_of_05], {PARAMETERS: {"budget"}}),
    ([level_of_04], {GONE: {"training"}, PARAMETERS: {"budget"}, MORE: {"budget"}, LATER: {"budget"}}),
    ([module_of_all], {PARAMETERS: {"generation", "labeling"}, LATER: {"diversity", "training", "budget"}}),
]
"""Changes that are made at once, to rules that do not wait for each other, and why rules run then."""


@pytest.mark.parametrize(("changes", "reasons"), CHANGES, ids=["01 and 02", "03 and 04", "05", "a level of 04", "all"])
def test_a_change_runs_again_what_it_touches_and_nothing_else(
    changes: list[Callable[[Path], None]], reasons: dict[str, set[str]], again: Path
) -> None:
    for change in changes:
        change(again)
    ended = run(again, options=("--dry-run",))
    assert (ended.code, ended.reasons) == (0, reasons), ended.said


# ---- shards ----


def test_shards_train_a_part_of_the_runs_each_and_05_reads_all(finished: Finished) -> None:
    parts = sorted((finished.copy / "runs" / "tiny" / "news" / "04_training").glob("?of2.parquet"))
    by = ["method", "n_human", "n_synthetic", "seed"]
    shards = [{tuple(row) for row in pd.read_parquet(part)[by].to_numpy().tolist()} for part in parts]
    read = pd.read_csv(finished.copy / "runs" / "tiny" / "figures" / "scores.csv")
    assert sorted(map(len, shards)) == [1, 2]
    assert sorted(set().union(*shards)) == sorted(map(tuple, read[by].to_numpy().tolist()))
    assert set(read.method) == {"human only", "zero_shot", "labeled_zero_shot"}


# ---- what training is given ----


def test_training_is_given_all_that_the_study_says_and_waits_for_what_it_is_tested_on(copy: Path) -> None:
    own = yaml.safe_load((copy / "data" / "tasks" / "strategy.yaml").read_text(encoding="utf-8"))
    own["sources"]["reference"]["files"]["later"] = "data/reference/claims/train.jsonl"
    (copy / "data" / "tasks" / "strategy.yaml").write_text(yaml.safe_dump(own), encoding="utf-8")
    given = {"also_test": ["claims", "later"], "max_tokens": 64, "dev_share": 0.2, "device": "cpu"}
    write_study(copy, tasks=["strategy"], training=given)
    ended = run(copy, options=("--dry-run", "--printshellcmds", "--quiet", "host"))
    assert ended.code == 0, ended.said
    job = ended.said[ended.said.index("rule training:") :]
    read, told = re.search(r"input: (.*)", job), re.search(r"papermill .* -y '(.*)'", job)
    assert read
    assert told
    parameters = yaml.safe_load(told[1])
    assert (parameters | parameters["training"]).items() >= given.items()
    assert set(read[1].split(", ")) >= {
        "data/tasks/strategy.yaml",
        "data/reference/strategy/train.jsonl",
        "data/reference/strategy/test.jsonl",
        "data/reference/claims/train.jsonl",  # As the split `later`.
        "data/tasks/claims.yaml",
        "data/reference/claims/test.jsonl",
    }


# ---- sets from elsewhere ----


def test_sets_from_elsewhere_go_to_03_04_and_05_and_nothing_is_asked(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spans, too; their files lie where the environment says, the papers' claims are tested on what came of it, and students are
    trained in two ways."""
    folder = copy / "elsewhere"
    folder.mkdir()
    cities = ["Kyoto", "Lima", "Oslo", "Accra", "Quito", "Riga"]
    texts = [
        f"{where} {city} we {what}" for what in ("met", "slept", "ate", "sang") for where in ("in", "near") for city in cities
    ]
    spans = [[{"start": text.index(" ") + 1, "end": text.index(" we"), "label": "city"}] for text in texts]
    rows = [json.dumps({"text": text, "spans": span}) + "\n" for text, span in zip(texts, spans, strict=True)]
    parts = {"human": rows[:24], "test": rows[24:30], "plain": rows[30:38], "varied": rows[38:]}
    for name, lines in parts.items():
        (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
    card = {"name": "places", "kind": "spans", "description": "find cities.", "fields": {"text": "a remark"}, "family": "places"}
    card |= {"labels": {"city": "a city"}, "human_price": {"dollars": 0.1, "source": "a test"}}
    card |= {
        "sources": {
            "own": {"files": {split: f"$ELSEWHERE/{name}.jsonl" for split, name in {"train": "human", "test": "test"}.items()}}
        }
    }
    (copy / "places.yaml").write_text(yaml.safe_dump(card), encoding="utf-8")
    sets = {
        called: {"file": f"$ELSEWHERE/{name}.jsonl", "teacher": "a model", "price": 0.05}
        for called, name in {"simple": "plain", "diversify_x": "varied"}.items()
    }
    own = {"sets": sets, "sizes": {"human": [0, 8], "synthetic": [0, 4]}, "budgets": {"budgets": [1], "shares": [0, 0.2]}}
    training = {"frozen_layers": 6, "seeds": 2, "shards": 1}
    quiet = {"generation": {"methods": []}, "labeling": {"n": 0}, "budgets": {"budgets": [], "shares": []}}
    write_study(
        copy,
        tasks=["places.yaml"],
        per_task={"places.yaml": own},
        training=training,
        findings=True,
        takes="no time",
        vary={"head_rate": [0.003, 0.03]},
        **quiet,
    )
    monkeypatch.setenv("ELSEWHERE", str(folder))
    ended = run(copy)
    assert ended.code == 0, ended.said
    assert ended.started == {"diversity", "training", "budget"}
    assert "Study tiny takes no time" in ended.said
    scores = pd.read_csv(copy / "runs/tiny/figures/scores.csv")
    assert dict(zip(scores.method, scores.synthetic_price, strict=True)).items() >= {"simple": 0.05, "diversify_x": 0.05}.items()
    effects = pd.read_csv(copy / "runs/tiny/figures/effects.csv")
    assert set(effects.method) == {"human only", "simple", "diversify_x"}
    assert set(zip(effects.setting, effects.level, effects.own, strict=True)) == {
        ("head_rate", 0.003, 0.003),
        ("head_rate", 0.03, 0.003),
    }
    assert len(pd.read_csv(copy / "runs/tiny/figures/scores_varied.csv")) == 2 * len(scores)
    found = pd.read_csv(copy / "runs/tiny/figures/findings.csv").set_index("claim")
    assert found.loc["Other varied prompts give more varied data (distinct-2)"].verdict == "cannot tell"  # Of one task.
    assert found.source.str.startswith("runs/tiny/figures/").all()
    again = pd.read_csv(copy / "runs/tiny/figures/repeats_places.csv").set_index("set")
    assert again.texts.to_dict() == {"simple": 8, "diversify_x": 10, "human": 24}


# ---- what fails ----


def test_a_failed_notebook_stops_only_its_own_branch_and_the_end_says_what_failed(finished: Finished) -> None:
    runs = finished.copy / "runs" / "tiny"
    assert finished.failed.code != 0
    assert finished.failed.started == EVERY
    news = ("01_generation/zero_shot", "02_labeling/zero_shot", "03_diversity/all", "04_training/1of2", "04_training/2of2")
    assert set(finished.left) == {*(f"news/{name}.ipynb" for name in news), "sentiment/02_labeling/zero_shot.ipynb"}
    assert {name: executed(finished.copy)[name] for name in finished.left} == finished.left  # The second run did what was left.
    assert not (runs / "sentiment" / "04_training").exists()
    said = finished.failed.end
    failed = said[said.index("Failed (1); the executed notebooks hold the tracebacks:") :].splitlines()
    assert len(failed) == 2
    assert failed[1].startswith("  sentiment 02_labeling zero_shot: TeacherError: No recording in data/recordings ")
    assert failed[1].endswith("->  runs/tiny/sentiment/02_labeling/zero_shot.ipynb")
    notebook = (runs / "sentiment" / "02_labeling" / "zero_shot.ipynb").read_text(encoding="utf-8")
    assert "Traceback (most recent call last)" in notebook


# ---- kill -9 ----


def trained(copy: Path) -> int:
    kept = copy / "runs" / "tiny" / "news" / "04_training" / "1of1.kept.jsonl"
    return sum(map(bool, kept.read_text(encoding="utf-8").splitlines())) if kept.is_file() else 0


def test_after_kill_9_the_same_command_goes_on_from_there(again: Path) -> None:
    """Killed twice: all processes at once; then Snakemake alone, which leaves papermill and its kernel behind."""
    write_study(again, training={"seeds": 3, "epochs": 4, "shards": 1})
    only = ("--until", "training")
    before, kept = executed(again), trained(again)
    for kill in (os.killpg, os.kill):
        process = start(again, options=only)
        wait_for(lambda: trained(again) > kept)  # noqa: B023
        with nothing_left_of(process) as family:
            kill(process.pid, signal.SIGKILL)
            process.wait(30)
            if kill is os.kill:
                assert [one for one in family if "papermill" in " ".join(one.cmdline())]
                ended = run(again, options=only)
        kept = trained(again)
    assert ended.code == 0, ended.said
    assert ended.started == {"training"}
    assert not re.search("lock|incomplete", ended.said, re.IGNORECASE)
    now = executed(again)
    assert {name for name in now if now[name] != before.get(name)} == {"news/04_training/1of1.ipynb"}
    rows = pd.read_parquet(again / "runs" / "tiny" / "news" / "04_training" / "1of1.parquet")
    assert not rows.duplicated(["method", "n_human", "n_synthetic", "seed"]).any()
    assert len(rows) == 3 * 3
    assert ended.end.splitlines()[-1].startswith("Cost: nothing, ")


# ---- money ----


def test_a_dry_run_says_the_highest_cost_without_key_or_network(copy: Path) -> None:
    # make takes `setup` for done: the environment is this Python's.
    called = ["make", "-o", "setup", "study", "STUDY=tiny", "TEACHER=gpt-4o-mini", "DRY=1"]
    made = subprocess.run(called, cwd=copy, env=environment(copy), capture_output=True, text=True, check=False)
    ended = Ended(made.returncode, made.stdout + made.stderr)
    assert ended.code == 0, ended.said
    assert ended.started == EVERY
    assert "Teacher gpt-4o-mini:\n" in ended.end
    parts = re.findall(r"  0[12] news zero_shot +at most \$(\d+\.\d\d)\n", ended.end)
    total = re.search(r"^Highest cost: \$(\d+\.\d\d), ", ended.end, re.MULTILINE)
    assert total
    assert len(parts) == 2
    assert float(total[1]) == pytest.approx(sum(map(float, parts)), abs=0.011)
    assert float(total[1]) > 0
    assert not (copy / "runs").exists()


def test_a_mistake_in_a_study_is_said_in_one_sentence(copy: Path) -> None:
    write_study(copy, epcohs=3)
    ended = run(copy, options=("--dry-run",))
    assert ended.code != 0
    said = "studies/tiny.yaml: epcohs: unknown key (found '3')"
    assert [line for line in ended.said.splitlines() if line.strip().startswith(said)], ended.said
    assert "Traceback" not in ended.said


def test_a_run_over_its_budget_keeps_what_was_paid_and_a_larger_one_pays_for_the_rest(copy: Path) -> None:
    """8 examples at 0.0014 dollars each: 0.006 buys at most four, and a second run the others."""
    usage = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}

    def model(body: dict[str, Any], number: int) -> dict[str, Any]:
        examples = [{"text": f"The mayor of town {number} opens bridge {number * 7919} again"}]
        return completion(json.dumps({"examples": examples}), usage=usage)

    only = ("--until", "generation")
    with serving(model) as served:
        price = {"m": {"input": 1, "output": 2}}
        write_study(copy, base_url=served.url, token_prices=price, generation={"n": 8, "per_reply": 1})
        first = run(copy, "teacher=m", "budget=0.006", options=only)
        paid = len(served.bodies)
        second = run(copy, "teacher=m", "budget=0.1", options=only)
        asked = len(served.bodies)
    assert 1 <= paid <= 4
    assert "Raise BUDGET for more." in first.end or "raise BUDGET for more." in first.end
    assert asked == 8
    assert second.code == 0, second.said
    assert f"Cost: ${asked * 0.0014:.4f} for {asked} replies of m, what was stored before included." in second.end
    assert len(pd.read_parquet(copy / "runs" / "tiny" / "news" / "01_generation" / "zero_shot.parquet")) == 8
