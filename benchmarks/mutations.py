"""Shows that a test turns red when a number in the code of a model is changed.

    python benchmarks/mutations.py                                # five numbers, chosen by a seed
    python benchmarks/mutations.py --count 20 --seed 3            # others
    python benchmarks/mutations.py --every radio/path_loss.py delay.py

Each mutant is a copy of the source in which one number is another one: 0 and 1 are exchanged, and
whatever else there is grows by a tenth. The tests of the models run on it until the first failure.
The exit status is 1 if a mutant survives.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
MODELS = Path("src/failure_api/communication_models")
TESTS = "tests/communication_models"


class Mutant(NamedTuple):
    """A number in a file, and what stands in its place."""

    file: Path
    line: int
    column: int
    number: str
    other: str
    text: str

    def source(self) -> str:
        """Returns the file with the other number."""
        lines = (ROOT / self.file).read_text().split("\n")
        line = lines[self.line - 1]
        end = self.column + len(self.number)
        lines[self.line - 1] = line[: self.column] + self.other + line[end:]
        return "\n".join(lines)


def mutants_of(file: Path) -> Iterator[Mutant]:
    """Yields one mutant for each number within a function, indices and axes excepted."""
    text = (ROOT / file).read_text()
    tree = ast.parse(text)
    spared = {
        id(node) for parent in ast.walk(tree) for part in _spared(parent) for node in ast.walk(part)
    }
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found = {}
    for function in functions:
        for statement in function.body:
            for node in ast.walk(statement):
                number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
                if number and id(node) not in spared:
                    found[node.lineno, node.col_offset] = node
    for (line, column), node in sorted(found.items()):
        number = ast.get_source_segment(text, node) or ""
        shown = text.split("\n")[line - 1].strip()
        yield Mutant(file, line, column, number, _other(node.value), shown)


def _spared(parent: ast.AST) -> list[ast.AST]:
    """Returns what of a node says where something is, not how much."""
    if isinstance(parent, ast.Subscript):
        return [parent.slice]
    if isinstance(parent, ast.keyword) and parent.arg == "axis":
        return [parent.value]
    if isinstance(parent, ast.Raise):
        return [parent]
    return []


def _other(value: float) -> str:
    if value in (0, 1):
        return repr(type(value)(1 - value))
    return repr(value + max(1, value // 10) if isinstance(value, int) else value * 1.1)


def killer_of(mutant: Mutant) -> str | None:
    """Returns the test that a mutant fails; None if it fails none."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy / "src")
        shutil.copytree(ROOT / "tests", copy / "tests")
        shutil.copy(ROOT / "pyproject.toml", copy)
        (copy / mutant.file).write_text(mutant.source())
        # The tests of the same name first, and then those that compare with closed forms.
        name = f"test_{mutant.file.stem}.py"
        own = sorted(str(path.relative_to(copy)) for path in (copy / TESTS).rglob(name))
        paths = [*own, f"{TESTS}/test_comparisons.py", str(mutant.file), TESTS]
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        options = ["-x", "-q", "--no-header", "--tb=no", "-p", "no:randomly"]
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *options, *paths],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    red = [line for line in run.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    if run.returncode == 0:
        return None
    return (
        red[0].partition(" ")[2].partition(" - ")[0]
        if red
        else f"pytest ends with {run.returncode}"
    )


def main() -> None:
    """Makes mutants, and prints what kills them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=5, help="how many, chosen at random")
    parser.add_argument("--seed", type=int, default=0, help="chooses them")
    parser.add_argument("--every", nargs="+", metavar="FILE", help="every one of these files")
    arguments = parser.parse_args()
    if arguments.every:
        files = [MODELS / name for name in arguments.every]
    else:
        files = [path.relative_to(ROOT) for path in sorted((ROOT / MODELS).rglob("*.py"))]
    mutants = [mutant for file in files for mutant in mutants_of(file)]
    if not arguments.every:
        mutants = random.Random(arguments.seed).sample(mutants, arguments.count)
    survived = 0
    for mutant in mutants:
        killer = killer_of(mutant)
        survived += killer is None
        where = f"{mutant.file.relative_to(MODELS)}:{mutant.line}: {mutant.text}"
        print(f"{where}\n    {mutant.number} -> {mutant.other}: ", end="")
        print("SURVIVES" if killer is None else f"killed by {killer}", flush=True)
    print(f"{len(mutants) - survived} of {len(mutants)} mutants are killed.")
    sys.exit(survived > 0)


if __name__ == "__main__":
    main()
