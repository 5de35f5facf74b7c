"""Write what comparing files found as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onnxplain.compare.comparison import Comparison
from onnxplain.files import write_text
from onnxplain.methods import find, registered
from onnxplain.render.colors import PALETTES
from onnxplain.render.comparison import ComparedPhoto
from onnxplain.render.embedded import layer_uri, photo_uri
from onnxplain.report.page import html

HTML = "comparison.html"
_MOST_PAIRS = 300
# Rank correlation from which maps are called the same.
_SAME = 0.9


@dataclass(frozen=True)
class _Photo:
    name: str
    uri: str
    captions: Mapping[str, str]
    layers: Mapping[str, Mapping[str, str]]


def write_comparison(
    folder: str | Path, found: Comparison, photos: Sequence[ComparedPhoto]
) -> Path:
    """Write the page of a comparison, whole or not at all.

    Parameters
    ----------
    folder : path
        Where `HTML` goes.
    found : Comparison
        What is told.
    photos : sequence of ComparedPhoto
        Shown side by side.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    path = Path(folder) / HTML
    summary, asked = found.summary(), found.provenance
    text = html(
        "comparison.html",
        found=found,
        asked=asked,
        summary=summary,
        readings=[reading(line) for line in summary],
        methods=list(asked["methods"]),
        photos=[_drawn(photo) for photo in photos],
        pairs=found.most_different(_MOST_PAIRS),
        cards=registered(),
        palettes=PALETTES,
        version=asked["versions"]["onnxplain"],
    )
    write_text(path, text)
    return path


def reading(line: Mapping[str, Any]) -> str:
    """Say in words what one line of a comparison's summary means."""
    if line["control"] is None:
        return "one picture has no control, so nothing can be said about the reasons"
    if line["low"] <= line["control"]:
        return "the maps may be as different as those of different pictures"
    if line["low"] >= _SAME:
        return "the reasons are the same"
    if line["high"] >= _SAME:
        return "the maps are more alike than by chance; whether the reasons are the same is open"
    return "the maps are more alike than by chance, but the reasons are not the same"


def _drawn(photo: ComparedPhoto) -> _Photo:
    pixels = photo.pixels if photo.pixels.ndim == 3 else photo.pixels[..., None]
    layers = {
        file: {m: layer_uri(maps[file], find(m).display) for m, maps in photo.maps.items()}
        for file in photo.captions
    }
    return _Photo(photo.name, photo_uri(pixels), photo.captions, layers)
