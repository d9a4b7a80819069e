from __future__ import annotations

import onnx
import pytest
from onnx import TensorProto, helper

from handful.errors import ConfigError, ExportError, NotSupported
from handful.export.card import CARD_KEY
from handful.export.session import OnnxGraph


def write_graph(path, *, names=("images", "sizes"), **metadata: str):
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in names]
    output = helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1])
    nodes = [helper.make_node("Identity", [names[0]], ["boxes"])]
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(
        helper.make_graph(nodes, "g", inputs, [output]), opset_imports=opset, ir_version=10
    )
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return path


def test_a_graph_of_another_program_is_refused(tmp_path):
    with pytest.raises(ExportError, match="no card"):
        OnnxGraph(write_graph(tmp_path / "other.onnx"))
    with pytest.raises(ExportError, match="inputs x"):
        OnnxGraph(write_graph(tmp_path / "other.onnx", names=("x",), **{CARD_KEY: "{}"}))


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"method": 3}'])
def test_a_broken_card_is_refused(tmp_path, text):
    with pytest.raises(ExportError, match="card"):
        OnnxGraph(write_graph(tmp_path / "bad.onnx", **{CARD_KEY: text}))


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path):
    with pytest.raises(ExportError, match=r"nothing there.*handful export"):
        OnnxGraph(tmp_path / "none.onnx")
    (tmp_path / "odd.onnx").write_bytes(b"no graph at all")
    with pytest.raises(ExportError, match=r"odd\.onnx"):
        OnnxGraph(tmp_path / "odd.onnx")


def test_a_device_that_is_not_there_is_refused(tmp_path, monkeypatch):
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(NotSupported, match="onnxruntime-gpu"):
        OnnxGraph(tmp_path / "m.onnx", device="cuda")
    with pytest.raises(ConfigError, match="tpu"):
        OnnxGraph(tmp_path / "m.onnx", device="tpu")  # type: ignore[arg-type]
