"""Pictures of concept tests: how strongly each target depends on each concept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from onnxplain.render.canvas import LINE, Canvas
from onnxplain.render.colors import CLASSES, OTHER
from onnxplain.render.panels import GREY, MARGIN, PAGE, SMALL
from onnxplain.render.patches import as_rgb
from onnxplain.render.text import broken

if TYPE_CHECKING:
    from onnxplain.features.concepts.tcav import ConceptTest, ConceptTests

_WIDTH, _THUMB, _BAR = 9.5, 0.55, 0.16
_NAMES, _AXIS = 2.9, 3.2
_ROW = 3 * LINE


def draw_concept_tests(
    found: ConceptTests, name: str, shown: Mapping[str, Sequence[NDArray[np.uint8]]]
) -> Canvas:
    """Draw the pictures of each concept, and a bar for each test.

    Parameters
    ----------
    found : ConceptTests
        What was tested.
    name : str
        Name of the model.
    shown : mapping of str to sequence of (H, W, C) uint8 arrays
        Some pictures of each concept.
    """
    limit = (
        max(float(np.abs([t.sensitivity, *t.random_sensitivities]).max()) for t in found.tests)
        or 1.0
    )
    targets = list(dict.fromkeys(t.target for t in found.tests))
    settings = found.record["settings"]
    foot = broken(
        [
            "Bar: sensitivity, the mean cosine between the score's slope and the direction of the "
            f"concept; the axis ends at {limit:.2g}. Grey lines: the same for each random set in "
            "the place of the concept. A coloured bar differs from them (corrected p < 0.05), a "
            "grey one does not. TCAV: share of pictures whose score rises in the concept's "
            "direction. Accuracy: how well held-out pictures of the concept are told from random "
            "ones; 0.5 is chance."
        ],
        _WIDTH - 2 * MARGIN,
        SMALL,
    )
    height = 2 * MARGIN + 0.75 + len(shown) * (_THUMB + 0.1)
    height += len(targets) * 0.3 + len(found.tests) * _ROW + LINE * (len(foot) + 1)
    canvas = Canvas(_WIDTH, height)
    canvas.text(MARGIN, MARGIN, f"{name}  \u00b7  concepts at {found.layer}", size=PAGE)
    about = f"{settings['runs']} runs with {settings['size']} pictures of each set"
    canvas.text(MARGIN, MARGIN + 0.28, about, size=SMALL + 1, color=GREY)
    y = MARGIN + 0.6
    for concept, pictures in shown.items():
        canvas.text(MARGIN, y + _THUMB / 2 - 0.08, concept)
        for k, pixels in enumerate(pictures):
            canvas.whole(MARGIN + 1.6 + k * (_THUMB + 0.06), y, _THUMB, _THUMB, as_rgb(pixels))
        y += _THUMB + 0.1
    for target in targets:
        count = found.pictures[target.describe()]
        canvas.text(MARGIN, y + 0.08, f"{target.describe()}, {count} pictures", weight="bold")
        y += 0.3
        for k, test in enumerate(t for t in found.tests if t.target == target):
            _test(canvas, y, test, limit, CLASSES[k % len(CLASSES)])
            y += _ROW
    canvas.lines(MARGIN, y + LINE, foot, size=SMALL, color=GREY)
    return canvas


def _test(canvas: Canvas, y: float, test: ConceptTest, limit: float, color: str) -> None:
    canvas.text(MARGIN + 0.1, y, test.concept)
    middle = MARGIN + _NAMES - 1.1 + _AXIS / 2
    half = _AXIS / 2 / limit
    width = abs(test.sensitivity) * half
    left = middle - width if test.sensitivity < 0 else middle
    canvas.fill(left, y, max(width, 0.01), _BAR, color if test.matters() else OTHER, frame=False)
    for value in test.random_sensitivities:
        canvas.fill(middle + float(value) * half, y + _BAR + 0.03, 0.012, 0.1, OTHER, frame=False)
    canvas.fill(middle - 0.005, y - 0.02, 0.01, _BAR + 0.17, "#000000", frame=False)
    right = middle + _AXIS / 2 + 0.15
    canvas.lines(
        right,
        y - 0.03,
        [
            f"sensitivity {test.sensitivity:.2g}; corrected p {test.corrected_p:.2g}",
            f"TCAV {test.scores.mean():.2f}, random {test.random_scores.mean():.2f}, paper's p "
            f"{test.paper_p:.2g}; accuracy {test.accuracy:.2f}",
        ],
        size=SMALL,
    )
