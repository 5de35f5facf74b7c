"""Maps of an exported file beside those of `explain`, for the same target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

import onnxplain
from onnxplain.export.export import Export, export
from onnxplain.model.model import Model
from tests.convert.oracle import session

#: Maps are written in single precision; everything before is double in these files.
SINGLE = 1e-6


@dataclass
class Made:
    """A file and the model that it was made of."""

    model: Model
    found: Export
    path: Path

    @property
    def session(self) -> Any:
        """The file, opened in ONNX Runtime."""
        return session(onnx.load(self.path))

    def maps(self, x: np.ndarray, **feeds: Any) -> dict[str, np.ndarray]:
        """Return the maps of pictures; further inputs by their usual names."""
        names = self.found.written.inputs
        given = {names.get(k, k): np.asarray(v) for k, v in feeds.items()}
        image = self.model.network.image.name
        outputs = self.found.written.outputs
        values = self.session.run(list(outputs.values()), {image: x, **given})
        return dict(zip(outputs, values, strict=True))

    def explained(self, x: np.ndarray, target: Any, method: str, **options: Any) -> np.ndarray:
        """Return the map of `explain` in double precision."""
        more = {"steps": 8, "max_steps": 8} if method == "integrated-gradients" else {}
        if self.found.layer and method not in ("gradient", "integrated-gradients"):
            more["layer"] = self.found.layer
        made = self.model.explain(x, method, target, allow_mismatch=True, **more, **options)
        return np.asarray(made.attribution, np.float64)


def made(
    proto: onnx.ModelProto,
    folder: Path,
    methods: str = "gradient",
    *,
    loading: Mapping[str, Any] | None = None,
    **options: Any,
) -> Made:
    """Export a model; what is explained runs in double precision."""
    source, out = folder / "model.onnx", folder / "out.onnx"
    onnx.save(proto, source)
    model = onnxplain.load(source, precision="double", preprocess="zero-one", **(loading or {}))
    return Made(model, export(model, source, out, [methods], steps=8, **options), out)


def assert_same(found: np.ndarray, expected: np.ndarray, share: float = SINGLE) -> None:
    """Compare two maps by their largest number, which must not be zero."""
    scale = np.abs(expected).max()
    assert scale > 0
    np.testing.assert_allclose(found / scale, expected / scale, rtol=0, atol=share)
