"""What the sweeps of train_robust.py found, over training seeds: a table and a figure."""

from pathlib import Path

import pandas as pd
from matplotlib import pyplot as plt
from scipy import stats

from failure_api.evaluation import read_results

LABELS = {
    "perfect_zero": "trained with perfect links, zero where nothing arrives",
    "perfect_hold": "trained with perfect links, holds what it last heard",
    "failing_hold": "trained over failing links, holds, and knows the age",
}
AXES = {
    "loss": "messages lost, independently",
    "bursts": "messages lost, in bursts of 10 rounds",
    "delay": "greatest delay, in rounds",
    "range": "range, in half-widths of the arena",
}
RECOVERY = 0.1
"""How often a burst ends in a round, in the sweep over bursts."""


def networks(output: Path, seeds: int) -> pd.DataFrame:
    """Returns the mean return of each network at each severity.

    Args:
        output: Where the sweeps are: a folder for each failure, one for each team within it.
        seeds: Number of training seeds; an episode was played by that of its own seed.
    """
    tables = []
    for failure in AXES:
        for team in LABELS:
            episodes = read_results(output / failure / team).episodes
            failing = episodes[episodes["severity"].notna()]
            network = (failing["seed"] % seeds).rename("network")
            mean = failing.groupby(["severity", network])["return"].mean().reset_index()
            tables.append(mean.assign(failure=failure, team=team))
    return pd.concat(tables, ignore_index=True)


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Returns what each team gets under the mildest failure and on the average of each curve.

    A gain is that of the team that was trained over failing links, over the team of the row, with
    a 95 % interval over training seeds (Welch's t).
    """
    rows = []
    for failure in AXES:
        curves = {
            team: found[(found.failure == failure) & (found.team == team)].pivot(
                index="network", columns="severity", values="return"
            )
            for team in LABELS
        }
        mildest = max if failure == "range" else min
        ours = curves["failing_hold"]
        for team, curve in curves.items():
            row = {"failure": failure, "team": team}
            values = {
                "mildest": (ours[mildest(ours)], curve[mildest(curve)]),
                "area": (ours.mean(axis=1), curve.mean(axis=1)),
            }
            for name, (best, other) in values.items():
                gain = stats.ttest_ind(best, other, equal_var=False).confidence_interval()
                row[name] = other.mean()
                row[f"{name}_gain"] = best.mean() - other.mean()
                row[f"{name}_gain_low"], row[f"{name}_gain_high"] = gain.low, gain.high
            rows.append(row)
    return pd.DataFrame(rows)


def written(table: pd.DataFrame) -> str:
    """Returns the summary as the table of the documentation."""
    lines = ["| failure | team | mildest | area | gain in area |", "|---|---|---|---|---|"]
    for row in table.to_dict("records"):
        gain = (
            f"{row['area_gain']:+.1f} ({row['area_gain_low']:+.1f} to {row['area_gain_high']:+.1f})"
        )
        if row["team"] == "failing_hold":
            gain = ""
        lines.append(
            f"| {AXES[row['failure']]} | {LABELS[row['team']]} | {row['mildest']:.1f} "
            f"| {row['area']:.1f} | {gain} |"
        )
    return "\n".join(lines)


def drawn(found: pd.DataFrame, path: Path) -> None:
    """Draws the curves, with 95 % intervals over training seeds (Student's t)."""
    figure, all_axes = plt.subplots(1, 4, figsize=(11, 3.1), sharey=True, layout="constrained")
    colours = dict(zip(LABELS, ("#c2410c", "#b58900", "#0f766e"), strict=True))
    for axes, (failure, label) in zip(all_axes, AXES.items(), strict=True):
        for team, name in LABELS.items():
            chosen = found[(found.failure == failure) & (found.team == team)]
            groups = chosen.groupby("severity")["return"]
            mean, seeds = groups.mean(), groups.size().iloc[0]
            half = groups.sem() * stats.t.ppf(0.975, seeds - 1)
            x = mean.index.to_numpy()
            if failure == "bursts":
                x = x / (x + RECOVERY)
            axes.plot(x, mean, "o-", markersize=3, color=colours[team], label=name)
            axes.fill_between(x, mean - half, mean + half, color=colours[team], alpha=0.2, lw=0)
        axes.set_xlabel(label)
        axes.spines[["top", "right"]].set_visible(False)
        if failure == "range":
            axes.invert_xaxis()
    all_axes[0].set_ylabel("return of an agent")
    handles, names = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=3, frameon=False, fontsize=8)
    figure.savefig(path, dpi=160)
    plt.close(figure)
