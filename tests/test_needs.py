"""What the catalogue imports, and what it says where a package is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import failure_api

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(failure_api.__file__).parents[1])}
OPTIONAL = ("matplotlib", "yaml", "rich", "typer", "pandas", "seaborn", "psutil", "mpe2")
ADVICE = "which is not installed: install it with `pip install 'failure-api[cli]'`."


def run(code):
    return subprocess.run(
        [sys.executable, "-c", code],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_plain_data_and_descriptions_import_nothing_optional():
    done = run(
        "import sys, failure_api.catalogue as catalogue\n"
        "first = set(sys.modules)\n"
        "model = catalogue.from_dict({'model': 'gilbert_elliott', 'p': 0.05, 'r': 0.25})\n"
        "catalogue.to_dict(model), catalogue.models(), catalogue.describe('chain')\n"
        f"print(*((first | set(sys.modules)) & set({OPTIONAL})))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_the_list_of_models_imports_neither_yaml_nor_matplotlib():
    done = run(
        "import sys; from failure_api.cli.models import models; models(); models('chain')\n"
        "print('imported:', *(set(sys.modules) & {'matplotlib', 'yaml', 'pandas'}))"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "imported:"


MODEL = "catalogue.from_dict({'model': 'probabilistic', 'failure_prob': 0.5})"


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("package", "call", "starts"),
    [
        ("yaml", f"catalogue.to_yaml({MODEL})", "YAML needs PyYAML, "),
        ("yaml", "catalogue.from_yaml('model: chain')", "YAML needs PyYAML, "),
        ("matplotlib", f"drawing.draw({MODEL}, 'picture.png')", "A picture needs matplotlib, "),
    ],
    ids=["to_yaml", "from_yaml", "draw"],
)
def test_without_a_package_one_sentence_says_how_to_get_it(package, call, starts):
    done = run(
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {package!r}:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from failure_api import catalogue, drawing\n"
        "from failure_api.errors import FailureApiError\n"
        f"try:\n    {call}\n"
        "except FailureApiError as error:\n"
        "    print(type(error).__name__, isinstance(error, ImportError), error, sep='|')"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"MissingDependencyError|True|{starts}{ADVICE}\n"


def test_the_command_says_it_too(tmp_path):
    path = tmp_path / "picture.png"
    done = run(
        "import sys; sys.modules['matplotlib'] = sys.modules['yaml'] = None\n"
        "from failure_api.cli import main\n"
        f"sys.argv = ['failure-api', 'models', 'chain', '--plot', {str(path)!r}]\n"
        "main()"
    )
    assert done.returncode == 2
    assert done.stderr == f"A picture needs matplotlib, {ADVICE}\n"
    assert done.stdout == ""
    assert not path.exists()


def test_a_package_that_is_broken_is_not_said_to_be_missing():
    done = run(
        "import sys; sys.modules['packaging'] = None\n"
        "from failure_api import catalogue, drawing\n"
        f"drawing.draw({MODEL}, 'picture.png')"
    )
    assert done.returncode == 1
    assert "ModuleNotFoundError" in done.stderr
    assert "packaging" in done.stderr
    assert "which is not installed" not in done.stderr
