"""Draw the pictures of ``docs/features.md``: ``python -m docs.images.feature_figures``.

It runs the commands of that page, and those of the pictures that the page shows without one, in a
folder that is removed afterwards; then it keeps the pictures in fewer pixels. Words choose the
commands that have one of them: ``python -m docs.images.feature_figures atlas``.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from onnxplain.evaluate.flowers import write_flowers

FOLDER = Path(__file__).parent / "features"
ROOT = FOLDER.parents[2]
LITE0, GAP = "models/efficientnet-lite0.onnx", "models/flowers-gap.onnx"
CHELSEA = "examples/photos/chelsea.png"
STEM, PETALS = "examples/flowers/stem-red-1000006.png", "examples/flowers/petals-blue-1000004.png"
# Photos that are cut into pieces, and the class of each.
PHOTOS = {"chelsea": "tiger cat", "coffee": "espresso", "camera": "tripod", "rocket": "missile"}
TARGETS = [word for name in ("tiger cat", "espresso", "tripod", "daisy") for word in ("-t", name)]
OF_FLOWERS, OF_CROPS = (f"features/{m}.relevant.npz" for m in ("flowers-gap", "efficientnet-lite0"))
CONCEPTS = ["--concept", "red", "--concept", "blue", "--random", "random"]
MADE = [word for name in ("petals-red", "stem-blue", "petals-yellow") for word in ("-t", name)]
ATLAS = ["atlas", GAP, "flowers", "--cells", "9", "--per-image", "3"]

# Name and width of a picture here, the name that the command gives it, and the command's words.
DRAWN: list[tuple[str, int, str, list[str]]] = [
    ("weights", 1000, "efficientnet-lite0.weights.getitem", ["weights", LITE0]),
    (
        "maps-photo",
        900,
        "chelsea.maps.add_140.photo",
        ["maps", LITE0, CHELSEA, "--layer", "add_140"],
    ),
    ("maps", 1000, "stem-red-1000006.maps.13-Relu_output_0", ["maps", GAP, STEM, "--count", "24"]),
    (
        "top-patches-flowers",
        1000,
        "flowers-gap.top-patches.10-Relu_output_0",
        ["top-patches", GAP, "flowers", "--layer", "/10/Relu", "--count", "6"],
    ),
    (
        "top-patches-lite0",
        1000,
        "efficientnet-lite0.top-patches.getitem_33",
        ["top-patches", LITE0, "mixed", "--layer", "getitem_33", "--count", "6"],
    ),
    ("relevant", 520, "flowers-gap.relevant", ["relevant", GAP, "flowers", "--mu", "5"]),
    ("enriched-stem", 900, "stem-red-1000006.enriched", ["enriched", GAP, OF_FLOWERS, STEM]),
    ("enriched-petals", 900, "petals-blue-1000004.enriched", ["enriched", GAP, OF_FLOWERS, PETALS]),
    ("", 0, "", ["relevant", LITE0, "crops"]),
    ("enriched-chelsea", 900, "chelsea.enriched", ["enriched", LITE0, OF_CROPS, CHELSEA]),
    ("class-model", 800, "flowers-gap.class-model", ["class-model", GAP]),
    ("class-model-lite0", 900, "efficientnet-lite0.class-model", ["class-model", LITE0, *TARGETS]),
    (
        "dream",
        439,
        "chelsea.dream.getitem_78",
        ["dream", LITE0, CHELSEA, "--layer", "getitem_78", "--octaves", "3", "--steps", "8"],
    ),
    ("atlas", 700, "flowers-gap.atlas.13-Relu_output_0", ATLAS),
    (
        "atlas-inversion",
        700,
        "flowers-gap.atlas.13-Relu_output_0.inversion",
        [*ATLAS, "--inversion"],
    ),
    (
        "crp",
        800,
        "stem-red-1000006.crp.13-Relu_output_0",
        ["crp", GAP, STEM, "--data", "flowers", "--count", "4"],
    ),
    (
        "tcav",
        700,
        "flowers-gap.tcav.13-Relu_output_0",
        ["tcav", GAP, "flowers", *CONCEPTS, "-t", "petals-red", "-t", "stem-red"],
    ),
    (
        "craft",
        800,
        "flowers-gap.craft.6.13-Relu_output_0",
        ["craft", GAP, "flowers", "-t", "stem-red", "--concepts", "4"],
    ),
    (
        "prototypes",
        800,
        "flowers-gap.prototypes.6.13-Relu_output_0",
        ["prototypes", GAP, "flowers", "-t", "stem-red", "--image", "examples/flowers"],
    ),
    ("maco", 600, "flowers-gap.maco", ["maco", GAP, *MADE, "--data", "flowers"]),
    (
        "maco-lite0",
        400,
        "efficientnet-lite0.maco",
        ["maco", LITE0, "-t", "tiger cat", "--steps", "80"],
    ),
    (
        "similarity",
        800,
        "stem-red-1000006.similarity.petals-red-1000000.occlusion",
        ["similarity", GAP, STEM, "examples/flowers/petals-red-1000000.png"],
    ),
]
QUALITY = 88
# Colours of the drawn concepts.
COLOURS = {"red": (215, 25, 30), "blue": (40, 80, 230)}


def prepare(work: Path) -> None:
    """Put into ``work`` what the commands read: flowers, flowers with photos, pieces of photos."""
    for name in ("models", "examples"):
        (work / name).symlink_to(ROOT / name)
    write_flowers(work / "flowers", "double12", 360, first_seed=2000000, decoys=True)
    draw_concepts(work)
    (work / "mixed").mkdir()
    (work / "crops" / "daisy").mkdir(parents=True)
    flowers = sorted((work / "flowers").glob("*-*/*.png"))
    for path in (flower for k, flower in enumerate(flowers) if k % 3):
        shutil.copy(path, work / "mixed")
    for path in flowers[::18]:
        shutil.copy(path, work / "crops" / "daisy")
    for path in (ROOT / "examples" / "photos").glob("*.[pj][np]g"):
        shutil.copy(path, work / "mixed")
    random = np.random.default_rng(0)
    for name, label in PHOTOS.items():
        path = next((ROOT / "examples" / "photos").glob(f"{name}.*"))
        photo = Image.open(path).convert("RGB")
        (work / "crops" / label).mkdir()
        for k in range(20):
            side = int(min(photo.size) * random.uniform(0.5, 1))
            left, top = (int(random.integers(0, length - side + 1)) for length in photo.size)
            piece = photo.crop((left, top, left + side, top + side))
            piece.save(work / "crops" / label / f"{k}.png")


def draw_concepts(work: Path) -> None:
    """Draw squares on noise: of a concept's colour, or of any colour."""
    random = np.random.default_rng(0)
    for name, count in (*((c, 20) for c in COLOURS), ("random", 200)):
        (work / name).mkdir()
        for k in range(count):
            pixels = random.normal(120, 30, (96, 96, 3))
            colour = COLOURS.get(name, random.integers(20, 240, 3))
            for _ in range(random.integers(1, 4)):
                top, left = random.integers(0, 70, 2)
                height, width = random.integers(10, 26, 2)
                pixels[top : top + height, left : left + width] = colour
            picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
            picture.save(work / name / f"{k}.png")


def shrunk(drawn: Path, width: int) -> Image.Image:
    """Read a picture and give it this width."""
    picture = Image.open(drawn).convert("RGB")
    height = round(picture.height * width / picture.width)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def keep(drawn: Path, name: str, width: int, folder: Path = FOLDER) -> None:
    """Write a picture as ``name`` in this width: few colours would leave steps in its shades."""
    kept = folder / f"{name}.jpg"
    shrunk(drawn, width).save(kept, quality=QUALITY, subsampling=0)
    print(f"{kept.name}: {kept.stat().st_size:,} bytes")


def draw(chosen: list[str]) -> None:
    """Run the commands and keep their pictures; all of them, or those with one of some words."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(work)
        for name, width, made, words in DRAWN:
            if chosen and not set(chosen) & set(words):
                continue
            command = [sys.executable, "-m", "onnxplain", "features", *words, "-q"]
            subprocess.run(command, check=True, cwd=work, env=environment)
            if name:
                keep(work / "features" / f"{made}.png", name, width)


if __name__ == "__main__":
    draw(sys.argv[1:])
