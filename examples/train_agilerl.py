"""AgileRL's IPPO in two processes, on a team whose links get worse as it learns."""

from agilerl.algorithms import IPPO
from agilerl.training.train_multi_agent_on_policy import train_multi_agent_on_policy
from agilerl.vector.pz_async_vec_env import AsyncPettingZooVecEnv
from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapperParallel, GilbertElliottModel, ScheduledModel


def make_env():
    env = simple_spread_v3.parallel_env(N=3)
    links = ScheduledModel(model=GilbertElliottModel(p=0.2, r=0.3))
    return CommunicationWrapperParallel(env, failure_models=links)


if __name__ == "__main__":
    env = AsyncPettingZooVecEnv([make_env, make_env])
    agents = env.possible_agents
    team = IPPO(
        observation_spaces=[env.single_observation_space(agent) for agent in agents],
        action_spaces=[env.single_action_space(agent) for agent in agents],
        agent_ids=agents,
        learn_step=200,
        lr=1e-3,
    )
    env.reset(seed=0)
    for severity in (0.0, 0.5, 1.0):
        env.call("set_severity", severity)
        train_multi_agent_on_policy(
            env,
            "simple_spread",
            "IPPO",
            [team],
            max_steps=team.steps[-1] + 1200,
            evo_steps=1200,
            eval_loop=5,
            verbose=False,
        )
        print(f"severity {severity}: mean return of the team {team.fitness[-1]:.1f}")
    env.close()
