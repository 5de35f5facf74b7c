"""A graph written as text, as the readers of boxes see it."""

import numpy as np
from heads import model, opened

from onnxplain.graph.answers.boxes.found import Seen
from onnxplain.graph.answers.interpret import Interpreter
from onnxplain.graph.answers.output_shapes import output_shapes


def seen(body, outputs, *, names=0, side=64, **extra) -> Seen:
    """Read a graph whose input is `image`, with these further initializers."""
    rng = np.random.default_rng(0)
    weights = {"k": rng.normal(size=(8, 3, 8, 8)).astype(np.float32)} | extra
    found = opened(model(body, outputs, side=side, extra=weights))
    reader = Interpreter(found.graph, found.shapes, found.image, {})
    shapes = output_shapes(reader.tracer, reader.batches, found.image)
    return Seen(reader.tracer, found.image, tuple(shapes), names)


# Eight numbers of each of 8 x 8 cells.
MAPS = "m = Conv<strides=[8,8]>(image, k)"
