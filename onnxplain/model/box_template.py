"""What a person may declare of a detector's boxes that cannot be read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onnxplain.errors import OnnxplainError
from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.boxes.template import Template, template_of
from onnxplain.graph.answers.detectors import find_detector
from onnxplain.graph.answers.doubts import names
from onnxplain.graph.answers.interpret import Interpreter
from onnxplain.graph.answers.output_shapes import output_shapes
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.load import open_model
from onnxplain.graph.prepare import prepare
from onnxplain.graph.shapes import infer_shapes
from onnxplain.graph.unbatched import with_batch

_HINTS = ("layout", "size")


def box_template(path: str | Path, options: Mapping[str, Any]) -> Template | None:
    """Return a declaration of boxes to be filled in.

    Parameters
    ----------
    path : path
        The model file.
    options : mapping
        What `load` was given; input, layout and size are used.

    Returns
    -------
    Template or None
        ``None`` if the model is no detector, or nothing is plausible.
    """
    try:
        proto, weights, _ = open_model(Path(path))
        metadata = {p.key: p.value for p in proto.metadata_props}
        name = options.get("input_name")
        graph = with_batch(prepare(proto, weights), name)
        hints = {k: options.get(k) for k in _HINTS}
        image = find_image_input(graph, name=name, bound=options.get("bound") or (), **hints)
        reader = Interpreter(graph, infer_shapes(graph, image), image, metadata)
        outputs = output_shapes(reader.tracer, reader.batches, image)
        detector = find_detector(reader.tracer, image, metadata, outputs)
    except OnnxplainError:
        return None
    own = tuple(o for o in outputs if o.name in detector.evidence)
    return template_of(Seen(reader.tracer, image, own, len(names(metadata)))) if own else None
