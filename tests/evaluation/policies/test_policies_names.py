"""Names of policies: which there can be, and one sentence for those that there cannot."""

from __future__ import annotations

import subprocess
import sys

import pytest
from policies_played import wrapped

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.policies import check_policy_name, make_policy
from helpers import assert_one_sentence


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("asignment", "did you mean 'assignment'?"),
        ("Random", "did you mean 'random'?"),
        ("signaling", "did you mean 'signalling'?"),
        ("zzz", "known are assignment, module:name, random, sb3:FILE.zip, signalling"),
        ("", "known are assignment"),
        ("model.zip", "write 'sb3:model.zip'"),
        ("sb3:", "name the model's file"),
        ("my-module:policy", "give 'module:name'"),
        ("module:", "give 'module:name'"),
        (":name", "give 'module:name'"),
        ("a:b:c", "give 'module:name'"),
        (None, "None was given"),
        (["random"], "['random'] was given"),
    ],
)
def test_a_name_that_no_policy_can_have(name, holds):
    for refuse in (check_policy_name, lambda name: make_policy(name, wrapped())):
        with pytest.raises(InvalidArgumentError) as caught:
            refuse(name)
        assert_one_sentence(caught.value, "policies must", holds)


@pytest.mark.parametrize(
    "name",
    ["random", "assignment", "signalling", "no_such_module:Policy", "a.b:c.d", "sb3:absent.zip"],
)
def test_a_name_that_a_policy_can_have_is_not_looked_up(name):
    check_policy_name(name)


def test_policies_are_made_without_optional_packages():
    code = (
        "import sys\n"
        "import failure_api.evaluation.policies\n"
        "print([name for name in ('torch', 'stable_baselines3', 'mpe2', 'supersuit')"
        " if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
