"""The command `failure-api`: one verb a file, and each verb a function that one can call."""

from __future__ import annotations

import sys

from failure_api.errors import MissingDependencyError
from failure_api.needs import needed


def main() -> None:
    """Runs the command line; needs the extra `cli`."""
    try:
        for package in ("typer", "rich"):
            needed(package, "The command line")
        from failure_api.cli.app import app
    except MissingDependencyError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="failure-api")
