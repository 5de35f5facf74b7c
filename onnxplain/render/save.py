"""Write pictures whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from onnxplain.files import whole_file
from onnxplain.render.canvas import Canvas
from onnxplain.render.painted import DPI, painted

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

# A map over a photo takes a fifth more bytes than at zlib's own level, 6, and a sixth of the time.
_LEVEL = 2


def save_image(image: Image.Image, path: str | Path) -> None:
    """Write a Pillow image as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with whole_file(path) as file:
        image.save(file, "PNG", compress_level=_LEVEL)


def save_page(page: Canvas, path: str | Path) -> None:
    """Draw a page and write it as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    save_image(painted(page), path)


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
        FigureCanvasAgg(figure).print_png(file, pil_kwargs={"compress_level": _LEVEL})
