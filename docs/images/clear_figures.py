"""Draw the CLEAR figures of this folder: ``python -m docs.images.clear_figures``.

Digits are from the test split of the shipped classifier, which never saw them.
"""

from pathlib import Path

import onnxplain
from models.build.digits_data import load_splits
from onnxplain.render.clear_maps import clear_maps
from onnxplain.render.painted import painted

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[1]


def draw(model: onnxplain.Model, picture: object, name: str, **options: object) -> None:
    """Explain a picture by CLEAR and write the sheet as ``clear-<name>``."""
    found = model.explain(picture, "clear", **options)
    path = FOLDER / f"clear-{name}"
    drawn = painted(clear_maps(found, dict(enumerate(model.labels))))
    if path.suffix == ".jpg":
        drawn.save(path, quality=75, subsampling=0)
    else:
        drawn.save(path)
    share = f"{found.measures['dominance']:.1%} of the dominant response"
    print(f"{path.name}: {found.target.describe()}, {share}, {path.stat().st_size:,} bytes")


def digits() -> None:
    """One digit that is recognised, and one that is not."""
    model = onnxplain.load(ROOT / "models/digits-gap.onnx")
    test = load_splits()[1]
    found = [int(model.predict(image).probabilities.argmax()) for image in test.images]
    right = next(k for k, c in enumerate(test.classes) if found[k] == c == 3)
    wrong = next(k for k, c in enumerate(test.classes) if found[k] != c)
    print("wrong digit:", wrong, "is", test.classes[wrong], "taken for", found[wrong])
    draw(model, test.images[right], "digit-right.png")
    draw(model, test.images[wrong], "digit-wrong.png")


def photo() -> None:
    """The ten best classes of a photo, responses passed back as in guided backpropagation."""
    model = onnxplain.load(ROOT / "models/efficientnet-lite0.onnx")
    draw(model, ROOT / "examples/photos/chelsea.png", "photo.jpg", relu="guided")


if __name__ == "__main__":
    digits()
    photo()
