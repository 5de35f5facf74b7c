"""What ``onnxplain features maco`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.data_views import counted, tell_skipped
from onnxplain.cli.features.picture_views import (
    file_name,
    open_model,
    parse_channels,
    tell,
    tell_layer,
)
from onnxplain.cli.images import shortened
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import UsageError
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.maco import Maco, data_spectrum, maco
from onnxplain.features.raised import Channel
from onnxplain.features.spectrum import Spectrum
from onnxplain.inputs.dataset import spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.render.made import draw_maco
from onnxplain.render.save import save_page
from onnxplain.targets.target import Target
from onnxplain.tasks.classes import Classes

# Without --target: the first so many classes; pictures from which a spectrum is taken.
_CLASSES, _PICTURES = 6, 200


def run_maco(
    *,
    model: str,
    targets: Sequence[str],
    layer: str | None,
    channels: str | None,
    data: Sequence[str],
    count: int,
    diversity: float,
    steps: int,
    crops: int,
    largest: float,
    smallest: float,
    noise: float,
    rate: float,
    zoom: float,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> None:
    """Make and draw pictures of targets or channels."""
    out = Path(folder)
    require_writable(out)
    chosen = parse_channels(channels)
    if chosen is not None and targets:
        raise UsageError("give --target or --channels, not both")
    how = Maco(steps, rate, crops, largest, smallest, noise, zoom, diversity)
    samples = spread(read_datasets(data), _PICTURES) if data else []
    opened = open_model(model, quiet, opening)
    aims: list[Target | Channel]
    if chosen is not None:
        tell_layer(opened, layer, quiet, drawn=False)
        aims = [Channel(tensor_of(opened.network, layer), k) for k in chosen]
    else:
        first = range(min(opened.task.count, _CLASSES))
        named = targets or (first if isinstance(opened.task, Classes) else (None,))
        aims = [examples_of(opened, (), one)[0] for one in named]
    spectrum: Spectrum | None = None
    if samples:
        with counted(f"{len(samples)} pictures", quiet) as progress:
            spectrum, skipped = data_spectrum(opened, samples, how, progress=progress)
        tell_skipped(skipped)
    stem = f"{out / shortened(Path(model).stem)}.maco"
    found, written = [], [f"{stem}.png"]
    with progress_bar(len(aims), quiet=quiet) as bar:
        for aim in aims:
            bar.job(aim.describe())
            made = maco(
                opened, aim, spectrum, how, count=count, layer=layer, seed=seed,
                allow_mismatch=allow_mismatch, progress=bar.step,
            )  # fmt: skip
            written.append(f"{stem}.{file_name(aim.stem)}.npz")
            made.save(written[-1])
            found.append(made)
            bar.finish()
    save_page(draw_maco(found, opened.name), written[0])
    tell(written, quiet)
