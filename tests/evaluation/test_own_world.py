"""A world of the user's own: environment, policies, positions, segments, models and traces."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from mpe2 import simple_spread_v3

from failure_api import (
    CommunicationModel,
    MaskSegments,
    ProbabilisticModel,
    ShareObservations,
    TraceModel,
)
from failure_api.errors import FailureApiError
from failure_api.evaluation import check, compare, read_results, read_specification, sweep
from failure_api.evaluation.check import STEPS_TRIED
from failure_api.evaluation.plan import Plan
from failure_api.evaluation.results import COLUMNS
from failure_api.traces import Trace
from helpers import assert_one_sentence

ROOT = Path(__file__).resolve().parents[2]
TUTORIAL = ROOT / "examples" / "your_environment"


@pytest.fixture
def world(tmp_path, monkeypatch):
    """The files of the tutorial in the current directory, imported anew."""
    shutil.copytree(TUTORIAL, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    for name in ("field", "curves", "policies", "train"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    yield tmp_path
    for name in ("field", "curves", "policies", "train"):
        sys.modules.pop(name, None)


def asked(**more):
    """Returns a sweep over the field that is played in a moment."""
    return {
        "environment": "field:Field",
        "options": {"steps": 8},
        "positions": "curves:positions",
        "segments": "curves:segments",
        "policies": "field:gather",
        "failure_models": {"model": "probabilistic", "failure_prob": {"grid": [0, 1]}},
        "episodes": 2,
        **more,
    }


def test_the_page_shows_the_files(world):
    page = (ROOT / "docs" / "your_environment.md").read_text()
    shown = re.findall(r"```(?:python|yaml)\n(.*?)```", page, flags=re.DOTALL)
    names = ("field.py", "curves.py", "policies.py", "train.py", "field.yaml")
    assert shown == [(TUTORIAL / name).read_text() for name in names]
    lines = "".join((TUTORIAL / name).read_text() for name in names[:2]).split("\n")
    assert sum(bool(line.strip()) for line in lines) <= 60


@pytest.mark.heavy
def test_the_files_of_the_page_run(world):
    for command in (["train.py"], ["curves.py"]):
        run = subprocess.run(
            [sys.executable, *command], cwd=world, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
    assert {"range", "bursts", "delay"} <= {
        path.parent.name for path in world.glob("*/report.html")
    }
    found = check(world / "field.yaml")
    assert found.severity == "links"
    assert found.severity_labels == ("clear", "a field day", "range 1", "range 1 and bursts")


def test_names_and_objects_play_alike(world):
    import curves
    import field

    by_name = sweep(asked())
    by_object = sweep(
        asked(
            environment=field.Field,
            positions=curves.positions,
            segments=curves.segments,
            policies=field.gather,
            failure_models=[ProbabilisticModel(failure_prob=1.0)],
        )
    )
    assert by_object["mean"].tolist() == by_name["mean"].tolist()[::2]


def test_what_has_no_name_plays_too_in_one_process(world):
    import curves
    import field

    class Lossy(CommunicationModel):
        def step(self, parameters, state, links, context, random):
            return state, links.lose(random.bernoulli(1.0, context.shape))

    named = sweep(asked())["mean"].tolist()
    own = asked(
        environment=lambda **options: field.Field(**options),
        positions=lambda env: curves.positions(env),
        segments=curves.segments(field.Field()),
        policies={"mine": lambda observations: field.gather(observations)},
        failure_models=[Lossy()],
        exchange=MaskSegments(),
    )
    table = sweep(own)
    assert table["policy"].tolist() == ["mine", "mine"]
    assert table["mean"].tolist() == named[::2]
    with pytest.raises(FailureApiError) as refusal:
        sweep(own, workers=2)
    assert_one_sentence(refusal.value, "must be something that other processes can be given")


def test_what_travels_plays_in_several_processes(world):
    serial, parallel = sweep(asked()), sweep(asked(), workers=2)
    assert parallel["mean"].tolist() == serial["mean"].tolist()


def test_an_interactive_session_says_what_cannot_be_found(tmp_path):
    program = (
        "from failure_api.evaluation import sweep\n"
        "def policy(observations): return dict.fromkeys(observations, 0)\n"
        "try:\n"
        "    sweep({'environment': 'mpe2.simple_spread_v3', 'policies': '__main__:policy',"
        " 'failure_models': {'model': 'probabilistic', 'failure_prob': 1}}, workers=2)\n"
        "except ValueError as error:\n    print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert "policies must be found by other processes" in run.stdout, run.stderr
    assert "take one worker" in run.stdout


def test_positions_and_segments_reach_the_wrapper_and_the_player(world, tmp_path):
    failing = {"model": "distance", "distance_threshold": {"grid": [9, 0.001]}}
    table = sweep(asked(failure_models=failing), tmp_path / "out")
    assert table["delivery_ratio"].tolist() == [1.0, 1.0, 0.0]
    shown = read_results(tmp_path / "out").recordings[0]
    assert np.array(shown.positions).shape == (9, 4, 2)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"positions": "curves:position"}, ("positions must name", "did you mean 'positions'?")),
        ({"positions": "field:MOVES"}, ("positions must name a function",)),
        ({"segments": "curves:FAILURES"}, ("segments must name a function",)),
        ({"segments": 3}, ("segments must be a dictionary",)),
        ({"environment": "field:Fields"}, ("environment must name", "did you mean 'Field'?")),
        ({"environment": "field:MOVES"}, ("environment must name a function or a class",)),
        ({"environment": "nowhere:Field"}, ("environment must name a module", "nowhere")),
        ({"options": {"robot": 3}}, ("options must be known to field:Field", "'robots'?")),
        ({"policies": "sys:exit"}, ("policies[0] must", "SystemExit")),
        ({"exchange": "share_observations"}, ("exchange must be a mask_segments",)),
        ({"failure_models": "field:Field"}, ("failure_models[0].model must be the name of",)),
        ({"Episodes": 3}, ("must hold known keys", "did you mean 'episodes'?")),
        ({"labels": {"failure_prob": 3}}, ("labels.failure_prob must be text",)),
        ({"labels": {"failure_prop": "p"}}, ("labels must name grids", "'failure_prob'?")),
        (
            {"labels": {"failure_prob": "mean"}},
            ("labels.failure_prob must be no name of a column",),
        ),
        ({"environment": 3}, ("environment must be a name",)),
        ({"positions": lambda env: [[0]]}, ("positions must give numbers of shape [4, dim]",)),
        ({"positions": lambda env: 1 / 0}, ("positions must name a function", "division by zero")),
        ({"segments": lambda env: 1 / 0}, ("segments must name a function", "division by zero")),
        ({"segments": {"robot_0": {"robot_9": [1]}}}, ("segments must name agents", "'robot_9'")),
    ],
)
def test_mistakes_are_one_sentence(world, change, words):
    with pytest.raises(FailureApiError) as refusal:
        check({**asked(), **change})
    assert_one_sentence(refusal.value, *words)


@pytest.mark.parametrize("more", [{"output": "x" * 300}, {"output": ""}, {"retry_failed": "x"}])
def test_arguments_that_cannot_be_are_refused(world, more):
    with pytest.raises(FailureApiError) as refusal:
        sweep(asked(), **more)
    assert_one_sentence(refusal.value, next(iter(more)))


def test_what_is_called_like_a_column_is_called_by_its_path(world):
    delays = {"type": "pareto", "mean": {"grid": [2, 3]}, "shape": 2}
    model = {"model": "delay_based", "max_delay": 9, "distribution": delays}
    plan = Plan(read_specification(asked(failure_models=model)))
    assert plan.severity_name == "failure_models[0].distribution.mean"


def test_every_column_of_the_tables_is_reserved(world, tmp_path):
    sweep(asked(policies=["random", {"meet": "field:gather"}]), tmp_path / "out")
    found = read_results(tmp_path / "out")
    assert {*found.episodes.columns, *found.cells.columns, *found.curves.columns} <= COLUMNS


def test_the_exchange_is_named_where_a_policy_fails(world):
    plain = asked(segments=None)
    with pytest.raises(FailureApiError) as refusal:
        check(plain)
    assert_one_sentence(refusal.value, "policies[0]", "agents observe through ShareObservations")
    late = world / "late.py"
    late.write_text(
        "from field import gather\n"
        "class Late:\n"
        "    rounds = 0\n"
        "    def __call__(self, observations):\n"
        "        self.rounds += 1\n"
        "        if self.rounds > 5: raise RuntimeError('tired')\n"
        "        return gather(observations)\n"
    )
    with pytest.warns(UserWarning, match="episodes failed"):
        sweep(asked(policies="late:Late"), world / "out")
    for error in read_results(world / "out").failures["error"]:
        assert "tired; agents observe through MaskSegments" in error.split("\n")[0]


def test_endless_environments_end_the_check_alone(world):
    found = check(asked(options={"steps": STEPS_TRIED + 1}, episodes=1))
    assert found.cut
    assert not check(asked(options={"steps": STEPS_TRIED + 1}, episodes=1, max_steps=5)).cut
    assert not check(asked()).cut


def test_a_curve_runs_along_a_zip_or_a_column_of_it(world):
    delays = {"model": "delay_based", "min_delay": {"zip": [0, 2]}, "max_delay": {"zip": [0, 3]}}
    plan = Plan(read_specification(asked(failure_models=delays)))
    assert (plan.severity_name, plan.severities) == ("min_delay, max_delay", (0, 2))
    plan = Plan(read_specification(asked(failure_models=delays, severity="max_delay")))
    assert plan.severities == (0, 3)
    table = sweep(asked(failure_models=delays))
    # Rounds 0 to 8: what is sent in the last ones is still under way.
    assert table["mean_age"].tolist()[1] == 0.0
    assert table["mean_age"].tolist()[2] > 2.0


def test_a_curve_runs_along_labels_where_no_number_varies(world, tmp_path):
    failing = {
        "grid": {
            "calm": {"model": "probabilistic", "failure_prob": 0},
            "both": [
                {"model": "probabilistic", "failure_prob": 0.5},
                {"model": "distance-model", "distance-threshold": 0.001},
            ],
        }
    }
    table = sweep(asked(failure_models=failing, labels={"failure_models": "links"}), tmp_path / "o")
    assert table["delivery_ratio"].tolist() == [1.0, 1.0, 0.0]
    page = (tmp_path / "o" / "report.md").read_text()
    assert " in both." in page
    assert "break" not in page
    assert "| calm |" in page


def test_numbers_with_labels_keep_their_order(world, tmp_path):
    failing = {"model": "probabilistic", "failure_prob": {"grid": {"low": 0, "high": 0.5}}}
    sweep(asked(failure_models=failing), tmp_path / "out")
    results = read_results(tmp_path / "out")
    assert results.severity_labels == ("low", "high")
    assert results.is_ordered
    assert results.curves["area"].notna().all()


def test_an_axis_is_said_in_words(world, tmp_path):
    bursts = {"model": "gilbert-elliott", "loss": {"grid": "0:0.8:0.4"}, "burst": 5}
    sweep(asked(failure_models=bursts), tmp_path / "out")
    assert "long-run share of messages lost" in (tmp_path / "out" / "curves.svg").read_text()
    assert "higher is better" in (tmp_path / "out" / "curves.svg").read_text()
    own = asked(failure_models=bursts, labels={"loss": "packets lost"}, episodes=1)
    sweep(own, tmp_path / "own")
    assert "packets lost" in (tmp_path / "own" / "curves.svg").read_text()


def test_a_trace_begins_elsewhere_in_each_episode(world, tmp_path):
    names = tuple(f"robot_{number}" for number in range(4))
    lost = np.zeros((60, 4, 4), dtype=bool)
    lost[30:] = True
    Trace(agent_ids=names, lost=lost).save(tmp_path / "links.npz")
    file = str(tmp_path / "links.npz")
    ratios = {}
    for start in (0, "random"):
        model = {"model": "trace", "trace": {"file": file, "start": start}}
        out = tmp_path / str(start)
        sweep(asked(failure_models=model, episodes=12), out)
        episodes = read_results(out).episodes
        failing = episodes[episodes["severity"].notna()]
        ratios[start] = set(failing["delivery_ratio"].round(6))
    assert ratios[0] == {1.0}
    # Of 12 starts in 60 rounds all would lie before round 22 with a probability below 1e-5.
    assert len(ratios["random"]) > 1
    assert check(asked(failure_models={"model": "trace", "trace": file})).cells == 2


def test_a_hundred_thousand_values_are_counted(world):
    grid = {"model": "probabilistic", "failure_prob": {"grid": "0:1:0.00001"}}
    assert Plan(read_specification(asked(failure_models=grid))).size == 100_002


def test_pettingzoos_ids_and_factories_are_environments():
    failing = {"model": "probabilistic", "failure_prob": 1}
    for environment in (simple_spread_v3.parallel_env, simple_spread_v3.env):
        found = check({"environment": environment, "failure_models": failing, "episodes": 1})
        assert found.cells == 2
    pytest.importorskip("pettingzoo", minversion="1.26")
    plain = {"environment": "butterfly/pistonball-v6", "failure_models": failing, "episodes": 1}
    assert check({**plain, "max_steps": 2, "options": {"n_pistons": 4}}).cells == 2


def test_exchanges_and_parts_of_the_users_own_are_named(world):
    (world / "own.py").write_text(
        "from dataclasses import dataclass\n"
        "from failure_api import ProbabilisticModel, ShareObservations\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Sharing(ShareObservations): ...\n"
        "@dataclass(frozen=True, kw_only=True)\n"
        "class Lossy(ProbabilisticModel):\n"
        "    more: float = 0.0\n"
    )
    plain = asked(
        segments=None,
        policies="random",
        exchange={"type": "own:Sharing", "form": "flat"},
        failure_models={"model": "own:Lossy", "failure_prob": {"grid": [0, 1]}, "more": 2},
    )
    table = sweep(plain)
    assert table["delivery_ratio"].tolist() == [1.0, 1.0, 0.0]
    import own

    model, exchange = own.Lossy(failure_prob=1.0), own.Sharing(form="flat")
    values = {**plain, "exchange": exchange, "failure_models": [model]}
    assert read_specification(values).failure_models == (
        {"model": "own:Lossy", "failure_prob": 1.0},
    )
    assert sweep(values, workers=2)["delivery_ratio"].tolist() == [1.0, 0.0]
    assert isinstance(exchange, ShareObservations)


def test_a_start_that_is_no_round_is_refused():
    trace = Trace(agent_ids=("a", "b"), lost=np.zeros((3, 2, 2), dtype=bool))
    with pytest.raises(FailureApiError) as refusal:
        TraceModel(trace=trace, start_round="first")
    assert_one_sentence(refusal.value, "start_round", "'first'")


def test_what_objects_hold_is_part_of_what_a_sweep_is(world, tmp_path):
    import field

    class Policy:
        def __init__(self, action):
            self.action = action

        def __call__(self, observations):
            return dict.fromkeys(observations, self.action)

    def still(action):
        return lambda observations: dict.fromkeys(observations, action)

    changes = {
        "instance": ({"policies": Policy(1)}, {"policies": Policy(2)}),
        "closure": ({"policies": still(1)}, {"policies": still(2)}),
        "segments": (
            {"segments": {"robot_0": {"robot_1": slice(2, 4)}}},
            {"segments": {"robot_0": {"robot_1": slice(4, 6)}}},
        ),
    }
    assert field.Field is not None
    for name, (first, second) in changes.items():
        before = sweep(asked(**first), tmp_path / name)
        assert sweep(asked(**first), tmp_path / name).equals(before)
        with pytest.raises(FailureApiError) as refusal:
            sweep(asked(**second), tmp_path / name)
        assert_one_sentence(refusal.value, "has changed since")


@pytest.mark.parametrize("form", [lambda file: file, lambda file: {"file": {"grid": [file]}}])
def test_a_sweep_does_not_go_on_with_another_trace(world, tmp_path, form):
    names, file = tuple(f"robot_{number}" for number in range(4)), str(tmp_path / "links.npz")
    lost = np.zeros((9, 4, 4), dtype=bool)
    Trace(agent_ids=names, lost=lost).save(file)
    specification = asked(failure_models={"model": "trace", "trace": form(file)})
    sweep(specification, tmp_path / "out")
    Trace(agent_ids=names, lost=~lost).save(file)
    with pytest.raises(FailureApiError) as refusal:
        sweep(specification, tmp_path / "out")
    assert_one_sentence(refusal.value, "links.npz has changed since")


def test_a_function_called_like_a_policy_takes_nothing_from_it(world):
    def random(observations):
        return dict.fromkeys(observations, 0)

    table = sweep(asked(policies={"mine": random, "theirs": "random"}))
    alone = sweep(asked(policies="random"))
    assert table[table["policy"] == "theirs"]["mean"].tolist() == alone["mean"].tolist()


def test_a_key_is_given_once(world):
    grid = {"model": "probabilistic", "failure_prob": {"grid": {1: 0.1, "1": 0.9}}}
    with pytest.raises(FailureApiError) as refusal:
        check(asked(failure_models=grid))
    assert_one_sentence(refusal.value, "must give each key once", "'1'")


def test_the_last_value_of_a_long_grid_is_read(world):
    values = [index / 1e4 for index in range(10_000)] + [2]
    with pytest.raises(FailureApiError) as refusal:
        check(asked(failure_models={"model": "probabilistic", "failure_prob": {"grid": values}}))
    assert_one_sentence(refusal.value, "failure_models[0].failure_prob.grid[10000]", "2 was given")


def test_mistakes_within_a_grid_are_said_by_label_and_line(world):
    (world / "wrong.yaml").write_text(
        "environment: field:Field\n"
        "failure_models:\n"
        "  grid:\n"
        "    calm: {model: probabilistic, failure_prob: 0}\n"
        "    both:\n"
        "      - {model: probabilistic, failure_prob: 0.5}\n"
        "      - {model: distance, distance_treshold: 3}\n"
    )
    with pytest.raises(FailureApiError) as refusal:
        check(world / "wrong.yaml")
    where = ("line 7", "failure_models[0].grid.both[1]", "'distance_threshold'?")
    assert_one_sentence(refusal.value, *where)


@pytest.mark.parametrize("reward", ["'three'", "float('nan')", "[1.0, 2.0]", "None"])
def test_rewards_that_are_no_numbers_are_refused(world, reward):
    (world / "paid.py").write_text(
        "from field import Field\n"
        "class Paid(Field):\n"
        "    def step(self, actions):\n"
        "        found = super().step(actions)\n"
        f"        return (found[0], dict.fromkeys(found[1], {reward}), *found[2:])\n"
    )
    with pytest.raises(FailureApiError) as refusal:
        check(asked(environment="paid:Paid"))
    assert_one_sentence(refusal.value, "reward")


def test_what_fails_late_is_blamed_on_the_environment(world):
    (world / "ending.py").write_text(
        "from field import Field\n"
        "class Late(Field):\n"
        "    def step(self, actions):\n"
        "        if self.step_count == 5: raise RuntimeError('late')\n"
        "        return super().step(actions)\n"
        "    def close(self): raise SystemExit(7)\n"
    )
    with pytest.raises(FailureApiError) as refusal:
        check(asked(environment="ending:Late"))
    assert_one_sentence(refusal.value, "environment must be played to its end", "late")


def test_segments_are_asked_once_and_may_stand_still_in_the_world(world):
    import curves

    asks = []

    def segments(env):
        asks.append(env)
        return curves.segments(env)

    exchange = {"type": "mask_segments", "missing": "hold", "frame": "receiver"}
    here = sweep(asked(segments=segments, exchange=exchange, episodes=1))
    assert len(asks) < 10
    still = sweep(asked(segments=segments, exchange={**exchange, "relative_to": "world"}))
    assert still["mean"].notna().all()
    moving = sweep(asked(segments=lambda env: curves.segments, exchange=exchange, episodes=1))
    assert moving["mean"].tolist() == here["mean"].tolist()


def test_integer_agents_survive_a_flag(world):
    (world / "numbered.py").write_text(
        "from field import Field\n"
        "class Numbered(Field):\n"
        "    def __init__(self):\n"
        "        super().__init__(2, 5)\n"
        "        self.possible_agents = [0, 1]\n"
    )
    (world / "numbered.yaml").write_text(
        "environment: numbered:Numbered\n"
        "segments: {0: {1: [2, 3]}, 1: {0: [2, 3]}}\n"
        "failure_models: {model: probabilistic, failure_prob: {grid: [0, 1]}}\n"
    )
    from failure_api.cli.flags import specification_of

    assert check(world / "numbered.yaml").cells == 3
    changed = specification_of(world / "numbered.yaml", None, [], [], [], [], 2, None)
    assert check(changed).episodes == 6


@pytest.mark.heavy
def test_what_a_script_guards_is_missed_by_name(world):
    (world / "script.py").write_text(
        "from failure_api.evaluation import sweep\n"
        "if __name__ == '__main__':\n"
        "    def policy(observations): return dict.fromkeys(observations, 0)\n"
        "    try:\n"
        "        sweep({'environment': 'field:Field', 'policies': policy,"
        " 'failure_models': {'model': 'probabilistic', 'failure_prob': 1}}, workers=2)\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
    )
    run = subprocess.run(
        [sys.executable, "script.py"], cwd=world, capture_output=True, text=True, check=False
    )
    assert "the specification must name what other processes can find" in run.stdout, run.stderr
    assert "Traceback" not in run.stderr


def test_scenarios_are_compared_by_label(world, tmp_path):
    calm, storm = ({"model": "probabilistic", "failure_prob": p} for p in (0.0, 1.0))
    for name, scenarios in {"one": {"calm": calm, "storm": storm}, "two": {"storm": storm}}.items():
        sweep(asked(failure_models={"grid": scenarios}), tmp_path / name)
        sweep(
            asked(failure_models={"grid": scenarios}, policies="random"), tmp_path / f"{name} more"
        )
    table = compare([tmp_path / "one", tmp_path / "one more"])
    assert len(table) == 2
    with pytest.raises(FailureApiError) as refusal:
        compare([tmp_path / "one", tmp_path / "two more"])
    assert_one_sentence(refusal.value, "must hold sweeps with the same labels")
