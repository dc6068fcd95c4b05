"""A sweep from Python, over values that are no numbers."""

from failure_api import GilbertElliottModel
from failure_api.evaluation import sweep

bursts = [
    GilbertElliottModel.from_loss_and_burst(loss=0.3, mean_burst_length=length)
    for length in (2, 5, 10)
]
table = sweep(
    {
        "environment": "mpe2.simple_spread_v3",
        "policies": "assignment",
        "failure_models": [{"grid": bursts}],
        "episodes": 10,
    }
)
print(table[["failure_models[0]", "mean", "drop", "drop_low", "drop_high"]].to_string())
