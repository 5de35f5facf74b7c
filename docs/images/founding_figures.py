"""Draw the pictures of ``docs/founding-figures.md``: ``python -m docs.images.founding_figures``.

It runs the commands that the page prints, in a folder that is removed afterwards, keeps the
pictures in fewer pixels, and writes tables between their marks. Words
choose the commands that have one of them: ``python -m docs.images.founding_figures clear``.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.page import put
from docs.images.feature_figures import QUALITY, shrunk
from docs.images.founding_tables import covered_packs, overlap
from tests.printed_commands import ROOT, commands, words_of

PAGE = ROOT / "docs" / "founding-figures.md"
FOLDER = Path(__file__).parent / "founding"
# Name and width here, and where the command writes the picture.
KEPT = {
    "relevant": (620, "features/flowers-gap.relevant.png"),
    "enriched": (900, "features/stem-red-1000006.enriched.png"),
    "row": (1100, "row/petals-blue-1000004.sheet.png"),
    "grid-artefacts": (900, "grid/petals-blue-1000004.enriched.grid.png"),
    "ablation": (620, "features/flowers-gap.ablation.png"),
    "protocol": (560, "features/flowers-gap.protocol.png"),
    "protocol-examples": (1000, "features/flowers-gap.protocol.examples.png"),
    "clear-digit": (900, "clear/3-10.clear-maps.png"),
    "clear-photo": (1000, "clear/chelsea.clear-maps.png"),
    "layer-response": (1000, "features/chelsea.response.relu6_32.png"),
    "saliency": (620, "wolf/dog-snow.sheet.png"),
    "occlusion": (900, "wolf/dog-snow.occlusion.grid.png"),
    "weights": (900, "features/wolves-wide.weights.0-Conv_output_0.png"),
    "top-patches": (1000, "features/flowers-gap.top-patches.13-Relu_output_0.png"),
    "guided": (1000, "slides/chelsea.sheet.png"),
    "integrated": (900, "black/chelsea.sheet.png"),
    "top5": (1100, "top5/chelsea.sheet.png"),
    "several-wolves": (900, "several/wolf-pack.sheet.png"),
    "several-dogs": (900, "several/dog-pack.sheet.png"),
    "class-model": (900, "free/flowers-gap.class-model.png"),
    "atlas": (900, "features/flowers-gap.atlas.13-Relu_output_0.png"),
}
MEASURED = "features/flowers-gap.protocol.measured/evaluation.json"


def draw(chosen: list[str]) -> None:
    """Run the commands and keep their pictures; all of them, or those with one of some words."""
    FOLDER.mkdir(exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        for name in ("models", "examples"):
            (work / name).symlink_to(ROOT / name)
        for line in commands(PAGE):
            words = words_of(line)
            if not chosen or set(chosen) & set(words):
                command = [sys.executable, "-m", "onnxplain", *words]
                subprocess.run(command, check=True, cwd=work, env=environment)
        for name, (width, made) in KEPT.items():
            if not chosen or (work / made).exists():
                picture = shrunk(work / made, width)
                picture.save(FOLDER / f"{name}.jpg", quality=QUALITY, subsampling=0)
                print(f"{name}.jpg: {(FOLDER / f'{name}.jpg').stat().st_size:,} bytes")
        if not chosen or (work / MEASURED).exists():
            put("protocol", overlap(work / MEASURED), PAGE)
        if not chosen or "several" in chosen:
            put("packs", covered_packs(), PAGE)


if __name__ == "__main__":
    draw(sys.argv[1:])
