"""Leaves out the doctests of modules whose package has to have an environment of its own."""

import importlib.util

collect_ignore = []
if importlib.util.find_spec("benchmarl") is None:
    # tests/trainers/test_trainer_benchmarl.py runs them where there is one.
    collect_ignore.append("src/failure_api/integrations/benchmarl.py")
