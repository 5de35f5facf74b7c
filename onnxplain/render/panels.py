"""One panel of a sheet: a picture in a box of a given place and size, with its text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from onnxplain.render.canvas import LINE, TEXT, Canvas, Weight
from onnxplain.render.captions import caption, class_name, ends, figures, heading, meaning, score_of
from onnxplain.render.colors import GREYS, PALETTES, Palette, grey
from onnxplain.render.look import PIXELS, Channels, Look, channel_colors
from onnxplain.render.overlay import PERCENTILE, Shown, drawn, shown_map
from onnxplain.render.photo import enlarged
from onnxplain.render.text import broken
from onnxplain.targets.boxes.box_match import BoxMatch
from onnxplain.targets.boxes.box_number import BoxNumber
from onnxplain.targets.classes import ClassScore

if TYPE_CHECKING:
    from onnxplain.explanations.explanation import Explanation

# All lengths in inches.
PANEL, TITLE, BAR, GAP = 2.9, 0.32, 0.12, 0.08
MARGIN, SPACE, _PAGE_LINE = 0.25, 0.3, 0.25
SMALL, HEADING, PAGE = 7.5, 11, 13
GREY = "#595959"
_TOP = 5
# Room at the right of a class name for its share.
SHARE = 0.75
_RED, _BLUE, _BLACK = "#b2182b", "#4878a8", "#000000"


def page(columns: int, height: float, explanation: Explanation) -> tuple[Canvas, float]:
    """Make a figure for so many columns of panels, with its heading.

    Returns
    -------
    Canvas
        With the heading.
    float
        Where the panels start, in inches from the top; `height` is left below.
    """
    width = 2 * MARGIN + columns * PANEL + (columns - 1) * SPACE
    title = broken([heading(explanation)], width - 2 * MARGIN, PAGE)
    top = MARGIN + len(title) * _PAGE_LINE + 0.2
    canvas = Canvas(width, top + height + MARGIN)
    for k, line in enumerate(title):
        canvas.text(MARGIN, MARGIN + k * _PAGE_LINE, line, size=PAGE)
    return canvas, top


def picture_height(explanation: Explanation) -> float:
    """Height in inches of the picture of a panel, at most 1.6 times its width."""
    height, width = explanation.pixels.shape[:2]
    return PANEL * min(height / width, 1.6)


def photo_panel(
    canvas: Canvas,
    x: float,
    y: float,
    explanation: Explanation,
    explained: Sequence[Explanation] = (),
) -> None:
    """Draw what the model saw, with its most probable classes.

    The target is marked; those of all that are `explained`, if the panel stands for several.
    """
    height, width = explanation.pixels.shape[:2]
    canvas.text(x, y, f"the model sees {width} x {height}", size=HEADING)
    y += TITLE
    tall = picture_height(explanation)
    canvas.whole(x, y, PANEL, tall, enlarged(explanation.pixels))
    y += tall + GAP
    ranking = _ranking(explanation, explained)
    longest = max([1.0, *(abs(score) for _, score, _ in ranking)])
    lowest = min([0.0, *(score / longest for _, score, _ in ranking)])
    # Inches of a score as long as the longest; all bars start at the same zero.
    unit = PANEL / (1.0 - lowest)
    for name, score, is_target in ranking:
        weight: Weight = "bold" if is_target else "normal"
        color = _RED if is_target else _BLACK
        said = score_of(explanation.unit, score)
        canvas.text(x + PANEL, y, said, align="right", weight=weight, color=color)
        y = canvas.lines(x, y, name, weight=weight, color=color)
        start = x - unit * (lowest - min(0.0, score / longest))
        length = unit * abs(score) / longest
        canvas.fill(start, y + 0.01, length, 0.035, _RED if is_target else _BLUE, frame=False)
        y += 0.1
    targets = [e.target for e in explained or [explanation]]
    if all(isinstance(t, ClassScore) and t.contrast is None for t in targets):
        several = sum(is_target for _, _, is_target in ranking) > 1
        said = "the classes that are" if several else "the class that is"
        canvas.text(x, y, f"red: {said} explained", size=SMALL, color=GREY)


def photo_panel_height(explanation: Explanation, explained: Sequence[Explanation] = ()) -> float:
    """Height in inches of `photo_panel`."""
    rows = _ranking(explanation, explained)
    listed = sum(len(name) * LINE + 0.1 for name, _, _ in rows)
    return TITLE + picture_height(explanation) + GAP + listed + LINE


_LOOK = Look()


def map_panel(
    canvas: Canvas,
    x: float,
    y: float,
    explanation: Explanation,
    look: Look = _LOOK,
    title: str = "",
) -> None:
    """Draw one map with its colour bar and caption; the title is the method's name if not given."""
    canvas.text(x, y, title or explanation.method, size=HEADING, weight="bold")
    y += TITLE
    tall = picture_height(explanation)
    canvas.whole(x, y, PANEL, tall, np.asarray(drawn(explanation, look)))
    y = color_bar(canvas, x, y + tall + GAP, explanation, look)
    text, small = _below(explanation, look)
    y = canvas.lines(x, y, text)
    canvas.lines(x, y, small, size=SMALL, color=GREY)


