"""Three robustness curves: range, bursts and delay."""

from field import Field, gather

from failure_api.evaluation import sweep


def positions(env):
    return env.unwrapped.where


def segments(env):
    found = {agent: {} for agent in env.possible_agents}
    for agent, heard in found.items():
        for i, other in enumerate((a for a in found if a != agent), start=1):
            heard[other] = slice(2 * i, 2 * i + 2)
    return found


DELAYS = {"zip": [0, 2, 4]}
FAILURES = {
    "range": {"model": "distance", "distance_threshold": {"grid": [3, 1, 0.5]}},
    "bursts": {"model": "gilbert_elliott", "loss": {"grid": "0:0.8:0.4"}, "burst": 5},
    "delay": {"model": "delay_based", "min_delay": DELAYS, "max_delay": DELAYS},
}

if __name__ == "__main__":
    for name, model in FAILURES.items():
        asked = {"environment": Field, "positions": positions, "segments": segments}
        table = sweep({**asked, "policies": gather, "failure_models": model, "episodes": 10}, name)
        print(table[["severity", "mean", "delivery_ratio", "mean_age"]].round(2))
