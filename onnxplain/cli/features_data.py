"""What the ``onnxplain features`` commands over a data set do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from onnxplain.cli.console import line, remark
from onnxplain.cli.explain_run import require_writable
from onnxplain.cli.features_run import file_name, open_model, parse_channels, tell
from onnxplain.cli.progress import progress_bar
from onnxplain.dataset import read_dataset
from onnxplain.features.passes import Skipped
from onnxplain.features.patches import fields_of
from onnxplain.features.top_patches import channel_patches, top_patches
from onnxplain.render.patches import draw_patches
from onnxplain.render.save import save_figure

_LISTED = 10


def run_top_patches(
    *,
    model: str,
    data: str,
    layer: str | None,
    channels: str | None,
    count: int,
    images: int,
    projection: str,
    folder: str,
    quiet: bool,
    **opening: str,
) -> None:
    """Find and draw the strongest patches of channels."""
    out = Path(folder)
    require_writable(out)
    chosen = parse_channels(channels)
    samples = read_dataset(data)
    opened = open_model(model, quiet, opening)
    place = opened.network.layer(layer)
    stem = f"{out / Path(model).stem}.top-patches.{file_name(place.name)}"
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = top_patches(
            opened, samples, place.name, count=images, state=f"{stem}.npz", progress=progress
        )
    tell_skipped(found.skipped)
    fields, local = fields_of(opened, place.name)
    wanted = found.strongest(count) if chosen is None else chosen
    how = None if projection == "none" else projection
    drawn = []
    with progress_bar(len(wanted), quiet=quiet) as bar:
        for patches in channel_patches(opened, samples, found, wanted, projection=how):
            bar.job(f"channel {patches.channel}")
            drawn.append(patches)
            bar.finish()
    height, width = fields.size
    seen = f"receptive field {height} x {width}" + (", without gates" if local else "")
    heading = [
        f"{opened.name}  \u00b7  {place.name}",
        f"the {images} strongest of {len(samples) - len(found.skipped)} pictures for "
        f"{len(wanted)} of {place.channels} channels; {seen}",
    ]
    figure = draw_patches(drawn, heading, count=images, projection=how or "")
    save_figure(figure, f"{stem}.png")
    tell([f"{stem}.png", f"{stem}.npz"], quiet)


@contextmanager
def counted(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show one bar for a pass over many pictures; yields what is told of its progress."""
    with progress_bar(1, quiet=quiet) as bar:
        bar.job(what)
        yield bar.step


def tell_skipped(skipped: Sequence[Skipped]) -> None:
    """Name the pictures that were left out, on standard error."""
    for name, why in skipped[:_LISTED]:
        remark(f"left out: {name}: {why}")
    if len(skipped) > _LISTED:
        remark(f"left out: {len(skipped) - _LISTED} more; the .npz lists them all")
    if skipped:
        line(f"{len(skipped)} pictures could not be read and were left out")
