"""Count over the pictures of a data set what a detector finds and misses."""

from __future__ import annotations

from collections.abc import Iterator

from onnxplain.evaluate.boxes.look import looks_of, require_boxes, require_class, scene_of
from onnxplain.evaluate.boxes.score import Counts, DetectionScore, score_of
from onnxplain.evaluate.boxes.truth import Objects, Truth
from onnxplain.evaluate.cases import Look, Plan
from onnxplain.inputs.dataset import Sample
from onnxplain.model.model import Model
from onnxplain.targets.boxes.layout import Detections


class Count:
    """What became of boxes and objects so far.

    Parameters
    ----------
    model : Model
        A detector.
    truth : Truth
        What is annotated.

    Attributes
    ----------
    pairs : list of (Detections, Objects)
        Of each picture, with all boxes that average precision counts.
    """

    def __init__(self, model: Model, truth: Truth) -> None:
        self._model, self._truth = model, truth
        self._layout = require_boxes(model).layout
        self._counts = Counts()
        self.pairs: list[tuple[Detections, Objects]] = []

    def looks(self, sample: Sample, plan: Plan) -> Iterator[tuple[str, Look]]:
        """Judge one picture, if it is annotated, and yield what is explained of it."""
        require_class(self._model, plan)
        scene = scene_of(self._model, sample, self._truth)
        if scene is not None:
            self._counts.update((j.label, j.verdict) for j in scene.judged)
            self.pairs.append((scene.weak, scene.objects))
            yield from looks_of(self._model, scene, plan)

    def score(self) -> DetectionScore:
        """Sum up what was judged."""
        return score_of(self._counts, self.pairs, self._truth, self._layout)
