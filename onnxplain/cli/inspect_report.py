"""What `onnxplain inspect` prints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.inspect_try import run_trial, show_trial
from onnxplain.errors import ConversionError, OnnxplainError, UnsupportedModelError, UsageError
from onnxplain.graph.answers.boxes.template import Template
from onnxplain.graph.view import TensorInfo
from onnxplain.inputs.beside import BESIDE
from onnxplain.inputs.picture import sample_picture
from onnxplain.inputs.save_beside import save_beside
from onnxplain.model.box_template import box_template
from onnxplain.model.inspection import FileFacts, inspect_file, inspect_model, inspect_parity
from onnxplain.model.load import load
from onnxplain.model.trial import Trial, to_dict

if TYPE_CHECKING:
    from onnxplain.model.model import Model

FORMAT = 1
# What the numbers of an answer are called where they are counted.
_COUNTED = {"values": "values", "embedding": "dimensions", "labels": "labels"}


def report(
    path: str,
    as_json: bool,
    options: Mapping[str, Any],
    parity: str | None = None,
    *,
    layers: bool = False,
    pictures: Sequence[str] | None = None,
    save: bool = False,
    force: bool = False,
) -> None:
    """Print the facts of a file and, if it can be explained, what is made of it.

    With `parity`, the path of a picture or empty for a random one, ONNX Runtime and PyTorch
    are compared as well; with `pictures`, these are tried under each plausible preprocessing.
    With `save`, what the options say is written beside the model; `force` replaces what is there.
    With `layers`, a table lists all that can be chosen; the JSON document always does.

    The JSON document has the keys ``format`` (1), ``file`` (see
    `onnxplain.model.inspection.FileFacts`), ``model`` (see
    `onnxplain.model.inspection.inspect_model`; null if the file is not an image classifier),
    ``problem`` (why not, or why it does not convert; else null) and, if asked for, ``parity`` (see
    `onnxplain.model.inspection.inspect_parity`), ``try`` (see `onnxplain.model.trial.to_dict`) and
    ``saved`` (path of the side file); each is null if the file is not an image classifier. For a
    detector whose boxes cannot be read there is also ``boxes_template``, what a side file may say.

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
    trial: Trial | None = None
    saved: str | None = None
    problem: OnnxplainError | None = None
    template: Template | None = None
    try:
        model = load(path, **options)
        found = inspect_model(model)
        if pictures is not None:
            trial = run_trial(model, pictures, quiet=as_json)
        if save:
            saved = str(save_beside(Path(path), _chosen(model, options), force=force))
        if parity is not None:
            picture = model.read(parity) if parity else sample_picture(model.preprocess)
            agreement = inspect_parity(model, picture)
    except (UnsupportedModelError, ConversionError) as error:
        problem = error
        template = box_template(path, options) if found is None else None
    if as_json:
        document(
            {
                "format": FORMAT,
                "file": facts.to_dict(),
                "model": found,
                "problem": None if problem is None else str(problem),
                **({} if parity is None else {"parity": agreement}),
                **({} if pictures is None else {"try": trial and to_dict(trial)}),
                **({"saved": saved} if save else {}),
                **({} if template is None else {"boxes_template": template.boxes}),
            }
        )
    else:
        _show_file(facts)
        if found is not None:
            _show_model(found)
        if found is not None and layers:
            _show_layers(found["layer_choice"])
        if agreement is not None:
            _show_parity(agreement)
        if trial is not None:
            show_trial(trial, path)
        if saved is not None:
            line(f"saved in {saved}")
        if template is not None:
            _show_template(path, template)
    if problem is not None:
        raise problem


def _show_template(path: str, template: Template) -> None:
    """A side file to be checked, as text that can be copied."""
    line()
    line(f"A start for {Path(path).stem}{BESIDE}, beside the model:")
    line(json.dumps({"boxes": template.boxes}, indent=2))
    for sentence in template.advice:
        line(sentence)


def _chosen(model: Model, options: Mapping[str, Any]) -> dict[str, Any]:
    """What of the options a side file can keep, as it was understood."""
    found: dict[str, Any] = {}
    if options.get("preprocess"):
        found["preprocess"] = model.preprocess.to_dict()
    if options.get("labels"):
        found["labels"] = list(model.labels)
    found |= {k: options[k] for k in ("task", "scores", "output") if options.get(k)}
    if not found:
        raise UsageError(
            "--save has nothing to save: add --preprocess PRESET, --labels FILE, --task, --scores "
            "or --output"
        )
    return found


def _show_file(facts: FileFacts) -> None:
    operators = ", ".join(f"{name} {count}" for name, count in facts.operators.items())
    rows = [
        ("size", f"{facts.bytes:,} bytes{_in_files(facts)}, {facts.parameters:,} parameters"),
        ("producer", facts.producer or "not named"),
        ("opset", ", ".join(f"{domain} {version}" for domain, version in facts.opsets.items())),
        ("IR version", str(facts.ir_version)),
        *[("input", _tensor(t)) for t in facts.inputs],
        *[("output", _tensor(t)) for t in facts.outputs],
        ("operators", operators),
        ("quantisation", facts.quantisation),
        ("SHA-256", facts.sha256 + (" of the list of its files" if len(facts.files) > 1 else "")),
        *[("file", text) for text in _files(facts)],
    ]
    table(facts.name, ("", ""), rows)


