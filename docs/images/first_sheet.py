"""Draw the sheet of the README and the grid of docs/reading.md by the commands that they print.

``python -m docs.images.first_sheet``
"""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

FOLDER = Path(__file__).parent
MODEL, PHOTO = "models/efficientnet-lite0.onnx", "examples/photos/chelsea.png"
GRID = ("--grid", "occlusion.window=24,64", "--grid", "occlusion.fill_with=black,mean,blur")
# Names of pictures by those of the pages that the options make.
PAGES = {"chelsea.sheet.png": ("chelsea-sheet.jpg", ()),
         "chelsea.occlusion.grid.png": ("parameter-grid.jpg", GRID)}  # fmt: skip


def draw() -> None:
    """Run the commands and keep their pages as JPEG."""
    for page, (name, options) in PAGES.items():
        with TemporaryDirectory() as out:
            command = [sys.executable, "-m", "onnxplain", "explain", MODEL, PHOTO, *options]
            subprocess.run([*command, "-o", out], check=True)
            drawn = Image.open(Path(out) / page).convert("RGB")
            drawn.save(FOLDER / name, quality=75, subsampling=0, optimize=True)


if __name__ == "__main__":
    draw()
