"""Write a finished model into models/ together with the two files that describe it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import onnx

from onnxplain.inputs.preprocess import Preprocess

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


def publish(
    model: onnx.ModelProto,
    stem: str,
    labels: list[str],
    preprocess: Preprocess,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Check ``model`` and write ``<stem>.onnx``, ``.labels.json`` and ``.preprocess.json``.

    Parameters
    ----------
    model : onnx.ModelProto
        The exported network with its weights inside. Stripped in place of source traces.
    stem : str
        File name without suffix.
    labels : list of str
        One display name per class, in the order of the output.
    preprocess : Preprocess
        How a photo becomes the input.
    metadata : mapping of str to str, optional
        What the file says about itself.

    Returns
    -------
    Path
        The ONNX file.
    """
    strip_traces(model)
    if metadata:
        onnx.helper.set_model_props(model, dict(metadata))
    onnx.checker.check_model(model, full_check=True)
    path = MODELS / f"{stem}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    names = json.dumps(labels, indent=1, ensure_ascii=False) + "\n"
    (MODELS / f"{stem}.labels.json").write_text(names, encoding="utf-8")
    preprocess.save(MODELS / f"{stem}.preprocess.json")
    print(f"{path.name}: {path.stat().st_size} bytes")
    return path


def strip_traces(model: onnx.ModelProto) -> None:
    """Remove what exporters note about the building machine: stack traces, source paths."""
    for holder in (model, model.graph, *model.graph.node, *model.graph.value_info):
        holder.ClearField("doc_string")
        holder.ClearField("metadata_props")
    for holder in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        holder.ClearField("doc_string")
        holder.ClearField("metadata_props")


def gray_preprocess(name: str, layout: Literal["NCHW", "NHWC"], side: int) -> Preprocess:
    """Declare a square gray input whose values are pixel / 255."""
    return Preprocess(
        name=name,
        layout=layout,
        size=(side, side),
        color="gray",
        resize="stretch",
        scale=1 / 255,
        mean=(0.0,),
        std=(1.0,),
    )
