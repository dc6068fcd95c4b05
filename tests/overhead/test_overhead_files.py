"""What is left on disk."""

from __future__ import annotations

import cProfile
import csv
import json
import pstats
from dataclasses import replace
from pathlib import Path

import matplotlib.image
import pytest

from failure_api.errors import FailureApiError
from failure_api.machine import describe_machine, list_versions, version_of
from failure_api.overhead import OverheadResult, OverheadRow, SideCost, picture
from failure_api.overhead.files import prepare, write_profile, write_result
from failure_api.overhead.result import FURTHER_COLUMNS, SEED_COLUMNS

NOTEBOOK = Path(__file__).parents[1] / "seed" / "performance_overhead.txt"


def side(milliseconds):
    return SideCost(
        time_ms=milliseconds,
        time_std_ms=0.5,
        steps_per_second=1000 / milliseconds,
        cpu_percent=99.0,
        memory_mb=milliseconds / 2,
        memory_std_mb=0.25,
        memory_peak_mb=3.0,
        collector_counts=(7, 0, 0),
    )


def row(agents=3):
    return OverheadRow(
        agents=agents,
        bare=side(2.0),
        wrapped=side(3.0),
        overhead_percent=50.0,
        interval_percent=(48.0, 51.0),
        steps=500,
    )


@pytest.fixture
def result():
    return OverheadResult(
        rows=(row(3), row(10)),
        protocol="paired",
        arguments={
            "environment": "mpe2.simple_spread_v3",
            "api": "aec",
            "episodes": 20,
            "cycles": 25,
            "failure_prob": 0.5,
        },
        versions=list_versions("mpe2.simple_spread_v3"),
        machine=describe_machine(),
    )


def read_table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_those_that_the_notebook_printed():
    lines = NOTEBOOK.read_text(encoding="utf-8").splitlines()
    printed = next(line for line in lines if line.startswith(" N  baseline_time_ms"))
    assert " ".join(SEED_COLUMNS).split() == printed.split()


def test_the_table_begins_with_the_notebook_s_columns(result, tmp_path):
    write_result(result, tmp_path)
    table = read_table(tmp_path / "overhead.csv")
    assert tuple(table[0]) == (*SEED_COLUMNS, *FURTHER_COLUMNS)
    assert [line["N"] for line in table] == ["3", "10"]
    assert table[0]["baseline_time_ms"] == "2.0"
    assert table[0]["api_time_ms"] == "3.0"
    assert table[0]["% overhead"] == "50.0"
    assert table[0]["api_fps"] == str(1000 / 3)
    assert table[0]["baseline_gc"] == "[7, 0, 0]"
    assert table[0]["% overhead high"] == "51.0"
    assert table[0]["added_mem_MB"] == "0.5"


def test_the_record_holds_rows_versions_and_machine(result, tmp_path):
    write_result(result, tmp_path)
    record = json.loads((tmp_path / "overhead.json").read_text())
    assert record["protocol"] == "paired"
    assert record["arguments"]["environment"] == "mpe2.simple_spread_v3"
    assert record["versions"]["mpe2"][0].isdigit()
    assert set(record["machine"]) == {"processor", "cores", "platform"}
    assert record["rows"][1] == result.rows[1].columns()


def test_a_missing_interval_is_empty(result, tmp_path):
    lone = replace(result, rows=(replace(row(), interval_percent=None),))
    write_result(lone, tmp_path)
    assert read_table(tmp_path / "overhead.csv")[0]["% overhead low"] == ""
    assert json.loads((tmp_path / "overhead.json").read_text())["rows"][0]["% overhead low"] is None


def test_the_picture_shows_both_panels_with_their_units(result, tmp_path, monkeypatch):
    drawn = []

    class Figure(picture.Figure):
        def savefig(self, *args, **options):
            drawn.append(self)
            super().savefig(*args, **options)

    monkeypatch.setattr(picture, "Figure", Figure)
    write_result(result, tmp_path)
    height, width, _ = matplotlib.image.imread(tmp_path / "overhead.png").shape
    assert width > height > 500
    left, right = drawn[0].axes
    assert "mpe2.simple_spread_v3" in drawn[0].get_suptitle()
    assert "%" in left.get_ylabel()
    assert "ms" in right.get_ylabel()
    assert "N" in left.get_xlabel()
    assert left.get_ylim()[0] < 0 < left.get_ylim()[1]
    curves = {line.get_label(): list(line.get_ydata()) for line in right.lines}
    assert curves == {"bare": [2.0, 2.0], "wrapped": [3.0, 3.0]}
    (bars,) = left.containers
    ends = [list(segment[:, 1]) for segment in bars.lines[2][0].get_segments()]
    assert ends == [[48.0, 51.0]] * 2
    assert all(axes.get_legend() is not None for axes in (left, right))


def test_one_number_of_agents_can_be_drawn(result, tmp_path):
    write_result(replace(result, rows=(row(1),)), tmp_path)
    assert (tmp_path / "overhead.png").stat().st_size > 0


def test_a_file_is_replaced_whole_or_not_at_all(result, tmp_path, monkeypatch):
    write_result(result, tmp_path)
    before = (tmp_path / "overhead.png").read_bytes()

    def interrupted(result, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(picture, "draw_overhead", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_result(result, tmp_path)
    assert (tmp_path / "overhead.png").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {
        "overhead.csv",
        "overhead.json",
        "overhead.png",
    }


def test_the_profile_lists_thirty_functions_and_can_go_on(tmp_path):
    profiler = cProfile.Profile()
    for _ in range(2):
        profiler.enable()
        json.dumps(json.loads("[1, 2, {}]"), indent=2)
        [pytest.approx(1) == 1 for _ in range(3)]
        profiler.disable()
        text = write_profile(profiler, tmp_path)
    assert text == (tmp_path / "overhead_profile.txt").read_text()
    assert "Ordered by: cumulative time" in text
    assert "due to restriction <30>" in text
    loads = [
        value[0]
        for key, value in pstats.Stats(str(tmp_path / "overhead.prof")).stats.items()
        if key[2] == "loads"
    ]
    assert loads == [2]


def test_a_directory_is_made_beforehand(tmp_path):
    prepare(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_place_that_cannot_be_written_to_is_refused(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(
        FailureApiError, match=r"^output must be a directory .* name another one\.$"
    ):
        prepare(tmp_path / "taken")


def test_matplotlib_missing_is_said_beforehand(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(FailureApiError, match=r"matplotlib.*failure-api\[cli\]"):
        prepare(tmp_path)


def test_a_package_that_was_never_installed_has_no_version():
    assert version_of("no_such_package") == "unknown"
    assert version_of("numpy")[0].isdigit()
