"""What longer bursts cost, at the same share of lost messages."""

from failure_api.evaluation import sweep

table = sweep(
    {
        "environment": "mpe2.simple_spread_v3",
        "policies": "assignment",
        "failure_models": {"model": "gilbert_elliott", "loss": 0.3, "burst": {"grid": [2, 5, 10]}},
        "episodes": 10,
    }
)
print(table[["severity", "mean", "drop", "drop_low", "drop_high"]].to_string())
