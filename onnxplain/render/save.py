"""Write pictures whole or not at all."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.files import whole_file
from onnxplain.render.canvas import Canvas
from onnxplain.render.painted import DPI, painted
from onnxplain.render.png import write_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

# Of a map over a photo, runs of equal bytes are all that zlib finds: looking for them alone gives
# files of the same size as Pillow's own setting, in a sixth of the time.
_SETTINGS: dict[str, Any] = {"compress_level": 1, "compress_type": zlib.Z_RLE}
FORMATS = ("png", "svg", "pdf")
VECTORS = FORMATS[1:]
# Pixels in an inch of the pictures inside of them.
_FINE = 300


def save_image(image: Image.Image, path: str | Path) -> None:
    """Write a Pillow image as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with whole_file(path) as file:
        if image.mode == "RGB":
            write_png(file, np.asarray(image))
        else:
            image.save(file, "PNG", **_SETTINGS)


def save_page(page: Canvas, path: str | Path) -> None:
    """Draw a page and write it as its name ends: PNG, SVG or PDF, whose letters stay letters.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    kind = Path(path).suffix.lower().lstrip(".")
    if kind not in VECTORS:
        save_image(painted(page), path)
        return
    from matplotlib import rc_context

    from onnxplain.render.figures import figure_of

    # Letters as text, to be found and edited; the same file from the same page.
    settings: Any = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": "onnxplain"}
    dates = {"Date": None} if kind == "svg" else {"CreationDate": None}
    with rc_context(settings), whole_file(path) as file:
        figure_of(page).savefig(file, format=kind, metadata=dates, dpi=_FINE)


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a matplotlib figure as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure.set_dpi(DPI)
    with whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file, pil_kwargs=_SETTINGS)
