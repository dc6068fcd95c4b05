"""The machine and the versions that a measurement was made with."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any


def describe_machine() -> dict[str, Any]:
    """Returns the processor's name, its cores, and the platform.

    Example:
        >>> sorted(describe_machine())
        ['cores', 'platform', 'processor']
    """
    return {"processor": _processor(), "cores": os.cpu_count(), "platform": platform.platform()}


def list_versions(environment: str) -> dict[str, str]:
    """Returns the versions of Python and of every package that takes part in a measurement.

    Args:
        environment: Name of the environment; its first part is its package.

    Returns:
        Version by name; "unknown" for what is importable and was never installed.

    Example:
        >>> list(list_versions("mpe2.simple_spread_v3"))
        ['python', 'failure_api', 'numpy', 'gymnasium', 'pettingzoo', 'mpe2']
    """
    packages = ["failure_api", "numpy", "gymnasium", "pettingzoo"]
    package = environment.partition(":")[0].partition(".")[0]
    if package not in packages:
        packages.append(package)
    return {"python": platform.python_version(), **{name: version_of(name) for name in packages}}


def version_of(package: str) -> str:
    """Returns the installed version of a package, or "unknown".

    Example:
        >>> version_of("no_such_package")
        'unknown'
    """
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return str(getattr(sys.modules.get(package), "__version__", "unknown"))


def _processor() -> str:
    # On Linux, `platform.processor` names the architecture at best.
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
