"""The noise models, one family a file."""

from failure_api.core.noise import NoiseContext, NoiseModel
from failure_api.noise_models.additive import (
    GaussianNoiseModel,
    LaplacianNoiseModel,
    UniformNoiseModel,
)
from failure_api.noise_models.bit_flip import BitFlipModel
from failure_api.noise_models.byzantine import (
    Attack,
    ByzantineModel,
    FlipSign,
    SendConstant,
    SendRandom,
)
from failure_api.noise_models.custom import CustomNoise
from failure_api.noise_models.dropout import ElementDropoutModel
from failure_api.noise_models.quantization import QuantizationModel
from failure_api.noise_models.stuck import StuckModel

__all__ = [
    "Attack",
    "BitFlipModel",
    "ByzantineModel",
    "CustomNoise",
    "ElementDropoutModel",
    "FlipSign",
    "GaussianNoiseModel",
    "LaplacianNoiseModel",
    "NoiseContext",
    "NoiseModel",
    "QuantizationModel",
    "SendConstant",
    "SendRandom",
    "StuckModel",
    "UniformNoiseModel",
]
