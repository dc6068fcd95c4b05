"""Links and contexts are plain tuples: nothing is delayed or noisy unless a model says so."""

import numpy as np
import pytest

from failure_api.core import Links
from helpers import context_of


def test_links_are_neither_delayed_nor_noisy_by_default():
    links = Links(bandwidth=np.ones((2, 2), dtype=np.float32))
    assert links.delay is None
    assert links.noise is None


def test_links_and_contexts_cannot_be_written_to():
    with pytest.raises(AttributeError):
        Links(bandwidth=np.ones((2, 2), dtype=np.float32)).delay = 3
    with pytest.raises(AttributeError):
        context_of(2).round = 1


def test_the_first_axis_is_the_sender_in_what_a_channel_delivers():
    from failure_api.communication_models import MatrixModel
    from helpers import play

    played = play(MatrixModel(matrix=[[0, 1, 0], [0, 0, 0], [0, 0, 0]]))
    assert np.argwhere(played.arrived[0]).tolist() == [[0, 1]]
