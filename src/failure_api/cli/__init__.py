"""The command `failure-api`: one verb a file, and each verb a function that one can call."""

from __future__ import annotations

import sys


def main() -> None:
    """Runs the command line; needs the extra `cli`."""
    try:
        from failure_api.cli.app import app
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in ("typer", "rich"):
            raise
        print(
            f"The command line needs {package}, which is not installed: "
            "install it with `pip install 'failure-api[cli]'`.",
            file=sys.stderr,
        )
        sys.exit(2)
    except KeyboardInterrupt:
        sys.exit(130)
    app(prog_name="failure-api")
