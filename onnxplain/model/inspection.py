"""What is in a model file, and what onnxplain makes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from onnxplain.adapters.independence import Independence
from onnxplain.boundary import foreign
from onnxplain.errors import ModelFileError, OnnxplainError
from onnxplain.graph.load import open_model
from onnxplain.graph.view import TensorInfo, tensor_info
from onnxplain.identity import Identity, ModelFile
from onnxplain.inputs.bound import describe_bound
from onnxplain.model.gradient_parity import gradient_parity
from onnxplain.model.layer_facts import layer_facts
from onnxplain.model.obstacles import obstacles
from onnxplain.network.network import Network

if TYPE_CHECKING:
    from onnxplain.adapters.tensor_parity import TensorParity
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model

_LAYERS = 5
_WORST = 10
_INTEGER_ARITHMETIC = frozenset(
    "QLinearConv QLinearMatMul QGemm QLinearAdd QLinearMul QLinearAveragePool "
    "QLinearGlobalAveragePool QLinearSigmoid QLinearLeakyRelu QLinearConcat QLinearSoftmax".split()
)
_DYNAMIC = frozenset(
    "DynamicQuantizeLinear ConvInteger MatMulInteger DynamicQuantizeMatMul "
    "MatMulIntegerToFloat DynamicQuantizeLSTM".split()
)
_PACKED = frozenset({"MatMulNBits", "MatMulBnb4"})
_HALF: dict[int, str] = {onnx.TensorProto.FLOAT16: "float16", onnx.TensorProto.BFLOAT16: "bfloat16"}
_WHOLE = frozenset(
    {onnx.TensorProto.INT64, onnx.TensorProto.INT32, onnx.TensorProto.BOOL, onnx.TensorProto.STRING}
)


@dataclass(frozen=True)
class FileFacts:
    """What the file itself says.

    Attributes
    ----------
    name : str
        File name.
    bytes : int
        Size of the model: of the ``.onnx`` file and of those that hold weights of it.
    sha256 : str
        Digest of the model, with all of its files; see `onnxplain.identity.Identity`.
    files : tuple of ModelFile
        The ``.onnx`` file, then those that hold weights of it.
    ir_version : int
        Version of the file format.
    producer : str
        Who wrote it; empty if it does not say.
    opsets : mapping of str to int
        Operator-set version for each domain; the default domain is ``ai.onnx``.
    inputs, outputs : tuple of TensorInfo
        As declared.
    operators : mapping of str to int
        How many nodes of each kind, the most frequent first.
    parameters : int
        Elements of all weights; whole numbers of 32 or 64 bits (shapes, mostly) are not
        counted.
    quantisation : str
        ``none``, ``float16``, ``bfloat16``, ``QDQ``, ``QOperator``, ``dynamic``,
        ``weights only``, or several of them joined by ``+``.
    """

    name: str
    bytes: int
    sha256: str
    files: tuple[ModelFile, ...]
    ir_version: int
    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    operators: Mapping[str, int]
    parameters: int
    quantisation: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the attributes, tensors as name, dtype and shape."""
        return {
            **{k: v for k, v in vars(self).items() if k not in ("inputs", "outputs")},
            "files": [f.to_dict() for f in self.files],
            "inputs": [_tensor(t) for t in self.inputs],
            "outputs": [_tensor(t) for t in self.outputs],
        }


def inspect_file(path: str | Path) -> FileFacts:
    """Read the facts of a model file.

    Raises
    ------
    ModelFileError
        If it is not a valid ONNX model.
    """
    path = Path(path)
    proto, _, identity = open_model(path)
    with foreign(lambda reason: ModelFileError(f"{str(path)!r} cannot be inspected: {reason}")):
        return _facts(path, proto, identity)


def _facts(path: Path, proto: onnx.ModelProto, identity: Identity) -> FileFacts:
    counts = Counter(_operator(n) for n in proto.graph.node)
    given = {i.name for i in proto.graph.initializer}
    return FileFacts(
        name=path.name,
        bytes=identity.bytes,
        sha256=identity.sha256,
        files=identity.files,
        ir_version=proto.ir_version,
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        opsets={o.domain or "ai.onnx": o.version for o in proto.opset_import},
        inputs=tuple(tensor_info(v) for v in proto.graph.input if v.name not in given),
        outputs=tuple(tensor_info(v) for v in proto.graph.output),
        operators=dict(counts.most_common()),
        parameters=sum(int(np.prod(t.dims)) for t in _weights(proto)),
        quantisation=quantisation(proto),
    )


def quantisation(proto: onnx.ModelProto) -> str:
    """Name the ways in which a model's numbers are shortened; see `FileFacts`."""
    kinds = {n.op_type for n in proto.graph.node}
    found = []
    if kinds & _INTEGER_ARITHMETIC:
        found.append("QOperator")
    if kinds & _DYNAMIC:
        found.append("dynamic")
    elif {"QuantizeLinear", "DequantizeLinear"} <= kinds and not found:
        found.append("QDQ")
    elif "DequantizeLinear" in kinds and not found:
        found.append("weights only")
    if kinds & _PACKED:
        found.append("weights only")
    sizes: Counter[int] = Counter()
    for tensor in _weights(proto):
        sizes[tensor.data_type] += int(np.prod(tensor.dims))
    most = sizes.most_common(1)
    if most and most[0][0] in _HALF:
        found.append(_HALF[most[0][0]])
    return "+".join(found) or "none"


