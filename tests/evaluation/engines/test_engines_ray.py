"""A real Ray on this machine, with two workers, one of which is killed in the middle."""

from __future__ import annotations

import pytest
from test_engines import assert_same, deadly, plan_of, played  # noqa: F401

from failure_api.errors import InvalidArgumentError
from failure_api.evaluation.engines import results_of
from failure_api.evaluation.engines.jobs import Backlog
from helpers import assert_one_sentence

pytestmark = pytest.mark.heavy

pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def _private_home(tmp_path_factory):
    # Ray writes a token there.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


def test_ray_gives_what_one_process_gives_though_a_worker_is_killed(
    deadly,  # noqa: F811
):
    plan = plan_of("deadly:Policy")
    undisturbed = played("serial", plan, 1)
    order = deadly / f"die_at_{plan.seed_of(3)}"
    order.write_text("once")
    assert_same(undisturbed, played("ray", plan, 2))
    assert not order.exists()


def test_what_ray_cannot_play_fails_alone(deadly):  # noqa: F811
    plan = plan_of("deadly:Policy", episodes=4)
    (deadly / f"die_at_{plan.seed_of(3)}").write_text("always")
    found = played("ray", plan, 2)
    lost = {key for key, result in found.items() if result.error}
    assert lost == {(cell, 3) for cell in range(plan.size)}


def test_a_cluster_that_does_not_answer_is_said():
    plan = plan_of(episodes=1)
    with pytest.raises(InvalidArgumentError) as refusal:
        next(results_of("ray", plan, Backlog(plan, {}), 1, "127.0.0.1:1"))
    assert_one_sentence(refusal.value, "address", "127.0.0.1:1")