def _in_files(facts: FileFacts) -> str:
    return f" in {len(facts.files)} files" if len(facts.files) > 1 else ""


def _files(facts: FileFacts) -> list[str]:
    """Each file of a model of several."""
    if len(facts.files) < 2:
        return []
    return [f"{f.location}: {f.bytes:,} bytes, SHA-256 {f.sha256}" for f in facts.files]


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
        ("", found["sources"].get("input", "")),
        *[(f"bound {name}", f"{b['dtype']} {b['shape']}" + (f", all {b['value']:g}"
           if "value" in b else "")) for name, b in found["bound"].items()],
        *_answer_rows(output),
        *([("", found["carries"])] if found["carries"] else []),
        *[("left out", text) for text in _left_out(found["left_out"])],
        ("preprocessing", f"{recipe['name']}: {recipe['color']}, {recipe['resize']}, "
                          f"scale {recipe['scale']:.4g}, mean {_numbers(recipe['mean'])}, "
                          f"std {_numbers(recipe['std'])}"),
        ("", f"from {found['sources']['preprocess']}"),
        ("class names", f"{found['labels']} from {found['sources']['labels']}"
                        if found["labels"] else "none"),
        ("target layer", layers[0] if layers else "none: no spatial layer lies on every path to "
                                                  "the output"),
        ("", found["layer_choice"]["reason"] if layers else ""),
        *[("next candidate", text) for text in layers[1:]],
        ("one input", _independence(found["independence"])),
        ("CAM head", "found" if head["found"] else f"none: {head['reason']}"),
    ]  # fmt: skip
    line()
    table("taken for", ("", ""), rows)
    line()
    methods = [(name, "no: " + why if why else "yes") for name, why in found["methods"].items()]
    table("methods", ("", ""), methods)


def _show_layers(found: Mapping[str, Any]) -> None:
    columns = ("--layer", "tensor", "operator", "maps", "depth", "sees", "passed by", "module", "")
    marks = {found["early"]: "early", found["chosen"]: "last: chosen"}
    rows = [
        (str(la["index"]), la["name"], la["operator"], f"{la['channels']} of {_times(la['grid'])}",
         f"{la['depth']:.0%}", _times(la["field"]), "all" if la["passed"] else "a part",
         la["source"], marks.get(la["name"], ""))
        for la in found["usable"]
    ]  # fmt: skip
    line()
    table(f"{len(rows)} layers for maps", columns, rows)
    line(f"chosen: {found['chosen'] or 'none'}: {found['reason']}")


def _answer_rows(output: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the output answers, why, and what the other outputs look like."""
    counted = _COUNTED.get(output["task"], "classes")
    places = f" at each of {_times(output['places'])} places" if output["places"] else ""
    logits = f", logits at {output['logits']}" if output["logits"] != output["name"] else ""
    rows = [
        ("answer", f"{output['name']}: {output['task']}"),
        ("scores", f"{output['classes']} {counted}{places}, {output['evidence']}{logits}"),
    ]
    rows += [("", f"read after {', '.join(output['followed'])}")] if output["followed"] else []
    rows += [
        ("other output", f"{o['name']}: {o['task']}, {o['evidence']}")
        for o in output["outputs"]
        if o["name"] != output["name"]
    ]
    return rows


def _left_out(found: Mapping[str, Any]) -> list[str]:
    """What does not matter to the scores, in at most one line."""
    operators = ", ".join(f"{name} {count}" for name, count in found["operators"].items())
    parts = [
        *[f"output {name}" for name in found["outputs"]],
        *[f"input {name}" for name in found["inputs"]],
        *([f"operators {operators}"] if operators else []),
    ]
    return ["; ".join(parts) + ": the scores do not depend on it"] if parts else []


def _independence(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not known: the model did not run on a random picture"
    if not found["repeats"]:
        return "random: the scores differ from run to run"
    if found["refused"]:
        return "runs alone: the file does not take batches"
    if found["coupled"]:
        return "not independent: the other inputs of the batch change its scores"
    return "independent: the same scores alone, in a batch and on a second run"


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
        ("gradients", _slopes(found["gradients"])),
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


def _slopes(found: Mapping[str, Any]) -> str:
    if "problem" in found:
        return f"PyTorch's alone: {found['problem']}"
    return (
        f"of {found['target']}: ONNX Runtime's differ from PyTorch's by "
        f"{_error(found['difference'])} of their length, correlation "
        f"{_error(found['correlation'])}; from forward passes by {found['slope_error']:.2g}"
    )


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
    if info.is_wrapped:
        return f"{info.name}: {info.kind}"
    shape = "rank unknown" if info.shape is None else str([d or "?" for d in info.shape])
    return f"{info.name}: {info.kind} {shape}".replace("'", "")


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{v:.4g}" for v in values)
