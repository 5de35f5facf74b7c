"""What a method found, and everything needed to say where it came from."""

from __future__ import annotations

import base64
import dataclasses
import functools
import io
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.boundary import reason
from onnxplain.errors import UsageError
from onnxplain.explanations.contents import Contents
from onnxplain.explanations.npz import read_record, write_npz
from onnxplain.explanations.saved_record import check_arrays, check_record, check_target
from onnxplain.files import MAX_JSON_BYTES, whole_file, why_no_file
from onnxplain.targets.recorded import target_from

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL import Image

FORMAT = 2
_ARRAYS = ("attribution", "scores", "pixels")
# Without `unit`: every answer was taken for probabilities.
_FIRST_FORMAT = 1
_WHAT = "saved explanation"
# Types of elements as `save` writes them.
_NUMBERS = re.compile(r"[<>|=]?[biufcUS][0-9]{1,6}")
# What reading a record raises, depending on what of it is wrong.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, repr=False)
class Explanation(Contents):
    """One image, one target, one method: the attribution with its provenance.

    Its attributes are those of `onnxplain.explanations.contents.Contents`.
    """

    def __repr__(self) -> str:
        size = " x ".join(map(str, self.attribution.shape))
        return (
            f"<Explanation of {self.target.describe()} by {self.method}: score {self.score:.4g}, "
            f"{size} numbers ({', '.join(self.axes)}), {len(self.warnings)} warnings>"
        )

    @functools.cached_property
    def sentences(self) -> list[str]:
        """What was explained and where its evidence is; then whether the map can be believed."""
        from onnxplain.render.summary import sentences

        return sentences(self)

    @property
    def summary(self) -> str:
        """The same as one text."""
        return " ".join(self.sentences)

    def overlay(
        self, *, alpha: float = 0.6, style: str = "overlay", contour: bool = False
    ) -> Image.Image:
        """Picture in grey with the map laid over it.

        `alpha` is how much the map covers; `style` overlay, photo, map, grey or black; a
        `contour` runs around what has half of the strongest value or more.
        """
        from onnxplain.render.overlay import overlay

        return overlay(self, alpha=alpha, style=style, contour=contour)

    def plot(self) -> Figure:
        """Figure of the picture, the map and the overlay, with a colour bar."""
        from onnxplain.render.figures import figure_of
        from onnxplain.render.sheet import sheet

        return figure_of(sheet([self]))

    def to_dict(self) -> dict[str, Any]:
        """Everything but the arrays, as plain data."""
        record = {
            f.name: getattr(self, f.name)
            for f in dataclasses.fields(self)
            if f.name not in ("attribution", "scores", "pixels", "maps", "target")
        }
        record["target"] = self.target.to_dict()
        record["axes"] = list(self.axes)
        record["labels"] = {str(k): v for k, v in self.labels.items()}
        record["top"] = [{"index": i, "name": n, self.unit: p} for i, n, p in self.top()]
        return {"format": FORMAT, **{k: _plain(v) for k, v in record.items()}}

    def save(self, path: str | Path) -> None:
        """Write to ``.npz`` (compact) or ``.json`` (arrays as base64); nothing is pickled.

        Raises
        ------
        UsageError
            If the file name has another ending.
        OutputError
            If the file cannot be written.
        """
        path = Path(path)
        record = json.dumps(self.to_dict(), allow_nan=False)
        if path.suffix == ".npz":
            with whole_file(path) as file:
                write_npz(file, {"record": np.array(record), **self._arrays()})
        elif path.suffix == ".json":
            arrays = {k: _encode(v) for k, v in self._arrays().items()}
            text = json.dumps({**json.loads(record), "arrays": arrays}, indent=1)
            with whole_file(path) as file:
                file.write(text.encode())
        else:
            raise UsageError(f"cannot save an explanation as {path.name!r}: use .npz or .json")

    @classmethod
    def load(cls, path: str | Path) -> Explanation:
        """Read what `save` wrote.

        Raises
        ------
        UsageError
            If the file is missing, damaged, or no explanation.
        """
        path = Path(path)
        try:
            if path.suffix == ".json":
                if problem := why_no_file(path):
                    raise UsageError(f"no {_WHAT} at {str(path)!r}: {problem}")
                if path.stat().st_size > MAX_JSON_BYTES:
                    raise UsageError(f"{str(path)!r} is above {MAX_JSON_BYTES:,} bytes")
                record = json.loads(path.read_text("utf-8"))
                arrays = {k: _decode(v) for k, v in record.pop("arrays").items()}
            else:
                record, arrays = read_record(path, _WHAT)
            return cls._build(record, arrays)
        except _DAMAGE as error:
            raise UsageError(f"{str(path)!r} is not a {_WHAT}: {reason(error)}") from error

    def _arrays(self) -> dict[str, Any]:
        arrays = {k: getattr(self, k) for k in _ARRAYS}
        return arrays | {f"map:{k}": v for k, v in self.maps.items()}

    @classmethod
    def _build(cls, record: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Explanation:
        written = record.pop("format")
        if written == _FIRST_FORMAT:
            record["unit"] = "probability"
            arrays["scores"] = arrays.pop("probabilities")
        elif written != FORMAT:
            raise ValueError("it was written by another version")
        record.pop("top")
        check_record(record)
        # An unknown number is null in JSON.
        record["measures"] = {k: _number(v) for k, v in record["measures"].items()}
        record |= {key: _number(record[key]) for key in ("score", "seconds")}
        record["axes"] = tuple(record["axes"])
        # Files of earlier versions hold none.
        record["warnings"] = tuple(map(str, record.get("warnings", ())))
        record["labels"] = {int(k): v for k, v in record["labels"].items()}
        record["target"] = target_from(record["target"])
        maps = {k[4:]: v for k, v in arrays.items() if k.startswith("map:")}
        main: dict[str, Any] = {k: arrays[k] for k in _ARRAYS}
        check_arrays(**main, maps=maps, axes=record["axes"])
        check_target(record["target"], main["scores"])
        return cls(**record, **main, maps=maps)

    def _repr_png_(self) -> bytes:
        """Picture for notebooks."""
        from onnxplain.render.painted import painted
        from onnxplain.render.sheet import sheet

        buffer = io.BytesIO()
        painted(sheet([self])).save(buffer, "PNG")
        return buffer.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    value = value.item() if isinstance(value, np.generic) else value
    # JSON has no NaN; an unknown number is null.
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _number(value: float | None) -> float:
    return math.nan if value is None else value


def _encode(array: NDArray[Any]) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": array.dtype.str, "shape": list(array.shape), "base64": data}


def _decode(data: dict[str, Any]) -> NDArray[Any]:
    if not _NUMBERS.fullmatch(data["dtype"]):  # NumPy's own reader parses lists and dicts of them
        raise ValueError(f"{data['dtype']!r:.80} is not an element type of numbers or text")
    dtype = np.dtype(data["dtype"])
    return np.frombuffer(base64.b64decode(data["base64"]), dtype).reshape(data["shape"]).copy()
