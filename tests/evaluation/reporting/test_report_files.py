"""The files of a report, and the picture for a paper."""

from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.image
import pytest
from made_results import SCENARIOS, make_results, scenarios

from failure_api.errors import MissingDependencyError
from failure_api.evaluation.reporting import write_report
from failure_api.evaluation.reporting.curves import curves_of
from failure_api.evaluation.reporting.figure import draw_curves
from failure_api.evaluation.reporting.plot import plot_of

FILES = ["report.html", "report.md", "curves.png", "curves.svg"]
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def results():
    return make_results()


def picture(results, form="svg"):
    return draw_curves(results, curves_of(results), form)


def texts(results):
    tree = ElementTree.fromstring(picture(results))
    return ["".join(text.itertext()) for text in tree.iter(f"{SVG}text")]


def test_the_same_results_give_the_same_bytes(results, tmp_path):
    written = [write_report(results, tmp_path / name) for name in ("one", "other")]
    assert [path.name for path in written[0]] == FILES
    for one, other in zip(*written, strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == sorted(FILES)


@pytest.mark.parametrize("finite", [0, 1])
def test_a_sweep_whose_later_episodes_all_failed_has_a_page(tmp_path, finite):
    made = make_results(policies=["p"], missing=["zero"], severities=(0.0, 0.5), episodes=4)
    cells, curves = made.cells.copy(), made.curves.copy()
    numbers = [name for name in cells if name not in ("policy", "missing", "severity")]
    cells.loc[1 + finite :, numbers] = math.nan
    # The middle of it is unknown where the episodes that were drawn again do break.
    curves.loc[0, ["area", "breaking_point", "breaking_point_low"]] = math.nan
    curves.loc[0, "breaking_point_high"] = math.inf
    page, *_ = write_report(replace(made, cells=cells, curves=curves), tmp_path)
    assert page.read_text(encoding="utf-8").endswith("</html>\n")


def test_what_is_drawn_holds_no_number_that_json_lacks():
    made = make_results(policies=["p"], missing=["zero"], severities=(0.0, 0.5), episodes=4)
    cells = made.cells.copy()
    cells.loc[1, ["mean_high", "mean_age"]] = math.inf
    made = replace(made, cells=cells)
    assert json.dumps(plot_of(made, curves_of(made)), allow_nan=False)


def test_the_page_names_no_address_to_load(results, tmp_path):
    page, *_ = write_report(results, tmp_path)
    own = page.read_text(encoding="utf-8").partition("<script>")[0]
    assert "http://" not in own
    assert "https://" not in own
    assert "default-src 'none'" in own


def test_an_interruption_leaves_the_files_as_they_were(results, tmp_path, monkeypatch):
    write_report(results, tmp_path)
    before = {name: (tmp_path / name).read_bytes() for name in FILES}
    monkeypatch.setattr(Path, "write_bytes", lambda path, content: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_report(make_results(scale=2), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_that_cannot_be_is_refused(results, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        write_report(results, tmp_path / "file" / "inner")


@pytest.mark.parametrize("package", ["plotly", "matplotlib"])
def test_what_is_not_installed_is_named(results, tmp_path, monkeypatch, package):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Absent(package), *sys.meta_path])
    with pytest.raises(MissingDependencyError, match=f"needs {package}, which is not"):
        write_report(results, tmp_path / "report")
    assert not (tmp_path / "report").exists()


class Absent:
    """An importer that knows of a package that it is not there."""

    def __init__(self, package):
        self.package = package

    def find_spec(self, name, *_):
        if name.partition(".")[0] == self.package:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_importing_it_imports_nothing_optional():
    code = (
        "import sys, failure_api.evaluation.reporting; "
        "print({'matplotlib', 'plotly', 'pandas', 'yaml'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_drawing_leaves_matplotlib_as_it_was(results, tmp_path):
    before, plain = dict(mpl.rcParams), picture(results)
    assert dict(mpl.rcParams) == before
    with mpl.rc_context({"font.size": 30, "lines.linewidth": 9, "axes.facecolor": "red"}):
        assert picture(results) == plain
    code = (
        "import sys; from made_results import make_results; from pathlib import Path; "
        "from failure_api.evaluation.reporting import write_report; "
        "write_report(make_results(), Path(sys.argv[1])); print('matplotlib.pyplot' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    where = Path(__file__).parent
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_picture_is_a_column_wide_and_its_text_is_text(results):
    image = matplotlib.image.imread(io.BytesIO(picture(results, "png")))
    assert image.shape[1] == 3.5 * 300
    found = texts(results)
    for label in (
        "mean return (higher is better)",
        "failure_prob",
        "random, missing=hold",
        "perfect communication",
    ):
        assert label in found


def test_no_letter_of_the_picture_is_smaller_than_seven_points(results):
    tree = ElementTree.fromstring(picture(make_results(policies=[f"p{n}" for n in range(6)])))
    styles = [text.get("style", "") for text in tree.iter(f"{SVG}text")]
    sizes = [float(re.findall(r"font-size: ([\d.]+)px", style)[0]) for style in styles]
    assert len(sizes) > 20
    assert min(sizes) >= 7


def test_many_curves_are_all_told_apart():
    made = make_results(policies=[f"policy_{number}" for number in range(15)])
    marks = [curve.mark for curve in curves_of(made)]
    assert len({(mark.colour, mark.dash) for mark in marks}) == 30
    assert len({(mark.marker, mark.dash) for mark in marks}) == 30
    assert sum("policy_" in text for text in texts(made)) == 30


def test_names_that_matplotlib_would_read_are_drawn_as_they_are():
    names = ["_hidden", r"$\frac$ $x^2$", "团队 é", "<b>&"]
    found = texts(make_results(policies=names, severity=r"$p$_{x}"))
    for name in names:
        assert f"{name}, missing=zero" in found
    assert r"$p$_{x}" in found


def test_a_long_name_stays_within_the_picture():
    name = "a_policy_with_a_name_that_goes_on/" * 4
    tree = ElementTree.fromstring(picture(make_results(policies=[name])))
    assert float(tree.get("width", "").removesuffix("pt")) == pytest.approx(252)
    shown = next(text for text in texts(make_results(policies=[name])) if "…" in text)
    assert len(shown) == 46
    assert shown.endswith("missing=zero")


@pytest.mark.parametrize(
    "made",
    [
        make_results(severities=(0.5,)),
        make_results(severities=(100, 10, 1, 0.1), severity="range", scale=1e9),
        make_results(scale=1e-12),
        make_results(policies=["only"], missing=["zero"], severities=(1,)),
        make_results(episodes=1),
    ],
    ids=["one severity", "falling", "tiny", "one cell", "one episode"],
)
def test_unusual_results_are_written(made, tmp_path):
    assert all(path.stat().st_size > 1000 for path in write_report(made, tmp_path))


def test_cells_that_are_missing_or_without_a_number_leave_gaps(tmp_path):
    made = make_results()
    cells = made.cells.iloc[:-5].copy()
    cells.loc[::2, cells.columns[5:]] = math.nan
    write_report(replace(made, cells=cells), tmp_path)
    write_report(replace(made, cells=cells.iloc[:0]), tmp_path)
    assert curves_of(replace(made, cells=cells))[3].values("mean")[-5:] == pytest.approx(
        [math.nan] * 5, nan_ok=True
    )


def test_scenarios_are_points_with_bars_side_by_side():
    made = scenarios()
    drawn = plot_of(made, curves_of(made))
    traces = [trace for each in drawn["measures"] for trace in each["traces"]]
    assert not any("fill" in trace or trace["mode"] == "lines+markers" for trace in traces)
    own = [trace for trace in drawn["measures"][0]["traces"] if trace["mode"] == "markers"]
    assert len(own) == 4
    for trace in own:
        assert len(trace["x"]) == len(trace["error_y"]["array"]) == len(SCENARIOS)
        assert None not in trace["error_y"]["array"]
    # No two stand at the same spot, and each curve's scenario is nearest to its own label.
    assert len({x for trace in own for x in trace["x"]}) == 4 * len(SCENARIOS)
    assert all([round(x) for x in trace["x"]] == [1, 2, 3] for trace in own)
    assert drawn["x"]["ticktext"] == ["clear", "a field day", "bursts &amp;<br>&lt;jam&gt;"]


def test_the_picture_of_scenarios_has_neither_lines_nor_bands(results):
    made = scenarios()
    tree = ElementTree.fromstring(picture(made))
    groups = [(each.get("id", ""), each) for each in tree.iter(f"{SVG}g")]
    assert not any(name.startswith("FillBetween") for name, _ in groups)
    lines = [each for name, each in groups if name.startswith("line2d")]
    # A marker's path lies deeper than that of a line.
    styles = [path.get("style", "") for each in lines for path in each.findall(f"{SVG}path")]
    assert not any(curve.mark.colour in style for style in styles for curve in curves_of(results))
    assert set(SCENARIOS) <= set(texts(made))


def test_the_page_of_scenarios_says_nothing_of_breaking(results, tmp_path):
    own = []
    for made in (results, scenarios()):
        page, *_ = write_report(made, tmp_path)
        own.append(page.read_text(encoding="utf-8").partition("<script>")[0])
    assert "marks where a curve breaks" in own[0]
    assert "breaks" not in own[1].partition("<body>")[2]
    assert "Bars are 95" in own[1]
