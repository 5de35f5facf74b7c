"""What `onnxplain inspect` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onnxplain.api import load
from onnxplain.cli.console import document, line, remark, table
from onnxplain.errors import UnsupportedModelError
from onnxplain.graph.view import TensorInfo
from onnxplain.inspection import FileFacts, inspect_file, inspect_model

FORMAT = 1


def report(path: str, as_json: bool, options: Mapping[str, Any]) -> None:
    """Print the facts of a file and, if it is a classifier, what is made of it.

    The JSON document has the keys ``format`` (1), ``file`` (see
    `onnxplain.inspection.FileFacts`), ``model`` (see
    `onnxplain.inspection.inspect_model`; null if the file is no image classifier) and
    ``problem`` (why not; null if it is one).

    Raises
    ------
    ModelFileError
        If the file is no valid model; also, after its facts, if it is no classifier.
    """
    facts = inspect_file(path)
    found: dict[str, Any] | None = None
    problem: UnsupportedModelError | None = None
    try:
        found = inspect_model(load(path, **options))
    except UnsupportedModelError as error:
        problem = error
    if as_json:
        document(
            {
                "format": FORMAT,
                "file": facts.to_dict(),
                "model": found,
                "problem": None if problem is None else str(problem),
            }
        )
    else:
        _show_file(facts)
        if found is not None:
            _show_model(found)
    if problem is not None:
        raise problem


def _show_file(facts: FileFacts) -> None:
    operators = ", ".join(f"{name} {count}" for name, count in facts.operators.items())
    rows = [
        ("size", f"{facts.bytes:,} bytes, {facts.parameters:,} parameters"),
        ("producer", facts.producer or "not named"),
        ("opset", ", ".join(f"{domain} {version}" for domain, version in facts.opsets.items())),
        ("IR version", str(facts.ir_version)),
        *[("input", _tensor(t)) for t in facts.inputs],
        *[("output", _tensor(t)) for t in facts.outputs],
        ("operators", operators),
        ("quantisation", facts.quantisation),
        ("SHA-256", facts.sha256),
    ]
    table(facts.name, ("", ""), rows)


def _show_model(found: Mapping[str, Any]) -> None:
    for warning in found["warnings"]:
        remark(f"warning: {warning}")
    image, output, recipe = found["input"], found["output"], found["preprocess"]
    height, width = image["size"]
    layers = [
        f"{la['name']} ({la['operator']}, {la['channels']} maps of {la['grid'][0]} x "
        f"{la['grid'][1]})"
        for la in found["layers"]
    ]
    head = found["cam_head"]
    batch = "any batch" if image["batch"] is None else f"batch {image['batch']}"
    rows = [
        ("picture", f"{image['name']}: {image['layout']}, {image['channels']} channels, "
                    f"{width} wide, {height} high, {image['dtype']}, {batch}"),
        ("scores", f"{output['name']}: {output['classes']} classes, {output['kind']}"
                   + (f", logits at {output['logits']}"
                      if output["logits"] != output["name"] else "")),
        ("preprocessing", f"{recipe['name']}: {recipe['color']}, {recipe['resize']}, "
                          f"scale {recipe['scale']:.4g}, mean {_numbers(recipe['mean'])}, "
                          f"std {_numbers(recipe['std'])}"),
        ("", f"from {found['sources']['preprocess']}"),
        ("class names", f"{found['labels']} from {found['sources']['labels']}"
                        if found["labels"] else "none"),
        ("target layer", layers[0] if layers else "none: nothing spatial dominates the output"),
        *[("next candidate", text) for text in layers[1:]],
        ("CAM head", "found" if head["found"] else f"none: {head['reason']}"),
    ]  # fmt: skip
    line()
    table("taken for", ("", ""), rows)
    line()
    methods = [(name, "no: " + why if why else "yes") for name, why in found["methods"].items()]
    table("methods", ("", ""), methods)


def _tensor(info: TensorInfo) -> str:
    shape = "rank unknown" if info.shape is None else str([d or "?" for d in info.shape])
    return f"{info.name}: {info.dtype.name} {shape}".replace("'", "")


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{v:.4g}" for v in values)
