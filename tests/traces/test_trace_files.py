"""Files of traces: whole or not there, and read as if by an enemy."""

from __future__ import annotations

import io
import os
import pickle
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traces_under_test import example, written

from failure_api.errors import FailureApiError, InvalidArgumentError
from failure_api.traces import Trace, files
from helpers import assert_one_sentence

SMALL = example(agents=2, rounds=2)


def saved(path, trace=SMALL):
    trace.save(path)
    return path


def parts(trace=SMALL):
    """Returns the members of a saved trace as bytes."""
    buffer = io.BytesIO()
    arrays = {
        "version": np.int64(2),
        "agent_ids": np.array(trace.agent_ids),
        "lost": trace.lost,
        "capacity": trace.capacity,
        "delay": trace.delay,
        "noise": trace.noise,
        "round_duration": np.float64(trace.round_duration),
    }
    np.savez(buffer, **arrays)
    with zipfile.ZipFile(buffer) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path, members, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            archive.writestr(name, content)
    return path


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **options)
    return buffer.getvalue()


def header(shape, dtype, by_columns=False):
    buffer = io.BytesIO()
    about = {"descr": dtype, "fortran_order": by_columns, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, about)
    return buffer.getvalue()


def names_in(folder):
    return [path.name for path in folder.iterdir()]


def refused(path, *words, **options):
    with pytest.raises(InvalidArgumentError) as caught:
        Trace.load(path, **options)
    assert_one_sentence(caught.value, *words)
    return str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"lost": None},
        {"capacity": None},
        {"delay": None},
        {"noise": None, "round_duration": None},
        {"agent_ids": (0, 7, -3)},
        {"agent_ids": ("", "ünï", "\ud800")},
    ],
)
def test_what_is_saved_is_loaded(tmp_path, change):
    trace = example(**change)
    loaded = Trace.load(saved(tmp_path / "trace.npz", trace))
    assert loaded == trace
    assert [type(agent) for agent in loaded.agent_ids] == [type(a) for a in trace.agent_ids]
    for name, dtype in (("lost", np.bool_), ("capacity", np.float32)):
        array = getattr(loaded, name)
        assert array is None or (array.dtype == dtype and array.flags.owndata)


def test_numpy_reads_the_file_as_the_documents_say(tmp_path):
    with np.load(saved(tmp_path / "trace.npz"), allow_pickle=False) as arrays:
        assert {f"{name}.npy" for name in arrays} == set(parts())
        np.testing.assert_array_equal(arrays["lost"], SMALL.lost)
        np.testing.assert_array_equal(arrays["capacity"], SMALL.capacity)
        assert arrays["agent_ids"].tolist() == ["agent_0", "agent_1"]
        assert arrays["version"] == 2


def test_a_file_may_be_stored_by_columns_and_with_the_other_byte_order(tmp_path):
    members = parts()
    members["capacity.npy"] = npy(np.asfortranarray(SMALL.capacity))
    members["noise.npy"] = npy(SMALL.noise.astype(">f4"))
    assert Trace.load(packed(tmp_path / "trace.npz", members)) == SMALL


def test_a_new_trace_replaces_the_old_one_under_the_same_name(tmp_path):
    path = saved(tmp_path / "trace", example())
    saved(path, SMALL)
    assert Trace.load(str(path)) == SMALL
    assert names_in(tmp_path) == ["trace"]


def test_an_interrupted_save_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = saved(tmp_path / "trace.npz")

    def interrupted(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez_compressed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        example().save(path)
    assert Trace.load(path) == SMALL
    assert names_in(tmp_path) == ["trace.npz"]


@pytest.mark.parametrize("place", ["missing/trace.npz", ".", "nul\0", "x" * 300, "file/trace.npz"])
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, place):
    written(tmp_path / "file", "")
    with pytest.raises(InvalidArgumentError) as caught:
        SMALL.save(tmp_path / place)
    assert_one_sentence(caught.value, "path must be a file in a folder")
    assert names_in(tmp_path) == ["file"]


