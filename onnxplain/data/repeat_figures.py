"""Repeat the figures of a dossier from its record alone; `verify_dossier.py` runs this file.

It shares no code with onnxplain and needs numpy, onnxruntime and Pillow. What it cannot repeat it
refuses, and never passes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from typing import Any

from verify_dossier import MOST_JSON, DiffersError, UncheckedError, allowed, differs, read

RECORD, OCCLUSION = "record.json", "occlusion"
MOST_PIXELS, MOST_WINDOWS, BATCH, SIDE = 100_000_000, 1_000_000, 32, 28
# Between machines, providers and versions: measured in docs/dossier.md. Of a probability or another
# score, and of a value of a map in their unit; of a share of the evidence.
TOLERANCE, SHARE = 1e-4, 5e-3
# What rounding makes of a cell of a map; it decides a share where there is hardly any evidence.
ROUNDING = 1e-6
FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")


def opened(path: str) -> Any:
    """Pixels of a picture file, upright, RGB or grey of 8 bits, over white."""
    from PIL import Image, ImageOps

    with Image.open(path, formats=FORMATS) as image:
        if image.width * image.height > MOST_PIXELS:
            raise UncheckedError("a picture is too large")
        image.load()
        upright = ImageOps.exif_transpose(image)
    if upright.mode in ("RGB", "L"):
        return upright
    if upright.mode == "1":
        return upright.convert("L")
    if upright.mode in ("I", "F") or upright.mode.startswith("I;"):
        raise UncheckedError("a picture has more than 8 bits")
    if "A" in upright.getbands() or "transparency" in upright.info:
        over = Image.new("RGBA", upright.size, "white")
        over.alpha_composite(upright.convert("RGBA"))
        return over.convert("L" if upright.mode == "LA" else "RGB")
    return upright.convert("RGB")


def framed(image: Any, recipe: dict[str, Any]) -> Any:
    """Cut and resize a picture as the recipe says."""
    from PIL import Image

    rows, columns = recipe["size"]
    way, share = recipe.get("resize", "crop"), recipe.get("crop_fraction", 1.0)
    method = Image.Resampling[recipe.get("interpolation", "bicubic").upper()]
    down, right = recipe.get("position", (0.5, 0.5))
    width, height = image.size
    if way not in ("crop", "stretch"):
        raise UncheckedError(f"resize {way!r} is not repeated by this verifier")
    if (short := recipe.get("resize_to")) is not None:
        if isinstance(short, int):
            longer = max(1, int(short * max(width, height) / min(width, height)))
            scaled = (short, longer) if width <= height else (longer, short)
        else:
            scaled = (short[1], short[0])
        left, top = scaled[0] - columns, scaled[1] - rows
        if left < 0 or top < 0:
            raise UncheckedError("a picture is smaller than the model's input")
        left, top = round(left * right), round(top * down)
        return image.resize(scaled, method).crop((left, top, left + columns, top + rows))
    wide, high = width * share, height * share
    if way == "crop":
        unit = min(width / columns, height / rows) * share
        wide, high = columns * unit, rows * unit
    wide, high = min(wide, width), min(high, height)
    left, top = (width - wide) * right, (height - high) * down
    box = (left, top, min(left + wide, width), min(top + high, height))
    return image.resize((columns, rows), method, box=box)


def model_input(path: str, recipe: dict[str, Any]) -> Any:
    """Tensor of a picture."""
    import numpy as np

    color = recipe.get("color", "RGB")
    if color == "bands" or path.lower().endswith(".npy"):
        raise UncheckedError("bands and arrays are not repeated by this verifier")
    image = framed(opened(path).convert("L" if color == "gray" else "RGB"), recipe)
    return encoded(np.asarray(image, np.float64).reshape(*recipe["size"], -1), recipe)


def encoded(values: Any, recipe: dict[str, Any]) -> Any:
    """Tensor of pixels, (H, W, C) from 0 to 255."""
    import numpy as np

    if recipe.get("color", "RGB") == "BGR":
        values = values[:, :, ::-1]
    channels = values.shape[2]
    mean, std = recipe.get("mean", [0.0] * channels), recipe.get("std", [1.0] * channels)
    values = (values * recipe.get("scale", 1.0) - np.array(mean)) / np.array(std)
    if recipe["layout"] == "NCHW":
        values = values.transpose(2, 0, 1)
    dtype = np.dtype(recipe.get("dtype", "float32"))
    if dtype.kind in "iu":
        values = values.round().clip(np.iinfo(dtype).min, np.iinfo(dtype).max)
    return np.ascontiguousarray(values[None], dtype)


def scores(raw: Any, declared: str | None, unit: str) -> Any:
    """Return what the record calls the score, of the model's output."""
    import numpy as np

    values = np.asarray(raw, np.float64)
    if values.ndim < 1 or values.size != max(values.shape):
        raise UncheckedError("the output is not one list of classes")
    values = values.reshape(-1)
    if unit != "probability":
        return values
    if declared == "logits":
        if values.size == 1:
            values = np.array([0.0, values[0]])
        values = np.exp(values - values.max())
        return values / values.sum()
    inside = values.min() >= -TOLERANCE and values.max() <= 1 + TOLERANCE
    if inside and values.size == 1:
        return np.array([1 - values[0], values[0]])
    if inside and (declared == "probabilities" or abs(values.sum() - 1) < 1e-3):
        return values
    raise UncheckedError("how the output becomes probabilities is not in the record")


