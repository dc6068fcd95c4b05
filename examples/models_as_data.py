"""Models as plain data, and from a line of tc-netem."""

from mpe2 import simple_spread_v3

from failure_api import CommunicationWrapperParallel
from failure_api.catalogue import from_yaml
from failure_api.presets import netem

models = from_yaml("""
failure_models:
  - {model: gilbert_elliott, p: 0.05, r: 0.25}
  - {model: signal_based, fading: rayleigh, metres_per_unit: 100}
noise_models:
  - {noise: gaussian_noise, standard_deviation: 0.05}
""")
models["failure_models"] += netem("delay 100ms 20ms loss 2%", round_duration=0.1)

env = CommunicationWrapperParallel(simple_spread_v3.parallel_env(), **models)
observations, infos = env.reset(seed=42)
