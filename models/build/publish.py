"""Write a finished model into models/ together with the two files that describe it."""

import json
from pathlib import Path
from typing import Any

import onnx

ROOT = Path(__file__).resolve().parents[2]
MODELS = ROOT / "models"


def publish(
    model: onnx.ModelProto, stem: str, labels: list[str], preprocess: dict[str, Any]
) -> Path:
    """Check ``model`` and write ``<stem>.onnx``, ``.labels.json`` and ``.preprocess.json``.

    Parameters
    ----------
    model : onnx.ModelProto
        The exported classifier with its weights inside. Stripped in place of source traces.
    stem : str
        File name without suffix.
    labels : list of str
        One display name per class, in the order of the output.
    preprocess : dict
        Declaration of the input, see :func:`declare_preprocess`.

    Returns
    -------
    Path
        The ONNX file.
    """
    strip_traces(model)
    onnx.checker.check_model(model, full_check=True)
    path = MODELS / f"{stem}.onnx"
    path.write_bytes(model.SerializeToString(deterministic=True))
    write_json(MODELS / f"{stem}.labels.json", labels)
    write_json(MODELS / f"{stem}.preprocess.json", preprocess)
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


def declare_preprocess(
    name: str,
    *,
    layout: str,
    color: str,
    size: tuple[int, int],
    resize: str = "stretch",
    crop_fraction: float = 1.0,
    scale: float = 1 / 255,
    mean: tuple[float, ...] = (0.0,),
    std: tuple[float, ...] = (1.0,),
) -> dict[str, Any]:
    """Declare how a photo becomes the model's input.

    The model's value is ``(pixel * scale - mean) / std`` with ``pixel`` in 0..255;
    ``mean`` and ``std`` hold one number per channel, ``size`` is (height, width).
    """
    return {
        "version": 1,
        "name": name,
        "layout": layout,
        "dtype": "float32",
        "color": color,
        "size": list(size),
        "resize": resize,
        "crop_fraction": crop_fraction,
        "interpolation": "bicubic",
        "scale": scale,
        "mean": list(mean),
        "std": list(std),
    }


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as readable JSON that ends in a newline."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