class Repeated:
    """The record of a dossier, with its pictures and its model, ready to run.

    Raises `UncheckedError` for models that are not repeated here, and `DiffersError` for a model
    that is not that of the record.
    """

    def __init__(self, folder: str, threads: int = 0) -> None:
        try:
            import numpy
            import onnxruntime
            import PIL
        except ImportError as error:
            raise UncheckedError(f"figures need: pip install {error.name}") from None
        self.folder = folder
        self.record = json.loads(read(os.path.join(folder, RECORD), MOST_JSON))
        kept = json.loads(read(os.path.join(folder, "pictures.json"), MOST_JSON))
        self.files = {entry["name"]: entry.get("file") for entry in kept}
        self.about, self.recipe = self.record["model"], self.record["preprocess"]
        path = self.model_file()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        if self.about["output"] not in [o.name for o in self.session.get_outputs()]:
            raise UncheckedError(f"{self.about['output']!r} is inside of the model, not an output")
        self.pictures = [p for p in self.record["pictures"] if p.get("status", "done") == "done"]
        if not self.pictures:
            raise UncheckedError("the record has no picture that was examined")
        self.versions = (
            f"onnxruntime {onnxruntime.__version__}, Pillow {PIL.__version__}, "
            f"numpy {numpy.__version__}"
        )

    def model_file(self) -> str:
        """Path of the model, whose files are those of the record."""
        about = self.about
        if about.get("task", "classes") != "classes" or about.get("bound"):
            raise UncheckedError("only classifiers with one input are repeated by this verifier")
        if not about.get("files") or not allowed(about["files"][0]["location"]):
            raise UncheckedError("the record does not name the model's files")
        path = os.path.join(self.folder, "model", about["files"][0]["location"])
        if not os.path.isfile(path):
            raise UncheckedError("the dossier does not hold the model")
        for file in about["files"]:
            inside = os.path.join(self.folder, "model", file["location"])
            if not allowed(file["location"]) or differs(inside, file["bytes"], file["sha256"]):
                raise DiffersError(f"model/{file['location']}: is not the model of the record")
        return path

    def input(self, picture: dict[str, Any]) -> Any:
        """Tensor of a picture of the record, whose file is that of the record."""
        name = self.files.get(picture["name"])
        if name is None or not allowed(name):
            raise DiffersError(f"{picture['name']}: the dossier does not hold this picture")
        file = os.path.join(self.folder, name)
        if hashlib.sha256(read(file, MOST_JSON)).hexdigest() != picture["file_sha256"]:
            raise DiffersError(f"{name}: is not the picture of the record")
        return model_input(file, self.recipe)

    def scores(self, x: Any, unit: str) -> Any:
        """Scores of one input, see `scores`."""
        (raw,) = self.session.run([self.about["output"]], {self.about["input"]: x})
        return scores(raw, self.about.get("scores"), unit)


