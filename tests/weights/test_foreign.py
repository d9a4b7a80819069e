import collections
import os
import pickle
import tarfile
import zipfile

import numpy
import pytest
import torch

from handful.errors import WeightsError
from handful.weights import read_foreign
from handful.weights.foreign import state_dict_of


class Payload:
    """Writes a file when it is unpickled by a reader that obeys."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def payloads(mark):
    return {
        "os.system": Payload(os.system, f"touch '{mark}'"),
        "open": Payload(open, str(mark), "w"),
        "exec": Payload(exec, f"open({str(mark)!r}, 'w')"),
        "eval": Payload(eval, f"open({str(mark)!r}, 'w')"),
    }


def zipped(content, path):
    torch.save(content, path)


def legacy(content, path):
    torch.save(content, path, _use_new_zipfile_serialization=False)


def python_2_pickle(content, path):
    path.write_bytes(pickle.dumps(content, protocol=2))


def plain_pickle(content, path):
    path.write_bytes(pickle.dumps(content))


@pytest.mark.parametrize("write", [zipped, legacy, plain_pickle, python_2_pickle])
@pytest.mark.parametrize("kind", ["os.system", "open", "exec", "eval"])
def test_a_file_that_asks_to_run_code_is_refused_and_runs_nothing(tmp_path, write, kind):
    mark, path = tmp_path / "executed", tmp_path / "evil.pth"
    write({"net": {"weight": torch.zeros(2)}, "extra": payloads(mark)[kind]}, path)
    with pytest.raises(
        WeightsError, match="could run code when unpickled, so it was not opened"
    ) as caught:
        read_foreign(path)
    assert not mark.exists()
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("write", [zipped, plain_pickle])
def test_the_payloads_would_run_in_a_reader_that_obeys(tmp_path, write):
    mark, path = tmp_path / "executed", tmp_path / "evil.pth"
    write({"extra": payloads(mark)["open"]}, path)
    if write is zipped:
        with zipfile.ZipFile(path) as archive:
            (name,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
            data = archive.read(name)
    else:
        data = path.read_bytes()
    pickle.loads(data)  # noqa: S301
    assert mark.exists()


@pytest.mark.parametrize("write", [zipped, legacy])
def test_what_training_loops_leave_behind_is_read(tmp_path, write):
    path = tmp_path / "checkpoint.pth"
    parameter = torch.nn.Parameter(torch.arange(3.0))
    content = {
        "net": collections.OrderedDict(weight=parameter, half=torch.ones(2).half()),
        "optimizer": {
            "state": {0: {"momentum_buffer": torch.ones(3)}},
            "param_groups": [{"lr": 0.1, "nesterov": False, "maximize": None, "params": [0]}],
        },
        "criterion_value": numpy.float64(0.9065),
        "best": [numpy.float32(0.5), numpy.int64(-3), numpy.bool_(True)],
        "criterion_metric": "mAP@0.50",
    }
    write(content, path)
    read = read_foreign(path)
    assert read["net"]["weight"].tolist() == [0, 1, 2]
    assert read["optimizer"]["state"][0]["momentum_buffer"].tolist() == [1, 1, 1]
    assert read["criterion_value"] == 0.9065
    assert read["best"] == [0.5, -3, True] and type(read["best"][1]) is int
    assert read["criterion_metric"] == "mAP@0.50"


def test_numbers_of_numpy_1_are_read(tmp_path):
    path = tmp_path / "old.pth"
    legacy({"a": numpy.float64(2.5), "w": torch.ones(1)}, path)
    data = path.read_bytes()
    assert b"numpy._core.multiarray" in data
    path.write_bytes(data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    assert read_foreign(path)["a"] == 2.5


def test_numbers_of_either_byte_order_are_read(tmp_path):
    path = tmp_path / "big.pth"
    zipped({"a": numpy.array([1.5], ">f8")[0], "b": numpy.dtype(">i4").type(7)}, path)
    assert read_foreign(path) == {"a": 1.5, "b": 7}


@pytest.mark.parametrize(
    "value", [numpy.zeros(3), numpy.array([object()])[:0], numpy.void(b"12"), numpy.str_("x")]
)
def test_other_things_of_numpy_are_refused(tmp_path, value):
    path = tmp_path / "array.pth"
    zipped({"a": value}, path)
    with pytest.raises(WeightsError, match="not opened"):
        read_foreign(path)


def truncated(path):
    zipped({"net": {"weight": torch.randn(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])


def truncated_legacy(path):
    legacy({"net": {"weight": torch.randn(1000)}}, path)
    path.write_bytes(path.read_bytes()[:2000])


def other_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")


def old_tar(path):
    with tarfile.open(path, "w:") as archive:
        for name in ("storages", "tensors", "pickle"):
            member = path.with_name(name)
            member.write_bytes(pickle.dumps(0))
            archive.add(member, name)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b""), "an empty file"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: None, "nothing there"),
        (truncated, "damaged"),
        (truncated_legacy, "damaged"),
        (other_zip, "damaged"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), "damaged"),
        (lambda path: path.write_bytes(bytes(range(256)) * 20), "damaged"),
        (lambda path: path.write_bytes(b"\x80"), "damaged"),
        (lambda path: path.write_text("just words\n" * 9), "damaged"),
        (lambda path: path.write_text("\n<!DOCTYPE html><html>Virus scan</html>"), "a web page"),
        (old_tar, "tar format"),
        (lambda path: zipped([torch.zeros(2)], path), "got a list"),
        (lambda path: zipped(torch.zeros(2), path), "got a Tensor"),
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, make, message):
    path = tmp_path / "file.pth"
    make(path)
    with pytest.raises(WeightsError, match=message):
        read_foreign(path)


@pytest.mark.parametrize("wrap", [None, "net", "state_dict", "model"])
def test_weights_are_found_wherever_they_stand(wrap):
    state = {"conv.weight": torch.ones(2), "epoch": 3}
    content = {"epoch": 3, wrap: state} if wrap else state
    assert list(state_dict_of(content, file="a.pth")) == ["conv.weight"]


@pytest.mark.parametrize("content", [{}, {"net": {}}, {"net": {"a": 1}, "epoch": 3}])
def test_a_checkpoint_without_weights_is_refused(content):
    with pytest.raises(WeightsError, match="holds no weights"):
        state_dict_of(content, file="a.pth")


def array_pickle(path, content, protocol=2):
    path.write_bytes(pickle.dumps(content, protocol=protocol))


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("wrap", [None, "blobs", "model"])
def test_a_pickle_of_arrays_becomes_tensors(tmp_path, protocol, wrap):
    path = tmp_path / "R-101.pkl"
    arrays = {
        "conv1_w": numpy.arange(6, dtype=">f4").reshape(2, 3).T,
        "half": numpy.ones(2, numpy.float16),
        "none": numpy.zeros((0, 3), numpy.float32),
    }
    array_pickle(path, {wrap: arrays, "author": "Caffe2"} if wrap else arrays, protocol)
    state = state_dict_of(read_foreign(path), file=path)
    assert state["conv1_w"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert state["conv1_w"].dtype == torch.float32 and state["half"].dtype == torch.float16
    assert state["none"].shape == (0, 3)


PYTHON_2 = (
    b"\x80\x02}U\x07conv1_wcnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01bt"
    b"R(K\x01K\x01\x85cnumpy\ndtype\n(U\x02f4K\x00K\x01tR(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff"
    b"\xffK\x00tb\x89U\x04%stbs."
)
"""One array of one number, as Python 2 and its numpy wrote it; its bytes are a text there."""


def test_what_python_2_wrote_is_read(tmp_path):
    path = tmp_path / "R-50.pkl"
    path.write_bytes(PYTHON_2 % numpy.float32(-1.7).tobytes())
    assert read_foreign(path)["conv1_w"].tolist() == [numpy.float32(-1.7)]


@pytest.mark.parametrize("kind", ["os.system", "open", "exec", "eval"])
@pytest.mark.parametrize("place", ["value", "inside an array", "key"])
def test_a_hostile_pickle_of_arrays_runs_nothing(tmp_path, kind, place):
    mark, path = tmp_path / "executed", tmp_path / "R-101.pkl"
    payload = payloads(mark)[kind]
    content = {
        "value": {"conv1_w": numpy.zeros(2), "extra": payload},
        "inside an array": {"conv1_w": numpy.array([payload], dtype=object)},
        "key": {("conv1_w", payload): numpy.zeros(2)},
    }[place]
    array_pickle(path, content)
    with pytest.raises(WeightsError, match="could run code.*a call of"):
        read_foreign(path)
    assert not mark.exists()


class Named:
    """Pickles as a call of something that numpy has."""

    def __init__(self, call, *arguments):
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


@pytest.mark.parametrize(
    "call",
    [
        Named(numpy.load, "a.npy"),
        Named(numpy.frombuffer, b"1234"),
        Named(numpy.save, "a.npy", 0),
        Named(numpy.memmap, "a.bin"),
        Named(getattr, numpy, "load"),
    ],
    ids=["load", "frombuffer", "save", "memmap", "getattr"],
)
def test_numpy_is_not_open_beyond_its_arrays(tmp_path, call):
    path = tmp_path / "R-101.pkl"
    try:
        array_pickle(path, {"conv1_w": call})
    except TypeError:
        path.write_bytes(b"\x80\x02}U\x01acbuiltins\ngetattr\n(cnumpy\nsave\nU\x01xtRs.")
    with pytest.raises(WeightsError, match="could run code"):
        read_foreign(path)


def test_an_array_larger_than_its_file_is_refused(tmp_path):
    path = tmp_path / "R-101.pkl"
    path.write_bytes(b"\x80\x02}U\x01acnumpy\nndarray\n(J\x00\xe1\xf5\x05\x85U\x02f4tRs.")
    with pytest.raises(WeightsError, match="damaged"):
        read_foreign(path)


def test_a_pickle_that_names_one_list_without_end_is_read_at_once(tmp_path):
    path = tmp_path / "R-101.pkl"
    nested: list = ["x"]
    for _ in range(100):
        nested = [nested, nested]
    array_pickle(path, {"conv1_w": numpy.zeros(2), "nested": nested})
    assert list(state_dict_of(read_foreign(path), file=path)) == ["conv1_w"]
