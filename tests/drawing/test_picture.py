"""Pictures as files: images that can be read, and that show something."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib import image

from failure_api.communication_models import Chain, DelayBasedModel, ProbabilisticModel
from failure_api.drawing import draw
from failure_api.drawing.rounds import play_links
from failure_api.errors import InvalidArgumentError
from helpers import assert_one_sentence
from models_under_test import EXAMPLES

NOTHING, LATE, CURRENT = (0xB2, 0x40, 0x2F), (0xF2, 0xB1, 0x34), (0xD7, 0xE6, 0xEE)


def pixels(path):
    """Returns the colours of a picture, `[height, width, 3]` from 0 to 255."""
    return np.rint(image.imread(path)[..., :3] * 255).astype(int)


def drawn(model, directory, **options):
    path = directory / "picture.png"
    draw(model, path, **options)
    return pixels(path)


def count(picture, colour):
    return int((picture == colour).all(axis=-1).sum())


# The other models' rounds are drawn in characters; a picture takes most of a second.
@pytest.mark.sampled(1)
@pytest.mark.parametrize(
    "name", ["bandwidth", "chain", "jamming", "matrix", "signal_based", "bit_flip", "stuck"]
)
def test_a_picture_is_an_image_of_many_colours_with_nothing_cut_off(name, tmp_path):
    picture = drawn(EXAMPLES[name], tmp_path)
    height, width, _ = picture.shape
    assert width == 1080
    assert height > 500
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20
    for edge in (picture[0], picture[-1], picture[:, 0]):
        assert (edge == 255).all()


@pytest.mark.parametrize(
    "model",
    [
        ProbabilisticModel(failure_prob=0.3),
        DelayBasedModel(min_delay=0, max_delay=3),
    ],
    ids=["loss", "delay"],
)
def test_the_colours_cover_the_shares_of_the_links(model, tmp_path):
    picture = drawn(model, tmp_path)
    counts = np.array([count(picture, colour) for colour in (NOTHING, LATE, CURRENT)])
    assert counts / counts.sum() == pytest.approx(play_links(model).shares, abs=0.01)


def test_the_same_seed_draws_the_same_picture(tmp_path):
    model = ProbabilisticModel(failure_prob=0.5)
    first = drawn(model, tmp_path)
    np.testing.assert_array_equal(first, drawn(model, tmp_path))
    assert (first != drawn(model, tmp_path, seed=1)).any()


def test_drawing_needs_no_window_and_leaves_no_figure_behind(tmp_path, monkeypatch):
    from matplotlib import pyplot

    monkeypatch.delenv("DISPLAY", raising=False)
    before = pyplot.get_fignums()
    drawn(ProbabilisticModel(failure_prob=0.5), tmp_path)
    assert pyplot.get_fignums() == before


def test_names_that_look_like_formulas_are_shown_as_they_are(tmp_path):
    drawn(Chain(models={"$x_{$": ProbabilisticModel(failure_prob=0.5)}), tmp_path)


def test_a_model_with_a_long_text_leaves_room_for_the_links(tmp_path):
    picture = drawn(Chain(models=[ProbabilisticModel(failure_prob=1)] * 50), tmp_path)
    assert count(picture, NOTHING) > 0.3 * picture[..., 0].size


@pytest.mark.parametrize("ending", ["svg", "jpg"])
def test_the_ending_says_the_format(ending, tmp_path):
    path = tmp_path / f"picture.{ending}"
    draw(ProbabilisticModel(failure_prob=0.5), path)
    start = {"svg": b"<?xml", "jpg": b"\xff\xd8\xff"}[ending]
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("missing/picture.png", "(no such file or directory)"),
        ("picture.txt", "(format 'txt' is not supported"),
        ("picture", "must end in the format of an image"),
        ("folder.png", "(is a directory)"),
    ],
)
def test_a_file_that_cannot_be_written(name, holds, tmp_path):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InvalidArgumentError) as caught:
        draw(ProbabilisticModel(failure_prob=0.5), tmp_path / name)
    assert_one_sentence(caught.value, "path must", holds, name)
    assert [path.name for path in tmp_path.iterdir()] == ["folder.png"]


def test_only_models_are_drawn(tmp_path):
    with pytest.raises(InvalidArgumentError) as caught:
        draw("chain", tmp_path / "picture.png")
    assert_one_sentence(caught.value, "model must be a failure model or a noise model", "'chain'")
