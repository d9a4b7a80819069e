"""Pickled lists are read, programs in them are not run."""

from __future__ import annotations

import builtins
import os
import pickle
import subprocess
from pathlib import Path

import numpy
import pytest

from handful.data.formats.pickles import read_pickle
from handful.errors import DataError

PYTHON_2 = (
    b"\x80\x02}q\x01(U\x05imageq\x02U\x04\xe9.pgq\x03U\x05boxesq\x04cnumpy.core.multiarray\n"
    b"_reconstruct\nq\x05cnumpy\nndarray\nq\x06K\x00\x85U\x01bq\x07\x87q\x08Rq\t(K\x01K\x01K\x02"
    b"\x86cnumpy\ndtype\nq\nU\x02u2q\x0bK\x00K\x01\x87q\x0cRq\r(K\x03U\x01<q\x0eNNNJ\xff\xff\xff"
    b"\xffJ\xff\xff\xff\xffK\x00tq\x0fb\x89U\x04\x01\x00\x02\x01q\x10tq\x11bu."
)


def save(path: Path, content: object, protocol: int = 2) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, protocol))
    return path


@pytest.mark.parametrize("protocol", [0, 2, 4])
@pytest.mark.parametrize(
    "array",
    [
        numpy.arange(6).reshape(2, 3),
        numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3)),
        numpy.array([1.5, 2.5], ">f4"),
        numpy.array(["n01", "n022"]),
        numpy.array([b"ab", b"c"]),
        numpy.array([True, False]),
        numpy.array([[1], "two", None], dtype=object),
        numpy.zeros((0, 4), numpy.uint16),
    ],
    ids=lambda array: array.dtype.str,
)
def test_arrays_come_out_as_they_went_in(tmp_path, array, protocol):
    content = {"boxes": [array], "name": "x", "number": 3, "none": None}
    again = read_pickle(save(tmp_path / "a.pkl", content, protocol))
    assert again["boxes"][0].dtype == array.dtype.newbyteorder("=")
    assert again["boxes"][0].tolist() == array.tolist()
    assert (again["name"], again["number"], again["none"]) == ("x", 3, None)


def test_numpy_numbers_come_out(tmp_path):
    again = read_pickle(save(tmp_path / "a.pkl", [numpy.float32(1.5), numpy.int64(-7)]))
    assert again == [1.5, -7]


def test_what_python_2_wrote_is_read_as_latin_1(tmp_path):
    content = read_pickle(save(tmp_path / "a.pkl", PYTHON_2))
    assert content["image"] == "é.pg"
    assert content["boxes"].tolist() == [[1, 258]]


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call

    def __str__(self):
        return f"{self.call[0].__name__}{self.call[1]}"


RAN = "handful_hostile_pickle_ran"


@pytest.mark.parametrize(
    "content",
    [
        Calls(os.system, f"touch {RAN}"),
        Calls(builtins.eval, f"open('{RAN}', 'w')"),
        Calls(builtins.exec, f"open('{RAN}', 'w')"),
        Calls(builtins.getattr, "a", "upper"),
        Calls(subprocess.run, ["touch", RAN]),
        Calls(numpy.load, "a.npy"),
        Calls(pickle.loads, b""),
        Calls(bytearray, 10**12),
        {1, 2},
        Path("a"),
        numpy.dtype([("a", object)]),
        numpy.zeros(2, [("a", "i4")]),
        numpy.dtype("V8"),
    ],
    ids=str,
)
def test_anything_else_is_refused_and_nothing_runs(tmp_path, monkeypatch, content):
    path = save(tmp_path / "a.pkl", content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="damaged or wants to run code.*Download it again"):
        read_pickle(path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.pkl"]


def test_objects_hidden_as_raw_bytes_are_refused(tmp_path):
    """An object array whose pickle hands numpy pointers instead of a list."""
    kind = numpy.dtype("O")
    state = (1, (1,), kind, False, b"\x01" * 8)

    class Forged(Calls):
        def __reduce__(self):
            return (*numpy.zeros(0).__reduce__()[:2], state)

    with pytest.raises(DataError, match="damaged or wants"):
        read_pickle(save(tmp_path / "a.pkl", Forged(None)))


@pytest.mark.parametrize("content", [b"", b"no pickle", PYTHON_2[:-40]])
def test_damaged_files_are_refused(tmp_path, content):
    path = tmp_path / "a.pkl"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged.*a\.pkl"):
        read_pickle(path)
    with pytest.raises(DataError, match="cannot read the file"):
        read_pickle(tmp_path / "b.pkl")
