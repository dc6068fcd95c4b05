"""The code of the notebook that this project began as runs unchanged on the package.

Its last cell repeats the call of the second without the profiler, and is left out for its time.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import failure_api
from failure_api.overhead.result import SEED_COLUMNS

NOTEBOOK = Path(__file__).with_name("performance_overhead.txt")

# From outside the cells: the sleep in every step costs nothing, and no window opens.
DRIVER = """
import sys, time
import matplotlib
matplotlib.use("Agg")
time.sleep = lambda seconds: None
names = {"__name__": "__main__"}
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as cell:
        exec(compile(cell.read(), path, "exec"), names)
"""


def code_cells(text):
    """The code after each `In [n]:`, cut where what it printed begins."""
    return [runnable_part(cell) for cell in re.split(r"^In \[[\d ]*\]:\n", text, flags=re.M)[1:]]


def runnable_part(cell):
    # What was printed is no Python, and no longer text that contains it is.
    lines = cell.splitlines(keepends=True)
    for length in range(len(lines), 0, -1):
        try:
            ast.parse("".join(lines[:length]))
        except SyntaxError:
            continue
        return "".join(lines[:length])
    return ""


@pytest.fixture(scope="module")
def cells():
    return code_cells(NOTEBOOK.read_text(encoding="utf-8"))


def test_the_cells_hold_the_code_and_nothing_that_was_printed(cells):
    imports, measuring = cells[0], cells[1]
    assert imports.startswith("import time\n")
    assert imports.rstrip().endswith("pass")
    assert measuring.lstrip().startswith("def measure_detailed_performance(")
    assert measuring.rstrip().endswith('stats.strip_dirs().sort_stats("cumtime").print_stats(30)')


def test_the_cells_are_the_notebook_s_own_text(cells):
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert all(cell in text for cell in cells)


@pytest.mark.heavy
def test_the_notebook_runs_unchanged(cells, tmp_path):
    paths = []
    for number, cell in enumerate(cells[:2]):
        paths.append(tmp_path / f"cell_{number}.py")
        paths[-1].write_text(cell, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", DRIVER, *map(str, paths)],
        cwd=tmp_path,
        # From any working directory, this very package.
        env={**os.environ, "PYTHONPATH": str(Path(failure_api.__file__).parents[1])},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    heading = next(line for line in done.stdout.splitlines() if "baseline_time_ms" in line)
    assert re.split(r"\s{2,}", heading.strip()) == list(SEED_COLUMNS)
    table = done.stdout.partition(heading)[2].splitlines()[1:4]
    assert [row.split()[0] for row in table] == ["3", "10", "25"]
    assert (tmp_path / "failure_api_profile.prof").stat().st_size > 0
    assert "run_enhanced_overhead_test" in done.stdout
