"""What the ``onnxplain features`` commands over a data set do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import click

from onnxplain.cli.console import line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.picture_views import (
    each_image,
    file_name,
    open_model,
    parse_channels,
    tell,
    tell_layer,
)
from onnxplain.cli.images import require_order, shortened
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import Bar, progress_bar
from onnxplain.errors import UsageError
from onnxplain.evaluate.built_in import FLOWERS, PICTURES, flower_samples
from onnxplain.features.ascent import Ascent
from onnxplain.features.atlas import activation_atlas, cell_classes, cell_patches
from onnxplain.features.collect import forget
from onnxplain.features.enriched import enrich
from onnxplain.features.inversion import invert
from onnxplain.features.passes import Skipped
from onnxplain.features.patches import fields_of, require_same_engines
from onnxplain.features.relevant import RelevantFeatures, relevant_features
from onnxplain.features.top_patches import channel_patches, top_patches
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.render.atlas import draw_atlas
from onnxplain.render.patches import draw_patches
from onnxplain.render.relevant import class_label, draw_enriched, draw_relevant
from onnxplain.render.save import save_page

_LISTED = 20
_LAYOUTS = {"tsne": "t-SNE", "umap": "UMAP"}
# A page with more rows is not read; the files hold all classes.
_DRAWN_CLASSES = 24


def run_top_patches(
    *,
    model: str,
    data: Sequence[str],
    layer: str | None,
    channels: str | None,
    count: int,
    images: int,
    projection: str,
    resample: bool,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Find and draw the strongest patches of channels; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    chosen = parse_channels(channels)
    samples = _samples(model, data)
    opened = open_model(model, quiet, opening)
    spatial = opened.network.layer(layer)
    tell_layer(opened, layer, quiet)
    stem = f"{out / shortened(Path(model).stem)}.top-patches.{file_name(spatial.name)}"
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = top_patches(
            opened, samples, spatial.name, count=images, state=f"{stem}.npz", progress=progress
        )
    tell_skipped(found.skipped)
    fields, local = fields_of(opened, spatial.name)
    wanted = found.strongest(count) if chosen is None else chosen
    how = None if projection == "none" else projection
    drawn = []
    with progress_bar(len(wanted), quiet=quiet) as bar:
        for patches in channel_patches(
            opened, samples, found, wanted, projection=how, resample=resample,
            allow_mismatch=allow_mismatch,
        ):  # fmt: skip
            bar.job(f"channel {patches.channel}")
            drawn.append(patches)
            bar.finish()
    height, width = fields.size
    seen = f"receptive field {height} x {width}" + (", without gates" if local else "")
    heading = [
        f"{opened.name}  \u00b7  {spatial.name}",
        f"the {images} strongest of {len(samples) - len(found.skipped)} pictures for "
        f"{len(wanted)} of {spatial.channels} channels; {seen}",
    ]
    figure = draw_patches(drawn, heading, count=images, projection=how or "")
    save_page(figure, f"{stem}.png")
    tell([f"{stem}.png", f"{stem}.npz"], quiet)
    return code_of_data(s.why for s in found.skipped)


def run_relevant(
    *,
    model: str,
    data: Sequence[str],
    layers: tuple[str, ...],
    mu: float,
    top: int | None,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Select features, write the bundle and draw it; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    samples = _samples(model, data)
    opened = open_model(model, quiet, opening)
    stem = f"{out / shortened(Path(model).stem)}.relevant"
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = relevant_features(
            opened,
            samples,
            mu=mu,
            layers=layers or None,
            top=top,
            folder=f"{stem}.pass",
            progress=progress,
        )
    tell_skipped(found.skipped)
    found.save(f"{stem}.npz", opened.labels)
    shown = found.classes[:_DRAWN_CLASSES]
    figure = draw_relevant(found, opened.name, opened.labels, classes=shown)
    save_page(figure, f"{stem}.png")
    forget(f"{stem}.pass")
    if not quiet:
        rows = [
            (class_label(opened.labels, c), len(found.of_class(c)), _first(found, c))
            for c in found.classes
        ]
        table("", ("class", "features", "strongest"), rows)
    tell([f"{stem}.png", f"{stem}.npz", f"{stem}.json"], quiet)
    return code_of_data(s.why for s in found.skipped)


def run_enriched(
    *,
    model: str,
    bundle: str,
    images: Sequence[str],
    target: str | None,
    count: int,
    projection: str,
    resample: bool,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Explain predictions by selected features; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    found = RelevantFeatures.load(bundle)
    opened = open_model(model, quiet, opening)

    def work(path: Path, name: str, bar: Bar) -> list[str]:
        explained = enrich(
            opened, path, found, target=target, count=count, projection=projection,
            resample=resample, allow_mismatch=allow_mismatch,
        )  # fmt: skip
        stem = f"{out / name}.enriched"
        figure = draw_enriched(explained, found, opened.name, opened.labels)
        save_page(figure, f"{stem}.png")
        explained.save(f"{stem}.npz", opened)
        return [f"{stem}.png", f"{stem}.npz"]

    return each_image(images, quiet, work)


def run_atlas(
    *,
    model: str,
    data: Sequence[str],
    layer: str | None,
    embedding: str,
    cells: int,
    per_image: int,
    inversion: bool,
    steps: int,
    rate: float,
    decay: float,
    variation: float,
    jitter: int,
    blur: float,
    blur_every: int,
    bounded: bool,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Lay out a data set as a layer sees it; returns the exit code."""
    how = Ascent(steps, rate, decay, variation, jitter, blur, blur_every, bounded)
    out = Path(folder)
    require_writable(out)
    samples = _samples(model, data)
    opened = open_model(model, quiet, opening)
    spatial = opened.network.layer(layer)
    tell_layer(opened, layer, quiet)
    stem = f"{out / shortened(Path(model).stem)}.atlas.{file_name(spatial.name)}"
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = activation_atlas(
            opened, samples, spatial.name,
            layout=embedding, per_image=per_image, seed=seed, progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    found.save(f"{stem}.npz")
    members = found.cells(cells)
    counts = {cell: len(m) for cell, m in members.items()}
    heading = [
        f"{opened.name}  \u00b7  atlas of {spatial.name}",
        f"{len(found.vectors)} activation vectors, {_LAYOUTS[embedding]}, {len(members)} of "
        f"{cells} x {cells} cells",
    ]
    below = "Below each cell: how many activation vectors fell into it. "
    notes = below + "Shown: the patch whose vector is nearest to the cell's mean."
    patches = cell_patches(opened, samples, found, cells)
    classes = cell_classes(samples, found, cells)
    if classes:
        below += "Frames and names: the class that most vectors of a cell come from. "
        notes = below + "Shown: the patch whose vector is nearest to the cell's mean."
    save_page(draw_atlas(patches, counts, cells, heading, notes, classes), f"{stem}.png")
    written = [f"{stem}.png", f"{stem}.npz"]
    if inversion:
        require_same_engines(opened, opened.read(samples[found.images[0]].path), allow_mismatch)
        made = {}
        with progress_bar(len(members), quiet=quiet) as bar:
            for cell, own in members.items():
                bar.job(f"cell {cell[0]}, {cell[1]}")
                wanted = found.vectors[own].mean(axis=0)
                made[cell] = invert(opened, spatial, wanted, how, seed=seed, progress=bar.step)[0]
                bar.finish()
        notes = below + "Shown: a picture made so that the layer answers like the cell's mean."
        figure = draw_atlas(made, counts, cells, heading, notes, classes)
        save_page(figure, f"{stem}.inversion.png")
        written.append(f"{stem}.inversion.png")
    tell(written, quiet)
    return code_of_data(s.why for s in found.skipped)


def _samples(model: str, data: Sequence[str]) -> list[Sample]:
    require_order(model, data)
    # Drawn pictures stay until the command ends.
    return click.get_current_context().with_resource(data_or_flowers(data, None, 0))


@contextmanager
def data_or_flowers(data: Sequence[str], limit: int | None, seed: int) -> Iterator[list[Sample]]:
    """List the pictures of a data set, or draw the built-in one while the context is open.

    Raises
    ------
    UsageError
        If the built-in one is named beside other data.
    """
    if FLOWERS not in data:
        yield spread(read_datasets(data), limit)
        return
    if set(data) != {FLOWERS}:
        raise UsageError(
            f"{FLOWERS!r} is the built-in data set; give it alone, or write ./{FLOWERS} for a "
            "folder of that name"
        )
    with flower_samples(count=limit or PICTURES, seed=seed) as samples:
        yield samples


def _first(found: RelevantFeatures, index: int) -> str:
    position, weight = found.of_class(index)[0]
    return f"{found.features[position]} ({weight:.2f})"


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
