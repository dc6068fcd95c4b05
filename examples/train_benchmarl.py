"""BenchMARL's MAPPO on a team whose links fail more in every iteration."""

import tempfile

from benchmarl.algorithms import MappoConfig
from benchmarl.experiment import Callback, Experiment, ExperimentConfig
from benchmarl.models.mlp import MlpConfig
from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, ScheduledModel
from failure_api.integrations.benchmarl import CommunicationTask

ITERATIONS, FRAMES = 8, 1000


def make():
    links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.3))
    return CommunicationWrapperParallel(simple_spread_v3.parallel_env(N=3), failure_models=links)


class Curriculum(Callback):
    """Makes failures severer after each iteration, and says what the team earned."""

    def on_setup(self):
        self.severities = [number / (ITERATIONS - 1) for number in range(ITERATIONS)]
        self.experiment.collector.env.set_severity(self.severities[0])

    def on_batch_collected(self, batch):
        ended = batch["next", "done"].squeeze(-1)
        returns = batch["next", "agent", "episode_reward"][ended]
        print(f"severity {self.severities.pop(0):.1f}: mean return {returns.mean():.1f}")
        # After the last batch the environments are closed.
        if self.severities:
            self.experiment.collector.env.set_severity(self.severities[0])


if __name__ == "__main__":
    config = ExperimentConfig.get_from_yaml()
    config.max_n_iters, config.max_n_frames = ITERATIONS, None
    config.on_policy_n_envs_per_worker, config.on_policy_collected_frames_per_batch = 4, FRAMES
    config.on_policy_minibatch_size, config.on_policy_n_minibatch_iters = 200, 8
    config.lr, config.gamma = 1e-3, 0.9
    config.evaluation, config.loggers = False, []
    config.save_folder = tempfile.mkdtemp()
    network = MlpConfig.get_from_yaml()
    network.num_cells = [64, 64]
    experiment = Experiment(
        task=CommunicationTask(make, max_steps=25),
        algorithm_config=MappoConfig.get_from_yaml(),
        model_config=network,
        critic_model_config=network,
        seed=0,
        config=config,
        callbacks=[Curriculum()],
    )
    experiment.run()