def check_predictions(folder: str, threads: int = 0) -> str:
    """Repeat the prediction of each picture from the record."""
    import numpy as np

    here = Repeated(folder, threads)
    equal, largest = 0, 0.0
    for picture in here.pictures:
        x = here.input(picture)
        equal += hashlib.sha256(x.tobytes()).hexdigest() == picture["input_sha256"]
        found = here.scores(x, picture.get("unit", "probability"))
        for entry in picture["top"]:
            known = entry["probability"]
            known = entry["score"] if known is None else known
            if not 0 <= entry["index"] < found.size:
                raise DiffersError(f"{picture['name']}: the model has no class {entry['index']}")
            now = float(found[entry["index"]])
            largest = max(largest, near(picture, f"class {entry['index']}", known, now, TOLERANCE))
        if found[picture["predicted"]] < np.max(found) - TOLERANCE * max(1.0, abs(np.max(found))):
            raise DiffersError(f"{picture['name']}: another class is predicted")
    return (
        f"predictions of {len(here.pictures)} pictures repeat; largest difference {largest:.2g}, "
        f"{equal} inputs equal to the byte ({here.versions})"
    )


def near(picture: dict[str, Any], what: str, known: float, now: float, tolerance: float) -> float:
    """Return how far two numbers are apart, relative to what is above 1; refuse too far."""
    off = abs(now - known) / max(1.0, abs(known))
    if not (math.isfinite(off) and off <= tolerance):
        raise DiffersError(
            f"{picture['name']}: {what} has {known:.6g} in the record and {now:.6g} now "
            f"(tolerance {tolerance:.2g})"
        )
    return off


def check_occlusion(folder: str, sample: int, threads: int = 0) -> str:
    """Repeat the occlusion maps of some pictures from the record, with their evidence."""
    import numpy as np

    here = Repeated(folder, threads)
    ran = here.record["methods"].get(OCCLUSION)
    if ran is None:
        return "the audit did not ask for it"
    given = ran["parameters"]
    if here.record["questions"].get("target") is not None:
        raise UncheckedError("another target than a class of the picture is not repeated here")
    for key, plain in (("refine", 1), ("response_of", None), ("tolerance", None)):
        if given.get(key, plain) != plain:
            raise UncheckedError(f"occlusion with {key}={given[key]!r} is not repeated here")
    rows = [k for k, p in enumerate(here.record["pictures"]) if OCCLUSION in p.get("methods", {})]
    chosen = sorted({rows[int(k)] for k in np.linspace(0, len(rows) - 1, sample).round()})
    maps = stored_maps(folder, len(here.record["pictures"]))
    largest, off, windows = 0.0, 0.0, 0
    for row in chosen:
        picture = here.record["pictures"][row]
        result = picture["methods"][OCCLUSION]
        found, count = occluded(here, picture, {**given, **(result.get("settled") or {})})
        windows += count
        if maps is not None:
            largest = max(largest, compare_maps(picture, maps[row], small(found)))
        for zone, known in result["evidence"].items():
            if zone != "mask":
                now, loose = share(found, zone)
                what = f"occlusion: share of the evidence in {zone!r}"
                off = max(off, near(picture, what, known, now, max(SHARE, loose)))
    of_maps = "the dossier has no maps" if maps is None else f"maps differ by {largest:.2g} at most"
    return (
        f"maps of {len(chosen)} of {len(rows)} pictures repeat from {windows} windows: {of_maps}, "
        f"shares of the evidence by {off:.2g}"
    )


def occluded(here: Repeated, picture: dict[str, Any], given: dict[str, Any]) -> tuple[Any, int]:
    """(H, W) map of a picture: mean over the windows that cover a pixel of the fall of the score.

    Also how many windows there are.
    """
    import numpy as np

    unit, index = picture.get("target_unit", "probability"), picture["explained"]
    if unit not in ("probability", "score"):
        raise UncheckedError(f"scores of the unit {unit!r} are not repeated here")
    x = here.input(picture)
    rows, columns = (1, 2) if here.recipe["layout"] == "NHWC" else (2, 3)
    size = (x.shape[rows], x.shape[columns])
    pairs = [pair(given.get(key), key) for key in ("window", "stride")]
    grid = [extents(*sides) for sides in zip(size, *pairs, strict=True)]
    if not 0 < len(grid[0]) * len(grid[1]) <= MOST_WINDOWS:
        raise UncheckedError("there are too many windows")
    cover = filled(x, str(given.get("fill_with", "mean")), here.recipe, (rows, columns))
    whole = float(here.scores(x, unit)[index])
    total, times = np.zeros(size), np.zeros(size)
    for top, bottom in grid[0]:
        for left, right in grid[1]:
            inside = [slice(None)] * 4
            inside[rows], inside[columns] = slice(top, bottom), slice(left, right)
            covered = x.copy()
            covered[tuple(inside)] = cover[tuple(inside)]
            total[top:bottom, left:right] += whole - float(here.scores(covered, unit)[index])
            times[top:bottom, left:right] += 1
    return total / np.maximum(times, 1), len(grid[0]) * len(grid[1])


