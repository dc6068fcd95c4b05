"""Models are tried in other array libraries than NumPy, compiled and not."""

from __future__ import annotations

import subprocess
import sys

import broken_noise
import broken_state
import pytest
from broken_links import Sound

from failure_api.core.noise import NoiseModel
from failure_api.errors import InvalidArgumentError, LawError, MissingDependencyError
from failure_api.testing import check_model, check_noise_model

EVERY = ("numpy", "torch", "jax")


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    "model",
    [Sound(), broken_state.Counting(), broken_state.KnowsItsRound(), broken_noise.Sound()],
    ids=repr,
)
def test_a_sound_model_passes_in_every_library(model):
    check = check_noise_model if isinstance(model, NoiseModel) else check_model
    check(model, backends=EVERY)


@pytest.mark.sampled(2)
@pytest.mark.parametrize(
    ("subject", "backend", "said"),
    [
        (broken_state.Unsigned, "torch", "Unsigned fails on torch in "),
        (broken_state.KeepsArrays, "jax", "KeepsArrays fails compiled by JAX: "),
        (broken_state.WeaklyTyped, "jax", "WeaklyTyped is compiled anew in a later round"),
    ],
)
def test_what_one_library_refuses_is_found_there_alone(subject, backend, said):
    check_model(subject(), backends=[one for one in EVERY if one != backend])
    with pytest.raises(LawError) as caught:
        check_model(subject(), backends=[backend])
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_other_links_than_on_numpy_are_found():
    with pytest.raises(LawError, match=r"^law 4 .*GoesByLibrary differs on torch from NumPy"):
        check_model(GoesByLibrary(), backends=["torch"])


class GoesByLibrary(Sound):
    def up(self, links, context, random):
        up = super().up(links, context, random)
        return up * (0.0 if "torch" in context.xp.__name__ else 1.0)


def test_other_content_than_on_numpy_is_found():
    with pytest.raises(LawError, match=r"^law 4 .*LouderInJax differs compiled by JAX from NumPy"):
        check_noise_model(LouderInJax(), backends=["jax"])


class LouderInJax(broken_noise.Sound):
    def noise(self, content, context, random):
        louder = 1.5 if "jax" in context.xp.__name__ else 1.0
        return super().noise(content, context, random) * louder


@pytest.mark.parametrize("backends", ["cupy", ["torch", "tensorflow"]])
def test_an_unknown_library_is_refused(backends):
    with pytest.raises(InvalidArgumentError, match="backends must name array libraries, but '"):
        check_model(Sound(), backends=backends)


def test_a_library_that_is_not_installed_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(MissingDependencyError, match=r"needs jax, which is not installed"):
        check_noise_model(broken_noise.Sound(), backends=("jax",))


def test_libraries_that_nobody_uses_stay_unimported():
    script = (
        "import sys; from failure_api import ProbabilisticModel as Model;"
        "from failure_api.testing import check_model; check_model(Model(failure_prob=0.5));"
        "print('torch' in sys.modules, 'jax' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


def test_libraries_are_tried_only_where_asked_for():
    pytest.importorskip("torch")
    check_model(GoesByLibrary())