def inspect_model(model: Model) -> dict[str, Any]:
    """Say what a loaded model is taken for, and which methods it allows.

    Parameters
    ----------
    model : Model
        What `onnxplain.load` returned.

    Returns
    -------
    dict
        Plain data: ``input`` (name, dtype, layout, channels, size, batch), ``bound`` (see
        `onnxplain.inputs.bound.describe_bound`), ``output`` (name, task, kind, evidence, doubt,
        followed, probabilities, logits, classes, places of a dense output, all outputs,
        others), ``carries`` (maps that `export` wrote into the file, in one line, or null),
        ``left_out`` (inputs, outputs, and operators with their number, that do not
        matter to the explained output: no method runs them), ``preprocess``, ``sources`` (of
        preprocessing and labels), ``labels`` (how many), ``layers`` (name, operator, channels,
        grid; the chosen one first), ``layer_choice`` (see
        `onnxplain.model.layer_facts.layer_facts`), ``cam_head`` (found, reason),
        ``independence`` (whether
        one input stands for itself, see `onnxplain.adapters.independence.Independence`; null
        if the model runs on no input), ``methods`` (name to the reason why not, empty if
        it applies) and ``warnings``.
    """
    network = model.network
    image, head, answer = network.image, network.head, network.answer
    blocked = obstacles(network)
    inputs = _of_inputs(network)
    chosen = layer_facts(network)
    said = [chosen["warning"]] if chosen["warning"] else []
    return {
        "input": {
            "name": image.name,
            "dtype": image.dtype,
            "layout": image.layout,
            "channels": image.channels,
            "size": list(image.size),
            "batch": image.batch,
        },
        "bound": describe_bound(network.bound),
        "output": {
            "name": head.output,
            "task": answer.task,
            "kind": head.kind,
            "evidence": answer.evidence,
            "doubt": answer.doubt,
            "followed": list(answer.followed),
            "probabilities": answer.probability is not None,
            "logits": head.logits,
            "classes": model.task.count,
            "places": list(answer.places),
            "outputs": [
                {"name": a.output, "task": a.task, "evidence": a.evidence, "shape": list(a.shape)}
                for a in network.answers
            ],
            "others": list(head.others),
        },
        "carries": None if model.carried is None else model.carried.describe(head.output),
        "left_out": {
            "inputs": list(network.graph.left_out.inputs),
            "outputs": list(network.graph.left_out.outputs),
            "operators": dict(network.graph.left_out.operators),
        },
        "preprocess": model.preprocess.to_dict(),
        "sources": dict(model.sources),
        "labels": len(model.labels),
        "layers": [
            {"name": la.name, "operator": la.op_type, "channels": la.channels, "grid": [*la.grid]}
            for la in network.layers[:_LAYERS]
        ],
        "layer_choice": chosen,
        "cam_head": {"found": not blocked["cam"], "reason": blocked["cam"]},
        "independence": None if inputs is None else inputs.to_dict(),
        "methods": blocked,
        "warnings": [*model.warnings, *(inputs.warnings if inputs else ()), *said],
    }


def _of_inputs(network: Network) -> Independence | None:
    try:
        return network.independence
    except OnnxplainError:  # what the file says of itself is worth knowing all the same
        return None


def inspect_parity(model: Model, picture: Picture) -> dict[str, Any]:
    """Say tensor by tensor how far ONNX Runtime and PyTorch agree on one picture.

    Parameters
    ----------
    model : Model
        What `onnxplain.load` returned.
    picture : Picture
        The picture on which they are compared.

    Returns
    -------
    dict
        Plain data: ``picture`` (its source), ``scores`` (tensor, error, tolerance, basis,
        agrees: what decides about gradients), ``tensors`` (how many were compared),
        ``parting`` (the first tensor whose own node computes something else, or null),
        ``differing`` (the first that differs for any reason, or null) and ``worst`` (the
        largest errors), ``gradients`` (see `onnxplain.model.gradient_parity`). A tensor has
        ``tensor``, ``operator``, ``error``, ``own_error``, ``tolerance``; see
        `onnxplain.adapters.tensor_parity.TensorParity`. An error that is not a number is null.
    """
    scores = model.measure_parity(picture)
    found = model.compare_tensors(picture)
    worst = sorted(found, key=lambda t: (-t.parts, -_order(t.own_error), -_order(t.error)))
    return {
        "picture": picture.source,
        "scores": {
            "tensor": scores.tensor,
            "error": _finite(scores.error),
            "tolerance": scores.tolerance,
            "basis": scores.basis,
            "agrees": scores.agrees,
        },
        "tensors": len(found),
        "parting": next((_agreement(t) for t in found if t.parts), None),
        "differing": next((_agreement(t) for t in found if t.differs), None),
        "worst": [_agreement(t) for t in worst[:_WORST]],
        "gradients": gradient_parity(model, picture),
    }


def _agreement(found: TensorParity) -> dict[str, Any]:
    return {k: _finite(v) if isinstance(v, float) else v for k, v in vars(found).items()}


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def _order(value: float) -> float:
    return float(np.nan_to_num(value, nan=np.inf))


def _operator(node: onnx.NodeProto) -> str:
    standard = node.domain in ("", "ai.onnx")
    return node.op_type if standard else f"{node.domain}::{node.op_type}"


def _weights(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    tensors = list(proto.graph.initializer)
    tensors.extend(t.values for t in proto.graph.sparse_initializer)
    for node in proto.graph.node:
        if node.op_type == "Constant":
            tensors.extend(a.t for a in node.attribute if a.HasField("t"))
    return (t for t in tensors if t.data_type not in _WHOLE)


def _tensor(info: TensorInfo) -> dict[str, Any]:
    shape = None if info.shape is None else list(info.shape)
    return {"name": info.name, "dtype": info.kind, "shape": shape}
