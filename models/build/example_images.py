"""Write test pictures into the folders digits, fashion, flowers, packs and scenes of examples.

The first of each class is taken, of scenes the first six, whether or not a model gets them right.
The number in a file's name is the picture's position in its test split; of what is drawn, its seed.
"""

import json
import re
from pathlib import Path

import digits_data
import fashion_data
import numpy as np
from flowers import CLASSES, FIRST_TEST_SEED, VARIANT
from packs import FIRST_TEST_SEED as FIRST_PACK
from packs_drawing import CLASSES as PACK_CLASSES
from packs_drawing import draw
from PIL import Image
from publish import ROOT
from scenes import CLASSES as OBJECTS
from scenes import FIRST_TEST_SEED as FIRST_SCENE
from scenes import Scene, scenes

from onnxplain.evaluate.flowers import VARIANTS, flowers

SCENES = 6


def write_first_of_each(
    folder: Path, images: np.ndarray, classes: np.ndarray, labels: list[str]
) -> None:
    """Save ``<label>-<position>.png`` for each label; images are (N, H, W) uint8."""
    for index, label in enumerate(labels):
        position = int(np.flatnonzero(classes == index)[0])
        stem = re.sub(r"\W+", "-", label.lower())
        Image.fromarray(images[position]).save(folder / f"{stem}-{position}.png")


def write_packs() -> None:
    """Each kind on either ground, and packs of several."""
    folder = ROOT / "examples" / "packs"
    folder.mkdir(exist_ok=True)
    for label, name in enumerate(PACK_CLASSES):
        for ground in ("grass", "snow"):
            found = draw(FIRST_PACK + label, label, ground)
            Image.fromarray(found.image).save(folder / f"{name}-{ground}.png")
        several = draw(FIRST_PACK + label, label, "grass", animals=4, radius=(10, 14))
        Image.fromarray(several.image).save(folder / f"{name}-pack.png")


def write_flowers() -> None:
    drawn = flowers(VARIANT, CLASSES, first_seed=FIRST_TEST_SEED, decoys=True)
    for k, found in enumerate(drawn):
        name = f"{VARIANTS[VARIANT][found.label]}-{FIRST_TEST_SEED + k}.png"
        Image.fromarray(found.image).save(ROOT / "examples" / "flowers" / name)


def write_scenes() -> None:
    folder, truths = ROOT / "examples" / "scenes", {}
    for seed, drawn in enumerate(scenes(SCENES, first_seed=FIRST_SCENE), FIRST_SCENE):
        name = f"scene-{seed}.png"
        Image.fromarray(drawn.image).save(folder / name)
        truths[name] = objects(drawn)
    lines = [f"{json.dumps(name)}: {json.dumps(rows)}" for name, rows in truths.items()]
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    (folder / "boxes.json").write_text(text, encoding="utf-8")


def objects(drawn: Scene) -> list[dict[str, str | list[int]]]:
    """Class and left, top, right, bottom of each object."""
    return [{"class": OBJECTS[row[4]], "box": row[:4].tolist()} for row in drawn.boxes]


def main() -> None:
    write_flowers()
    write_packs()
    write_scenes()
    _, digits = digits_data.load_splits()
    write_first_of_each(ROOT / "examples" / "digits", *digits, digits_data.LABELS)
    fashion = fashion_data.load_split("t10k")
    write_first_of_each(ROOT / "examples" / "fashion", *fashion, fashion_data.LABELS)


if __name__ == "__main__":
    main()