def map_panel_height(explanation: Explanation, look: Look = _LOOK) -> float:
    """Height in inches of `map_panel`."""
    text = sum(len(lines) for lines in _below(explanation, look))
    return TITLE + picture_height(explanation) + GAP + BAR + LINE + GAP + text * LINE


def color_bar(
    canvas: Canvas, x: float, y: float, explanation: Explanation, look: Look = _LOOK
) -> float:
    """Draw the colours over the photo's middle tone, with what their ends mean.

    Returns where the next line starts.
    """
    palette, (low, high) = PALETTES[explanation.display], ends(explanation)
    shown: Shown | Channels = shown_map(explanation, explanation.pixels.shape[:2])
    cover = look.cover
    if look.colors_pixels(explanation):
        shown, cover = channel_colors(explanation, look.style, PERCENTILE), 1.0
        signed = look.style == "grey"
        palette = Palette(-1.0 if signed else 0.0, "lowers", "raises", GREYS)
        low, high = ("lowers", "raises") if signed else ("no effect", "strong effect")
    tone = float(np.median(grey(explanation.pixels)))
    canvas.picture(x, y, PANEL, BAR, palette.bar(tone, cover))
    y += BAR + 0.03
    if shown.limit == 0.0:
        canvas.text(x, y, "zero everywhere")
        return y + LINE + GAP
    sign = "\u2265 " if shown.clipped else ""
    canvas.text(x + PANEL, y, f"{high} {sign}{shown.limit:.2g}", align="right")
    if palette.lowest < 0:
        sign = "\u2264 " if shown.clipped else ""
        canvas.text(x, y, f"{low} {sign}\u2212{shown.limit:.2g}")
        canvas.text(x + PANEL / 2, y, "0", align="center")
    else:
        canvas.text(x, y, f"{low} 0")
    return y + LINE + GAP


def _below(explanation: Explanation, look: Look) -> tuple[list[str], list[str]]:
    line = ["line: half of the strongest value"] if look.has_line(explanation) else []
    return (
        broken([*caption(explanation), *line], PANEL, TEXT),
        broken([*figures(explanation), *_meaning(explanation, look)], PANEL, SMALL),
    )


def _ranking(
    explanation: Explanation, explained: Sequence[Explanation] = ()
) -> list[tuple[list[str], float, bool]]:
    labels = explanation.labels
    targets = [e.target for e in explained or [explanation]]
    shown = [(i, p) for i, _, p in explanation.top(_TOP)]
    boxes = [t.words for t in targets if isinstance(t, (BoxMatch, BoxNumber))]
    if boxes:
        # Numbered as in the table and in the picture of boxes.
        rows = [
            (f"{i + 1} {labels[i]}", p, any(w.startswith(f"{labels[i]} in ") for w in boxes))
            for i, p in shown
        ]
    else:
        wanted = dict.fromkeys(t.index for t in targets if isinstance(t, ClassScore))
        listed = {i for i, _ in shown}
        if shown:
            shown += [(i, float(explanation.scores[i])) for i in wanted if i not in listed]
        # A class may have its name from the explanation that is of it.
        labels = {**labels, **{i: n for e in explained for i, n in e.labels.items()}}
        rows = [(class_name(labels, i), p, i in wanted) for i, p in shown]
    return [(broken([name], PANEL - SHARE, TEXT, "bold"), p, marked) for name, p, marked in rows]


def _meaning(explanation: Explanation, look: Look) -> list[str]:
    """What is shown and what the numbers mean; the colours are those of the look."""
    lines = meaning(explanation)
    if lines and look.colors_pixels(explanation):
        count = explanation.attribution.shape[explanation.axes.index("C")]
        what = "each channel in its own colour" if count == 3 else "the sum over channels"
        return [f"shown: {what}; {PIXELS[look.style]}", *lines[1:]]
    return lines