def pair(value: Any, key: str) -> tuple[int, int]:
    """Height and width of a window or a step."""
    if value is None:
        raise UncheckedError(f"the record does not hold the {key} of occlusion: it is an older one")
    high, wide = (value, value) if isinstance(value, int) else value
    if not all(type(v) is int and v >= 1 for v in (high, wide)):
        raise UncheckedError(f"the {key} {value!r} is not a size")
    return high, wide


def extents(length: int, window: int, step: int) -> list[tuple[int, int]]:
    """Begin and end of each window along one side; the last one is cut off by the border."""
    found = [(0, min(window, length))]
    while found[-1][1] < length and len(found) <= MOST_WINDOWS:
        found.append((found[-1][0] + step, min(found[-1][0] + step + window, length)))
    return found


def filled(x: Any, kind: str, recipe: dict[str, Any], spatial: tuple[int, int]) -> Any:
    """Input that stands for a covered picture."""
    import numpy as np

    if kind == "mean":
        value = x.mean(axis=spatial, keepdims=True, dtype=np.float64)
    elif kind in ("black", "white"):
        channels = 1 if recipe.get("color", "RGB") == "gray" else 3
        value = encoded(np.full((1, 1, channels), 0.0 if kind == "black" else 255.0), recipe)
    else:
        try:
            value = np.array(float(kind))
        except ValueError:
            raise UncheckedError(f"windows filled with {kind[:80]!r} are not repeated") from None
    return np.broadcast_to(value, x.shape).astype(x.dtype)


def stored_maps(folder: str, count: int) -> Any:
    """(N, 28, 28) maps of the dossier; nothing if it has none."""
    import io

    import numpy as np

    path = os.path.join(folder, "maps", f"{OCCLUSION}.npy")
    if not os.path.lexists(path):
        return None
    maps = np.load(io.BytesIO(read(path, MOST_JSON)), allow_pickle=False)
    if maps.shape != (count, SIDE, SIDE):
        raise DiffersError(f"maps/{OCCLUSION}.npy: has the shape {maps.shape}")
    return maps


def small(values: Any) -> Any:
    """Mean of a map over 28 x 28 cells; a pixel counts with its part that lies in a cell."""
    import numpy as np

    weights = []
    for length in values.shape:
        edges, pixel = np.arange(SIDE + 1) * (length / SIDE), np.arange(length)
        low = np.maximum(edges[:-1, None], pixel)
        high = np.minimum(edges[1:, None], pixel + 1)
        weights.append(np.maximum(high - low, 0.0) * (SIDE / length))
    return weights[0] @ values @ weights[1].T


def compare_maps(picture: dict[str, Any], known: Any, found: Any) -> float:
    """Return the largest difference of two maps; refuse one above the tolerance."""
    import numpy as np

    off = np.abs(known - found)
    row, column = np.unravel_index(np.where(np.isnan(off), np.inf, off).argmax(), off.shape)
    what = f"occlusion: row {row}, column {column} of its map"
    return near(picture, what, float(known[row, column]), float(found[row, column]), TOLERANCE)


def share(values: Any, zone: str) -> tuple[float, float]:
    """Share of the positive evidence in a zone, and what rounding can make of it.

    The zones are the middle half of each side, an eighth of the sides around, and the corners of a
    quarter of each side, as the record's schema says.
    """
    import numpy as np

    evidence = np.maximum(values, 0.0)
    total = float(evidence.sum())
    down, across = ((np.arange(n) + 0.5) / n for n in values.shape)
    down, across = down[:, None], across[None]
    half = np.maximum(np.abs(down - 0.5), np.abs(across - 0.5))
    areas = {"centre": half < 0.25, "border": half >= 0.375}
    for name in ("top left", "top right", "bottom left", "bottom right"):
        vertical = down < 0.25 if "top" in name else down > 0.75
        areas[name] = vertical & (across < 0.25 if "left" in name else across > 0.75)
    if zone not in areas:
        raise UncheckedError(f"the zone {zone!r} is not known here")
    inside = float(evidence[areas[zone]].sum())
    return inside / (total or 1.0), 2 * ROUNDING * values.size / (total or ROUNDING)
