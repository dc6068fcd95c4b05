"""One step of simple_spread as BenchMARL collects it, with a policy of its own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from functools import partial

from trainer_steps import Step, at_once


def collecting(wrapped: bool) -> Step:
    from benchmarl.algorithms import MappoConfig
    from benchmarl.experiment import Experiment, ExperimentConfig
    from benchmarl.models.mlp import MlpConfig

    from failure_api.integrations.benchmarl import CommunicationTask

    config = ExperimentConfig.get_from_yaml()
    config.max_n_frames, config.max_n_iters = None, 10**9
    config.on_policy_n_envs_per_worker, config.on_policy_collected_frames_per_batch = 1, 1
    config.on_policy_minibatch_size = 1
    config.evaluation, config.loggers = False, []
    config.save_folder = tempfile.mkdtemp()
    network = MlpConfig.get_from_yaml()
    network.num_cells = [64, 64]
    experiment = Experiment(
        task=CommunicationTask(partial(at_once, wrapped), max_steps=25),
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=network,
        critic_model_config=network,
        seed=0,
        config=config,
    )
    batches = iter(experiment.collector)
    return lambda: next(batches)


STEPS: dict[str, Callable[[bool], Step]] = {"BenchMARL, collecting": collecting}
PACKAGES = ("torch", "benchmarl", "torchrl")
