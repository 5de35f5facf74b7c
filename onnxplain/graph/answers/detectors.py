"""Outputs of a detector, by operators, metadata and shapes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from onnxplain.graph.answers import detector_maps, detector_rows
from onnxplain.graph.answers.doubts import names
from onnxplain.graph.answers.output_shapes import OutputShape
from onnxplain.graph.answers.part import PROBABLE
from onnxplain.graph.answers.trace import Tracer
from onnxplain.graph.image_input import ImageInput
from onnxplain.graph.view import Graph, Node

_TASKS = {
    "detect": "detects objects",
    "detection": "detects objects",
    "object-detection": "detects objects",
    "pose": "finds poses",
    "obb": "detects rotated objects",
}
# Ultralytics calls the masks of detected objects so; others segment the whole picture.
_SEGMENT = "segment"
_ULTRALYTICS = ("stride", "imgsz", "names")
_OTHER_TASKS = frozenset({"classify", "classification", "image-classification", "semantic"})
_SUPPRESSION = (
    "nonmaxsuppression efficientnms batchednms multiclassnms _nms nms_ detectionoutput "
    "detectionpostprocess detection_postprocess generateproposals yololayer yolo_box"
).split()
_OF_REGIONS = frozenset({"RoiAlign", "MaxRoiPool"})


@dataclass(frozen=True)
class Detector:
    """Which outputs belong to a detector.

    Attributes
    ----------
    evidence : mapping of str to str
        A phrase for each of these outputs.
    """

    evidence: Mapping[str, str]


def find_detector(
    tracer: Tracer, image: ImageInput, metadata: Mapping[str, str], outputs: list[OutputShape]
) -> Detector:
    """Find the outputs that hold boxes, or what belongs to boxes.

    Parameters
    ----------
    tracer : Tracer
        Of the graph.
    image : ImageInput
        The explained input.
    metadata : mapping of str to str
        Of the model file.
    outputs : list of OutputShape
        All outputs with their shapes.
    """
    task = metadata.get("task", "").strip().lower()
    told = _told(task, metadata)
    if told:
        return Detector({o.name: f"the model's metadata says that it {told}" for o in outputs})
    if task in _OTHER_TASKS:
        return Detector({})
    found = _by_operators(tracer.graph, outputs)
    classes = len(names(metadata))
    for look in (detector_rows.boxes_beside_scores, detector_rows.rows, detector_maps.maps):
        for name, why in look(tracer, image, outputs, classes).items():
            found.setdefault(name, why)
    if found:
        why = next(iter(found.values()))
        for output in outputs:
            if output.name not in found and not _is_vector(tracer, output):
                found[output.name] = f"beside another output of a detector: {why}"
    return Detector(found)


def _told(task: str, metadata: Mapping[str, str]) -> str:
    if task == _SEGMENT and sum(k in metadata for k in _ULTRALYTICS) >= 2:
        return "detects objects with masks"
    return _TASKS.get(task, "")


def _by_operators(graph: Graph, outputs: list[OutputShape]) -> dict[str, str]:
    found: dict[str, str] = {}
    nodes = [n for n in graph.nodes if _suppresses(n) or n.op_type in _OF_REGIONS]
    for node in nodes:
        reached = graph.descendants(o for o in node.outputs if o)
        for output in outputs:
            if output.name in reached:
                found.setdefault(output.name, f"{node.op_type} {node.output!r} in front of it")
    return found


def holds_suppression(graph: Graph) -> bool:
    """Whether a graph chooses among boxes itself."""
    return any(_suppresses(n) for n in graph.nodes)


def _suppresses(node: Node) -> bool:
    name = node.op_type.lower()
    return any(s in name for s in _SUPPRESSION) or name == "nms"


def _is_vector(tracer: Tracer, output: OutputShape) -> bool:
    """Whether an output has one vector of scores for each input, so an answer of its own."""
    one = output.one
    if one is None or output.batch_axis is None:
        return False
    if not output.floating or len(one) > 1:
        return False
    several = one != () and one != (1,)  # a single number counts the boxes
    return several or all(p.kind in PROBABLE for p in tracer.parts(output.name))