def test_a_read_only_place_is_refused(tmp_path, monkeypatch):
    def denied(self, *arguments, **options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(InvalidArgumentError) as caught:
        SMALL.save(tmp_path / "trace.npz")
    assert_one_sentence(caught.value, "permission denied")


@pytest.mark.parametrize("path", [None, 3, b"\xff", ["a"]])
def test_what_is_no_name_is_refused(path):
    for act in (Trace.load, SMALL.save):
        with pytest.raises(InvalidArgumentError) as caught:
            act(path)
        assert_one_sentence(caught.value, "path")


def test_a_missing_file_and_what_is_no_file_are_refused(tmp_path):
    refused(tmp_path / "none.npz", "none.npz", "does not exist")
    refused(tmp_path, "is none")
    refused("nul\0", "does not exist")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused(pipe, "is none")


def test_other_files_are_refused(tmp_path):
    for content in (b"", b"hello", pickle.dumps([1]), npy(np.zeros(3)), b"PK\5\6" + b"\0" * 18):
        refused(written(tmp_path / "other.npz", content), "other.npz", "must be a whole trace")


def test_every_truncation_is_refused(tmp_path):
    whole = saved(tmp_path / "trace.npz").read_bytes()
    for length in range(len(whole)):
        refused(written(tmp_path / "short.npz", whole[:length]), "short.npz")


@pytest.mark.parametrize("name", ["version", "agent_ids"])
def test_a_missing_array_is_named(tmp_path, name):
    members = parts()
    del members[f"{name}.npy"]
    refused(packed(tmp_path / "trace.npz", members), f"lacks {name}")


@pytest.mark.parametrize("name", ["../../evil.npy", "/etc/passwd", "extra.npy", "capacity"])
def test_further_members_are_refused_and_never_unpacked(tmp_path, name):
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    refused(packed(folder / "trace.npz", {**parts(), name: b"x"}), repr(name))
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["trace.npz"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_array_that_is_there_twice_is_refused(tmp_path):
    members = [*parts().items(), ("delay.npy", parts()["delay.npy"])]
    refused(packed(tmp_path / "trace.npz", members), "delay twice")


WRONG_ARRAYS = {
    "loss": ("lost", np.zeros((2, 2, 2), np.float32)),
    "shares": ("lost", np.zeros((2, 2, 2), np.int8)),
    "other loss": ("lost", np.zeros((2, 3, 3), bool)),
    "object": ("capacity", np.full((2, 2, 2), None)),
    "record": ("capacity", np.zeros((2, 2, 2), dtype=[("x", "f4")])),
    "double": ("capacity", np.zeros((2, 2, 2))),
    "text": ("capacity", np.full((2, 2, 2), "1")),
    "flat": ("capacity", np.zeros(8, np.float32)),
    "none": ("capacity", np.zeros((0, 2, 2), np.float32)),
    "not square": ("capacity", np.zeros((2, 2, 3), np.float32)),
    "other team": ("capacity", np.zeros((2, 3, 3), np.float32)),
    "nan": ("capacity", np.full((2, 2, 2), np.nan, np.float32)),
    "negative": ("capacity", np.full((2, 2, 2), -1, np.float32)),
    "long": ("delay", np.full((2, 2, 2), 2**31 - 1, np.int32)),
    "wide delay": ("delay", np.zeros((2, 2, 2), np.int64)),
    "other length": ("delay", np.zeros((3, 2, 2), np.int32)),
    "negative delay": ("delay", np.full((2, 2, 2), -1, np.int32)),
    "nan noise": ("noise", np.full((2, 2, 2), np.nan, np.float32)),
    "twice": ("agent_ids", np.array(["a", "a"])),
    "nobody": ("agent_ids", np.array([], dtype="<U1")),
    "bytes": ("agent_ids", np.array([b"a", b"b"])),
    "fractions": ("agent_ids", np.array([0.5, 1.5])),
    "objects": ("agent_ids", np.array(["a", 1], dtype=object)),
    "beyond Unicode": ("agent_ids", np.array([2**31, 1], np.uint32).view("<U1")),
    "pair": ("round_duration", np.array([1.0, 2.0])),
    "no time": ("round_duration", np.float64(0)),
    "newer": ("version", np.int64(3)),
    "older": ("version", np.int64(1)),
    "no version yet": ("version", np.int64(0)),
    "no version": ("version", np.str_("2")),
}


@pytest.mark.parametrize(("name", "array"), WRONG_ARRAYS.values(), ids=WRONG_ARRAYS)
def test_an_array_that_belongs_to_no_trace_is_refused(tmp_path, name, array):
    members = {**parts(), f"{name}.npy": npy(array)}
    wanted = "lost" if name == "agent_ids" and len(array) == 0 else name
    text = refused(packed(tmp_path / "trace.npz", members), "trace.npz")
    assert wanted in text or name in text


def test_arrays_of_different_lengths_are_refused(tmp_path):
    longer = {**parts(), "lost.npy": npy(np.zeros((3, 2, 2), bool))}
    refused(packed(tmp_path / "trace.npz", longer), "capacity must be an array [3, 2, 2]")


def test_a_file_that_tells_neither_losses_nor_capacities_is_refused(tmp_path):
    members = parts()
    del members["lost.npy"], members["capacity.npy"]
    refused(packed(tmp_path / "trace.npz", members), "lost must be given where there is no capac")


def older(path, bandwidth, **further):
    """Writes a file as version 1 had them: one bandwidth for both."""
    arrays = {"version": np.int64(1), "agent_ids": np.array(["a", "b"])}
    if bandwidth is not None:
        arrays["bandwidth"] = np.asarray(bandwidth, np.float32)
    np.savez_compressed(path, **arrays, **further)
    return path


def test_in_files_of_version_1_a_bandwidth_of_0_is_lost_and_the_rest_is_capacity(tmp_path):
    bandwidth = [[[1, 0], [0.25, 1]], [[1, 4], [1, 1]], [[1, 1], [0, 1]]]
    delay = np.arange(12, dtype=np.int32).reshape(3, 2, 2)
    noise = np.full((3, 2, 2), 0.5, np.float32)
    path = older(
        tmp_path / "old.npz", bandwidth, delay=delay, noise=noise, round_duration=np.float64(0.1)
    )
    trace = Trace.load(path)
    assert trace.lost[:, 0, 1].tolist() == [True, False, False]
    assert trace.lost[:, 1, 0].tolist() == [False, False, True]
    # Where it was 0 nothing else is known of it.
    assert trace.capacity[:, 0, 1].tolist() == [np.inf, 4, 1]
    assert trace.capacity[:, 1, 0].tolist() == [0.25, 1, np.inf]
    assert trace.delay[:, 0, 1].tolist() == [1, 5, 9]
    assert (trace.agent_ids, trace.round_duration) == (("a", "b"), 0.1)
    assert trace.noise[0, 0, 1] == 0.5
    again = saved(tmp_path / "new.npz", trace)
    assert Trace.load(again) == trace
    with np.load(again) as arrays:
        assert arrays["version"] == 2
        assert "bandwidth" not in arrays


def test_in_files_of_version_1_that_know_but_up_and_down_there_is_no_capacity(tmp_path):
    trace = Trace.load(older(tmp_path / "old.npz", [[[1, 0], [1, 1]]]))
    assert trace == Trace(agent_ids=("a", "b"), lost=[[[0, 1], [0, 0]]])
    assert trace.capacity is None


def test_a_file_of_one_version_with_the_arrays_of_the_other_is_refused(tmp_path):
    nothing = np.zeros((1, 2, 2), bool)
    refused(older(tmp_path / "old.npz", None, lost=nothing), "version 1 must have bandwidth")
    refused(older(tmp_path / "old.npz", None), "version 1 must have bandwidth")
    new = {**parts(), "bandwidth.npy": npy(np.ones((2, 2, 2), np.float32))}
    refused(packed(tmp_path / "new.npz", new), "version 2 must have lost and capacity")


@pytest.mark.parametrize("wrong", [-1.0, np.nan])
def test_a_bandwidth_of_version_1_that_is_none_is_refused(tmp_path, wrong):
    path = older(tmp_path / "old.npz", [[[1, wrong], [1, 1]]])
    refused(path, "capacity[0, 0, 1]", str(wrong))


class Trap:
    """Says that it has been unpickled."""

    sprung = False

    def __reduce__(self):
        return setattr, (Trap, "sprung", True)


def test_nothing_is_ever_unpickled(tmp_path):
    array = np.empty((2, 2, 2), dtype=object)
    array[...] = Trap()
    for name in ("capacity.npy", "agent_ids.npy", "further.npy"):
        members = {**parts(), name: npy(array, allow_pickle=True)}
        refused(packed(tmp_path / "trace.npz", members))
        refused(packed(tmp_path / "trace.npz", {**parts(), name: pickle.dumps(Trap())}))
    assert not Trap.sprung


def test_a_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked(tmp_path):
    huge = (2**16, 2**10, 2**10)
    members = {**parts(), "capacity.npy": header(huge, "<f4") + bytes(2**26)}
    path = packed(tmp_path / "bomb.npz", members)
    assert path.stat().st_size < 2**18
    tracemalloc.start()
    refused(path, "more than the allowed memory", str(huge[0]), "most_bytes")
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


def test_the_limit_holds_for_all_arrays_together(tmp_path):
    path = saved(tmp_path / "trace.npz")
    taken = 3 * SMALL.capacity.nbytes + SMALL.lost.nbytes + 8 + 8 + 4 * 2 * len("agent_0")
    assert Trace.load(path, most_bytes=taken) == SMALL
    refused(path, "more than the allowed memory", most_bytes=taken - 1)


@pytest.mark.parametrize("shape", [(-1, 2, 2), (2**70, 2, 2), (2, 2, 2**62)])
def test_impossible_shapes_are_refused(tmp_path, shape):
    members = {**parts(), "capacity.npy": header(shape, "<f4")}
    refused(packed(tmp_path / "trace.npz", members), "capacity")


def test_what_holds_less_or_more_than_it_says_is_refused(tmp_path):
    members = parts()
    content = members["capacity.npy"]
    members["capacity.npy"] = content[:-1]
    refused(packed(tmp_path / "trace.npz", members), "capacity is cut short")
    members["capacity.npy"] = content + b"\0"
    refused(packed(tmp_path / "trace.npz", members), "capacity holds more")


def test_sizes_that_lie_are_no_way_around_the_limit(tmp_path):
    """The directory of the zip says that a member is small, and its stream is not."""
    members = {name: parts()[name] for name in ("version.npy", "agent_ids.npy")}
    members["capacity.npy"] = npy(np.ones((999, 2, 2), np.float32))
    path = packed(tmp_path / "trace.npz", members)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("capacity.npy").file_size
    assert whole.count(size.to_bytes(4, "little")) == 2
    lying = whole.replace(size.to_bytes(4, "little"), (160).to_bytes(4, "little"))
    refused(written(path, lying), "capacity")
    lying = whole.replace(size.to_bytes(4, "little"), (2**31).to_bytes(4, "little"))
    assert Trace.load(written(path, lying)).rounds == 999


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_compressions_are_refused(tmp_path, method):
    refused(packed(tmp_path / "trace.npz", parts(), method), "compressed in another way")


def test_a_damaged_sum_is_found(tmp_path):
    path = packed(tmp_path / "trace.npz", parts(), zipfile.ZIP_STORED)
    whole = path.read_bytes()
    place = whole.index(SMALL.capacity.tobytes())
    refused(written(path, whole[:place] + b"\7" + whole[place + 1 :]), "bad crc-32")


@given(
    st.lists(st.tuples(st.integers(0, 2**20), st.integers(1, 255)), min_size=1, max_size=8),
    st.one_of(st.none(), st.integers(0, 2**20)),
    st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_a_damaged_file_is_a_valid_trace_or_refused(tmp_path_factory, flips, cut, method):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    content = bytearray(packed(path, parts(), method).read_bytes())
    for place, change in flips:
        content[place % len(content)] ^= change
    if cut is not None:
        del content[cut % len(content) :]
    try:
        trace = Trace.load(written(path, bytes(content)))
    except FailureApiError:
        return
    assert trace == SMALL or trace in OPTIONAL_LOST


OPTIONAL_LOST = [
    example(agents=2, rounds=2, **{name: None}) for name in ("lost", "capacity", "delay", "noise")
]


@given(st.binary(max_size=200), st.sampled_from(sorted(parts())))
def test_a_damaged_array_is_refused(tmp_path_factory, garbage, name):
    """With a right checksum, so that what is read is garbage."""
    path = tmp_path_factory.getbasetemp() / "garbage.npz"
    magic = np.lib.format.magic(1, 0)
    for content in (garbage, magic + garbage, magic + b"\x76\0" + b"{" * 118 + garbage):
        with pytest.raises(FailureApiError):
            Trace.load(packed(path, {**parts(), name: content}))


def test_the_stated_limit_is_the_default():
    assert files.MOST_BYTES == 2**30


def test_many_names_in_a_small_file_take_no_time_and_memory(tmp_path):
    members = parts() | {"agent_ids.npy": npy(np.zeros(2**22, dtype=np.int64))}
    path = packed(tmp_path / "names.npz", members)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        refused(path, "agent_ids must be as many", str(2**22))
        # The array itself, and no list of its entries.
        assert tracemalloc.get_traced_memory()[1] < 3 * 8 * 2**22
    finally:
        tracemalloc.stop()


def test_a_header_that_claims_gigabytes_is_not_read(tmp_path):
    huge = b"\x93NUMPY\x02\x00" + (2**32 - 1).to_bytes(4, "little") + b"{" * 2**24
    path = packed(tmp_path / "header.npz", parts() | {"capacity.npy": huge})
    tracemalloc.start()
    try:
        refused(path, "capacity has another format")
        assert tracemalloc.get_traced_memory()[1] < 2**22
    finally:
        tracemalloc.stop()
