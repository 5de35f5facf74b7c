"""What ``onnxplain features similarity`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onnxplain.cli.choices import give_parameters
from onnxplain.cli.console import line, remark
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.picture_views import file_name, open_model, tell
from onnxplain.cli.images import require_order, shortened
from onnxplain.errors import UsageError
from onnxplain.features.similarity import likeness_to, similarity, vector_of, vector_reading
from onnxplain.methods import find
from onnxplain.model.model import Model
from onnxplain.render.save import save_page
from onnxplain.render.similarity import draw_similarity
from onnxplain.tasks.embedding import read_vector


def run_similarity(
    *,
    model: str,
    images: Sequence[str],
    reference: str | None,
    against: Sequence[str],
    layer: str | None,
    method: str,
    parameters: Sequence[str],
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> None:
    """Explain a likeness on both sides."""
    out = Path(folder)
    require_writable(out)
    require_order(model, images)
    if len(images) + (reference is not None) != 2:
        raise UsageError("give two pictures, or one picture and --reference")
    if against and reference is None:
        raise UsageError("--against belongs to --reference")
    (chosen,) = give_parameters([find(method)], parameters)
    opened = open_model(model, quiet, opening)
    given = dict(chosen.parameters)
    other = images[-1]
    compared = other
    if reference is not None:
        compared = reference
        likeness = likeness_to(
            opened,
            _vector(opened, reference, layer),
            Path(reference).name,
            against=[_vector(opened, path, layer) for path in against],
            layer=layer,
        )
    found = similarity(
        opened,
        images[0],
        other if reference is None else likeness,
        layer=layer,
        method=chosen.method.name,
        parameters=given,
        seed=seed,
        allow_mismatch=allow_mismatch,
    )
    first, second = (file_name(shortened(Path(p).stem)) for p in (images[0], compared))
    stem = f"{out / first}.similarity.{second}.{chosen.method.name}"
    sides = [found.first] if found.second is None else [found.first, found.second]
    for text in () if quiet else dict.fromkeys(t for side in sides for t in side.warnings):
        remark(f"warning: {text}")
    save_page(draw_similarity(found, opened.name), f"{stem}.png")
    written = [f"{stem}.png"]
    for number, side in enumerate(sides, 1):
        written.append(f"{stem}.{number}.npz")
        side.save(written[-1])
    if not quiet:
        line(f"cosine {found.cosine:.4g}")
    tell(written, quiet)


def _vector(model: Model, path: str, layer: str | None) -> NDArray[np.float64]:
    """A vector from a file, or that of a picture."""
    if path.lower().endswith(".npy"):
        return read_vector(path)
    return vector_of(model, model.read(path), vector_reading(model, layer))
