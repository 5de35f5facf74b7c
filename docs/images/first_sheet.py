"""Draw the sheet of the README, by its first command: ``python -m docs.images.first_sheet``."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

FOLDER = Path(__file__).parent
MODEL, PHOTO = "models/efficientnet-lite0.onnx", "examples/photos/chelsea.png"


def draw() -> None:
    """Run the command and keep its sheet as a JPEG."""
    with TemporaryDirectory() as out:
        command = [sys.executable, "-m", "onnxplain", "explain", MODEL, PHOTO, "-o", out]
        subprocess.run(command, check=True)
        sheet = Image.open(Path(out) / "chelsea.sheet.png").convert("RGB")
        sheet.save(FOLDER / "chelsea-sheet.jpg", quality=75, subsampling=0, optimize=True)


if __name__ == "__main__":
    draw()
