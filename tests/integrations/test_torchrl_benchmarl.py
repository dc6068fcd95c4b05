"""BenchMARL trains on the task that the documentation shows, where BenchMARL is installed."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

pytest.importorskip("benchmarl")
from benchmarl.algorithms import MappoConfig
from benchmarl.experiment import Experiment, ExperimentConfig
from benchmarl.models import MlpConfig

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/vmas.md"


def test_mappo_trains_and_evaluates_under_failures(tmp_path, monkeypatch):
    (snippet,) = re.findall(r"```py\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    # BenchMARL saves an experiment with its task, whose class must be found again.
    (tmp_path / "failing_vmas.py").write_text(snippet)
    monkeypatch.syspath_prepend(tmp_path)
    task = importlib.import_module("failing_vmas").task
    config = ExperimentConfig.get_from_yaml()
    config.max_n_frames, config.max_n_iters = None, 2
    config.on_policy_collected_frames_per_batch = 200
    config.on_policy_n_envs_per_worker = 20
    config.on_policy_minibatch_size, config.on_policy_n_minibatch_iters = 100, 1
    config.evaluation_interval, config.evaluation_episodes = 200, 5
    config.evaluation_static, config.render, config.loggers = True, False, []
    config.save_folder = str(tmp_path)
    experiment = Experiment(
        task=task,
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=MlpConfig.get_from_yaml(),
        critic_model_config=MlpConfig.get_from_yaml(),
        seed=0,
        config=config,
    )
    experiment.run()
    played = experiment.test_env.rollout(5)["agents", "observation"]
    lost = (played[..., 10:] == 0).float().mean().item()
    assert 0.15 < lost < 0.45
