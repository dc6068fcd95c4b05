"""Every snippet in the documents is a tested file, and every command in them is accepted."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from failure_api.cli.app import app
from failure_api.evaluation import read_specification, sweep

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


SHORT = {
    "environment": "mpe2.simple_spread_v3",
    "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0.5, 1.0]}},
    "episodes": 2,
}
"""A sweep for the commands that need the folder of one."""


def blocks(document, language):
    text = (ROOT / document).read_text()
    return re.findall(rf"```{language}\n(.*?)```", text, flags=re.DOTALL)


def body(example):
    """Returns an example without the docstring that says what it shows."""
    return example.read_text().split('"""\n\n', 1)[1]


def test_every_snippet_is_an_example_and_every_example_is_shown_or_linked_to():
    bodies = {body(example): example for example in EXAMPLES}
    snippets = {block for document in DOCUMENTS for block in blocks(document, "python")}
    assert snippets
    assert snippets <= set(bodies)
    documents = [*(ROOT / document for document in DOCUMENTS), *PAGES]
    text = "".join(document.read_text() for document in documents)
    hidden = [example for shown, example in bodies.items() if shown not in snippets]
    assert all(f"examples/{example.name})" in text for example in hidden)


def test_every_specification_is_an_example_and_can_be_read():
    files = {path.read_text(): path for path in (ROOT / "examples").glob("*.yaml")}
    shown = [block for document in DOCUMENTS for block in blocks(document, "yaml")]
    assert shown
    assert set(shown) == set(files)
    assert all(read_specification(path).episodes for path in files.values())


ELSEWHERE = {
    "jaxmarl_training": "tests/integrations/test_jaxmarl_training.py",
    "train_agilerl": "tests/trainers/test_trainer_agilerl.py",
    "train_benchmarl": "tests/trainers/test_trainer_benchmarl.py",
    "train_rllib": "tests/trainers/test_trainer_rllib.py",
    "train_robust": "tests/test_train_robust.py",
    "train_sb3": "tests/trainers/test_trainer_sb3.py",
    "train_skrl": "tests/trainers/test_trainer_skrl.py",
    "train_tianshou": "tests/trainers/test_trainer_tianshou.py",
    "train_torchrl": "tests/trainers/test_trainer_torchrl.py",
}
"""Which tests run examples that take long."""


def test_examples_that_take_long_are_run_elsewhere():
    for example, path in ELSEWHERE.items():
        assert example in (ROOT / path).read_text()


@pytest.mark.heavy
@pytest.mark.parametrize(
    "example",
    [example for example in EXAMPLES if example.stem not in ELSEWHERE],
    ids=lambda path: path.stem,
)
def test_example_runs(example, tmp_path):
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:failure_api", example],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.heavy
@pytest.mark.parametrize(
    "page",
    # Its files go together: tests/evaluation/test_own_world.py runs them.
    [page for page in PAGES if page.stem != "your_environment"],
    ids=lambda path: path.stem,
)
def test_the_examples_of_a_page_run(page, tmp_path):
    for number, block in enumerate(blocks(str(page.relative_to(ROOT)), "python")):
        example = tmp_path / f"{page.stem}_{number}.py"
        example.write_text(block)
        run = subprocess.run(
            [sys.executable, example], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_a_page_links_to_exists(page):
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    missing = [t for t in targets if "://" not in t and not (page.parent / t).exists()]
    assert not missing


def commands():
    documents = [*DOCUMENTS, *(str(page.relative_to(ROOT)) for page in PAGES)]
    lines = [
        line for d in documents for block in blocks(d, "console") for line in block.split("\n")
    ]
    return sorted({line for line in lines if line.startswith("failure-api ")})


@pytest.mark.heavy
@pytest.mark.parametrize("command", commands())
def test_command_is_accepted(command, tmp_path, monkeypatch):
    monkeypatch.setattr("failure_api.overhead.seed.PAUSE_SECONDS", 0.0)
    words = shlex.split(command)[1:]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    shortened = {
        "overhead": ["--episodes", "1", "--cycles", "2", "--output", str(tmp_path)],
        "sweep": ["--episodes", "2"],
        "check": ["--episodes", "2"],
    }
    if words[0] in ("report", "compare"):
        for folder in words[1:3]:
            if not folder.startswith("-"):
                sweep(SHORT, tmp_path / folder)
    result = CliRunner().invoke(app, words + shortened.get(words[0], []))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "overhead.csv").exists() == (words[0] == "overhead")
    reported = words[0] in ("sweep", "report", "compare")
    assert bool(list(tmp_path.glob("*/report.html"))) == reported


def test_make_targets_exist():
    makefile = (ROOT / "Makefile").read_text()
    lines = [
        line for d in DOCUMENTS for block in blocks(d, "console") for line in block.split("\n")
    ]
    named = {line.split()[1] for line in lines if line.startswith("make ")}
    assert {"demo", "test"} <= named
    assert all(re.search(rf"^{target}:", makefile, flags=re.MULTILINE) for target in named)


def test_files_that_the_documents_link_to_exist():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
            assert (ROOT / target).exists(), f"{document} links to {target}"


def test_tables_of_speeds_are_the_committed_benchmarks():
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from table import TABLES, markdown_table

    for results, document in TABLES.items():
        findings = json.loads((ROOT / "benchmarks/results" / results).read_text())
        assert markdown_table(findings) in (ROOT / document).read_text()


def test_a_page_names_every_model_and_exchange():
    import failure_api

    pages = "\n".join(page.read_text() for page in (ROOT / "docs").rglob("*.md"))
    names = [n for n in failure_api.__all__ if n.endswith("Model")]
    assert all(name in pages for name in [*names, "MaskSegments", "ShareObservations"])
    assert len(names) > 20
