"""Draw the pictures of ``docs/founding-figures.md``: ``python -m docs.images.founding_figures``.

It runs the commands that the page prints, in a folder that is removed afterwards, and keeps the
pictures in fewer pixels and colours.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from docs.images import feature_figures
from tests.printed_commands import ROOT, commands, words_of

PAGE = ROOT / "docs" / "founding-figures.md"
FOLDER = Path(__file__).parent / "founding"
# Name and width here, and where the command writes the picture.
KEPT = {
    "relevant": (620, "features/flowers-gap.relevant.png"),
    "enriched": (900, "features/stem-red-1000006.enriched.png"),
    "row": (1100, "row/petals-blue-1000004.sheet.png"),
    "ablation": (620, "features/flowers-gap.ablation.png"),
    "protocol": (560, "features/flowers-gap.protocol.png"),
    "protocol-examples": (1000, "features/flowers-gap.protocol.examples.png"),
    "clear-digit": (900, "clear/3-10.clear-maps.png"),
    "clear-photo": (1000, "clear/chelsea.clear-maps.png"),
    "layer-response": (1000, "features/chelsea.response.relu6_32.png"),
    "saliency": (620, "wolf/dog-snow.sheet.png"),
    "occlusion": (900, "wolf/dog-snow.occlusion.grid.png"),
    "weights": (700, "features/wolves-snow.weights.0-0.0-Conv_output_0.png"),
    "guided": (1000, "slides/chelsea.sheet.png"),
    "integrated": (900, "black/chelsea.sheet.png"),
    "top5": (1100, "top5/chelsea.sheet.png"),
}


def draw() -> None:
    """Run all commands and keep their pictures."""
    FOLDER.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("models", "examples"):
            (work / name).symlink_to(ROOT / name)
        for line in commands(PAGE):
            command = [sys.executable, "-m", "onnxplain", *words_of(line)]
            subprocess.run(command, check=True, cwd=work, env=environment)
        for name, (width, made) in KEPT.items():
            feature_figures.keep(work / made, name, width, FOLDER)


if __name__ == "__main__":
    draw()
