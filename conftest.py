"""Picks cases of tests that repeat themselves; leaves out doctests of packages that are absent."""

import importlib.util
import random
from collections import defaultdict

collect_ignore = []
if importlib.util.find_spec("benchmarl") is None:
    # tests/trainers/test_trainer_benchmarl.py runs them where there is one.
    collect_ignore.append("src/failure_api/integrations/benchmarl.py")


def pytest_addoption(parser):
    """Adds options that say which cases are run of tests that are marked as sampled."""
    parser.addoption("--seed", default="0", help="picks cases of sampled tests (default 0)")
    parser.addoption("--every-case", action="store_true", help="run all cases of sampled tests")
    parser.addoption("--cases", type=int, help="at most so many cases of every test, by the seed")


def pytest_report_header(config):
    """Says which cases are run, so that a run can be repeated."""
    every, seed = config.getoption("every_case"), config.getoption("seed")
    return f"sampled tests: {'every case' if every else f'cases by --seed {seed}'}"


def pytest_collection_modifyitems(config, items):
    """Leaves out cases of tests with `@pytest.mark.sampled(cases)`, and of all with `--cases`."""
    if config.getoption("every_case"):
        return
    groups, fewest = defaultdict(list), config.getoption("cases")
    for item in items:
        if item.get_closest_marker("sampled") or fewest:
            groups[item.nodeid.split("[", 1)[0]].append(item)
    seed, left_out = config.getoption("seed"), set()
    for group in groups.values():
        marker = group[0].get_closest_marker("sampled")
        most = min(limit for limit in (marker and marker.args[0], fewest) if limit)
        # By their names, so that one more case moves few others.
        group.sort(key=lambda item: random.Random(f"{seed} {item.nodeid}").random())
        left_out.update(group[most:])
    if left_out:
        config.hook.pytest_deselected(items=[item for item in items if item in left_out])
        items[:] = [item for item in items if item not in left_out]
