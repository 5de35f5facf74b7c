"""Write pictures whole or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg

from onnxplain.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

DPI = 110


def save_image(image: Image.Image, path: str | Path) -> None:
    """Write a Pillow image as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with whole_file(path) as file:
        image.save(file, "PNG")


def save_figure(figure: Figure, path: str | Path) -> None:
    """Write a figure as PNG.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    figure.set_dpi(DPI)
    with whole_file(path) as file:
        FigureCanvasAgg(figure).print_png(file)
