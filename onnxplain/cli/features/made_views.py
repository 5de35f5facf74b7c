"""What the ``onnxplain features`` commands that make pictures do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.picture_views import (
    each_image,
    file_name,
    open_model,
    tell,
    tell_layer,
)
from onnxplain.cli.images import shortened
from onnxplain.cli.progress import Bar, progress_bar
from onnxplain.features.ascent import Ascent
from onnxplain.features.class_model import class_model
from onnxplain.features.dream import Dream, dream
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.render.made import draw_class_models, picture_of
from onnxplain.render.save import save_image, save_page
from onnxplain.tasks.classes import Classes

# Without --target: the first so many classes.
_CLASSES = 12


def run_class_model(
    *,
    model: str,
    targets: Sequence[str],
    steps: int,
    decay: float,
    variation: float,
    jitter: int,
    blur: float,
    blur_every: int,
    rate: float,
    bounded: bool,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> None:
    """Make and draw the images of classes."""
    out = Path(folder)
    require_writable(out)
    how = Ascent(steps, rate, decay, variation, jitter, blur, blur_every, bounded)
    opened = open_model(model, quiet, opening)
    named: Sequence[str | int | None] = targets
    if not named:
        # What answers no classes says itself whether there is a first choice.
        first = range(min(opened.task.count, _CLASSES))
        named = first if isinstance(opened.task, Classes) else (None,)
    wanted = dict.fromkeys(map(opened.request, named))
    stem = f"{out / shortened(Path(model).stem)}.class-model"
    found, written = [], [f"{stem}.png"]
    with progress_bar(len(wanted), quiet=quiet) as bar:
        for one in wanted:
            bar.job("class model" if one.index is None else f"class model of {one.index}")
            made = class_model(
                opened, one, how, seed=seed, allow_mismatch=allow_mismatch, progress=bar.step
            )
            written.append(f"{stem}.{made.target.stem}.npz")
            made.save(written[-1])
            found.append(made)
            bar.finish()
    save_page(draw_class_models(found, opened.name, opened.labels), written[0])
    tell(written, quiet)


def run_dream(
    *,
    model: str,
    images: Sequence[str],
    layer: str | None,
    channel: int | None,
    octaves: int,
    scale: float,
    steps: int,
    rate: float,
    jitter: int,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Let pictures dream; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    how = Dream(octaves, scale, steps, rate, jitter)
    opened = open_model(model, quiet, opening)
    network = opened.network
    tensor = tensor_of(network, layer)
    tell_layer(opened, layer, quiet, drawn=False)
    part = file_name(tensor) + ("" if channel is None else f".{channel}")

    def work(path: Path, name: str, bar: Bar) -> list[str]:
        made, _ = dream(
            opened, path, tensor, channel=channel, how=how, seed=seed,
            allow_mismatch=allow_mismatch, progress=bar.step,
        )  # fmt: skip
        file = f"{out / name}.dream.{part}.png"
        save_image(picture_of(made), file)
        return [file]

    return each_image(images, quiet, work)
