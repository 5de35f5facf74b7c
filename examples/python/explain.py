"""Explain a picture with a model that carries its explanation.

Needs ONNX Runtime, NumPy and Pillow: neither onnxplain nor PyTorch is imported.

    python explain.py MODEL PICTURE [--preprocess FILE] [--labels FILE] [-t CLASS] [-o OVERLAY]

The preprocessing is in the file if it was exported with --uint8.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image, ImageOps

# The colours of onnxplain's own pictures, from against the class over white to for it.
BLUE_RED = "2166ac 4393c3 92c5de d1e5f0 f7f7f7 fddbc7 f4a582 d6604d b2182b"
# Steps of the preprocessing that this example knows; docs/inputs.md has all of them.
_STEPS = {
    *("version", "name", "layout", "size", "color", "dtype", "resize"),
    *("crop_fraction", "interpolation", "scale", "mean", "std"),
}


def carried(session: onnxruntime.InferenceSession) -> dict[str, Any]:
    """What the file says about its maps: names of inputs and outputs, methods."""
    said = session.get_modelmeta().custom_metadata_map.get("onnxplain.export")
    if said is None:
        sys.exit("this model carries no maps; write one that does: onnxplain export --help")
    return json.loads(said)


def read_pixels(path: str, recipe: dict[str, Any]) -> NDArray[np.uint8]:
    """Pixels as the model sees them, (H, W, C): cut and resized as the recipe says."""
    resize, color = recipe.get("resize", "crop"), recipe.get("color", "RGB")
    if recipe.keys() - _STEPS or resize not in ("crop", "stretch") or color == "bands":
        sys.exit("this short example cuts or stretches pictures; the preprocessing needs more")
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.has_transparency_data:
        paper = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(paper, picture.convert("RGBA"))
    picture = picture.convert("RGB").convert("L" if color == "gray" else "RGB")
    height, width = recipe["size"]
    wide, high = picture.size
    if resize == "crop":
        unit = min(wide / width, high / height)
        wide, high = width * unit, height * unit
    share = recipe.get("crop_fraction", 1)
    wide, high = min(wide * share, picture.width), min(high * share, picture.height)
    left, top = (picture.width - wide) / 2, (picture.height - high) / 2
    right, bottom = min(left + wide, picture.width), min(top + high, picture.height)
    filter_ = Image.Resampling[recipe.get("interpolation", "bicubic").upper()]
    seen = picture.resize((width, height), filter_, box=(left, top, right, bottom))
    return np.asarray(seen).reshape(height, width, -1)


def encode(pixels: NDArray[np.uint8], recipe: dict[str, Any]) -> NDArray[np.float32]:
    """Values that the model was trained on, with a batch axis."""
    values = pixels[..., ::-1] if recipe.get("color") == "BGR" else pixels
    values = values * recipe.get("scale", 1.0) - np.array(recipe.get("mean", 0.0))
    values = values / np.array(recipe.get("std", 1.0))
    if recipe["layout"] == "NCHW":
        values = np.moveaxis(values, -1, 0)
    return np.ascontiguousarray(values[None], np.float32)


def prepare(
    session: onnxruntime.InferenceSession, path: str, recipe: dict[str, Any] | None
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Pixels of a picture as the model sees them, and the model's input."""
    said = carried(session)
    if "picture" in said["inputs"]:  # the file has its preprocessing inside
        pixels = read_pixels(path, said["preprocess"])
        return pixels, np.broadcast_to(pixels, (*pixels.shape[:2], 3))[None]
    if recipe is None:
        sys.exit("this model has no preprocessing inside; give --preprocess")
    pixels = read_pixels(path, recipe)
    return pixels, encode(pixels, recipe)


def explain(
    session: onnxruntime.InferenceSession, x: NDArray[Any], target: int = -1
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores and the first map of one picture; the target -1 is the predicted class."""
    said = carried(session)
    further = {said["inputs"][name] for name in ("explain", "target", "contrast")}
    names = [session.get_outputs()[0].name, next(iter(said["outputs"].values()))]
    picture = next(i.name for i in session.get_inputs() if i.name not in further)
    feeds = {picture: x, said["inputs"]["target"]: np.array([target])}
    if len(session.get_inputs()) > 1:  # without defaults: --required-inputs
        feeds[said["inputs"]["explain"]] = np.array(True)
        feeds[said["inputs"]["contrast"]] = np.array([said["defaults"]["contrast"]])
    scores, attribution = session.run(names, feeds)
    return scores[0], attribution[0]


def overlay(pixels: NDArray[np.uint8], attribution: NDArray[np.float32]) -> Image.Image:
    """The picture in grey; red where the map supports the class, blue where it opposes it."""
    height, width = pixels.shape[:2]
    # Gradients have the input's channels, class activation maps have none.
    channels = (int(np.argmin(attribution.shape)),) if attribution.ndim == 3 else ()
    flat = attribution.sum(axis=channels)
    scaled = Image.fromarray(flat / (np.abs(flat).max() or 1))
    strength = np.asarray(scaled.resize((width, height), Image.Resampling.BILINEAR))
    anchors = np.array([list(bytes.fromhex(color)) for color in BLUE_RED.split()])
    places = np.linspace(-1, 1, len(anchors))
    colors = np.stack([np.interp(strength, places, channel) for channel in anchors.T], axis=-1)
    seen = Image.fromarray(pixels if pixels.shape[2] == 3 else pixels[..., 0])
    blended = 0.4 * np.asarray(seen.convert("L"))[..., None] + 0.6 * colors
    return Image.fromarray(np.round(blended).astype(np.uint8))


def main() -> None:
    """Print the best classes and write the overlay."""
    parser = argparse.ArgumentParser(description="Explain a picture with a model that can.")
    parser.add_argument("model", help="written by onnxplain export")
    parser.add_argument("picture")
    parser.add_argument("--preprocess", help="the model's .preprocess.json")
    parser.add_argument("--labels", help="a .json list of class names")
    parser.add_argument("-t", "--target", type=int, default=-1, help="index of the class")
    parser.add_argument("-o", "--out", default="overlay.png")
    given = parser.parse_args()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # else it warns of inputs that have a default
    session = onnxruntime.InferenceSession(given.model, options)
    recipe = json.loads(Path(given.preprocess).read_text("utf-8")) if given.preprocess else None
    count = session.get_outputs()[0].shape[-1]
    if isinstance(count, int) and given.target >= count:
        sys.exit(f"class {given.target} is none; the classes are 0 to {count - 1}")
    pixels, x = prepare(session, given.picture, recipe)
    scores, attribution = explain(session, x, given.target)
    labels = range(len(scores))
    if given.labels:
        labels = json.loads(Path(given.labels).read_text("utf-8"))
    for k in np.argsort(-scores)[:5]:
        print(f"{scores[k]:8.3f}  {labels[k]}")
    overlay(pixels, attribution).save(given.out)
    explained = given.target if given.target >= 0 else int(scores.argmax())
    print(f"{given.out}: the map of {labels[explained]}")


if __name__ == "__main__":
    main()
