"""What `onnxplain inspect` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.errors import ConversionError, OnnxplainError, UnsupportedModelError
from onnxplain.graph.view import TensorInfo
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.inspection import FileFacts, inspect_file, inspect_model, inspect_parity
from onnxplain.model.load import load

FORMAT = 1


def report(path: str, as_json: bool, options: Mapping[str, Any], parity: str | None = None) -> None:
    """Print the facts of a file and, if it is a classifier, what is made of it.

    With `parity`, the path of a picture or empty for a random one, ONNX Runtime and PyTorch
    are compared as well.

    The JSON document has the keys ``format`` (1), ``file`` (see
    `onnxplain.model.inspection.FileFacts`), ``model`` (see
    `onnxplain.model.inspection.inspect_model`; null if the file is no image classifier),
    ``problem`` (why not, or why it does not convert; else null) and, if asked for, ``parity`` (see
    `onnxplain.model.inspection.inspect_parity`; null if the file is no image classifier).

    Raises
    ------
    ModelFileError
        If the file is no valid model; also, after its facts, if it is no classifier.
    ConversionError
        If engines are to be compared, and the model does not convert; also after its facts.
    """
    facts = inspect_file(path)
    found: dict[str, Any] | None = None
    agreement: dict[str, Any] | None = None
    problem: OnnxplainError | None = None
    try:
        model = load(path, **options)
        found = inspect_model(model)
        if parity is not None:
            picture = model.read(parity) if parity else sample_picture(model.preprocess)
            agreement = inspect_parity(model, picture)
    except (UnsupportedModelError, ConversionError) as error:
        problem = error
    if as_json:
        document(
            {
                "format": FORMAT,
                "file": facts.to_dict(),
                "model": found,
                "problem": None if problem is None else str(problem),
                **({} if parity is None else {"parity": agreement}),
            }
        )
    else:
        _show_file(facts)
        if found is not None:
            _show_model(found)
        if agreement is not None:
            _show_parity(agreement)
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


def _times(sizes: Sequence[int]) -> str:
    return " x ".join(map(str, sizes))


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
        ("scores", f"{output['name']}: {output['classes']} classes"
                   + (f" at each of {_times(output['places'])} places" if output["places"] else "")
                   + f", {output['kind']}"
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


def _show_parity(found: Mapping[str, Any]) -> None:
    scores = found["scores"]
    verdict = "agree" if scores["agrees"] else "do not agree"
    line()
    rows = [
        ("picture", found["picture"]),
        ("scores", f"{verdict} at {scores['tensor']}: error {_error(scores['error'])}, tolerance "
                   f"{scores['tolerance']:.2g} ({scores['basis']})"),
        ("first to part", _place(found["parting"]) or "none: every node agrees given its inputs"),
        ("first to differ", _place(found["differing"]) or "none"),
    ]  # fmt: skip
    table(f"parity at {found['tensors']} tensors", ("", ""), rows)
    line()
    columns = ("worst", "operator", "own error", "error", "tolerance")
    worst = [
        (t["tensor"], t["operator"], _error(t["own_error"]), _error(t["error"]),
         f"{t['tolerance']:.2g}")
        for t in found["worst"]
    ]  # fmt: skip
    table("", columns, worst)


def _place(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    return (
        f"{found['tensor']} ({found['operator']}): own error {_error(found['own_error'])}, error "
        f"{_error(found['error'])}, tolerance {found['tolerance']:.2g}"
    )


def _error(value: float | None) -> str:
    return "not a number" if value is None else f"{value:.2g}"


def _tensor(info: TensorInfo) -> str:
    shape = "rank unknown" if info.shape is None else str([d or "?" for d in info.shape])
    return f"{info.name}: {info.dtype.name} {shape}".replace("'", "")


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{v:.4g}" for v in values)
