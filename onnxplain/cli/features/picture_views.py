"""What the ``onnxplain features`` commands of one model or one picture do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from onnxplain.boundary import one_of_many, unnamed
from onnxplain.cli.console import line, remark
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.images import cut, find_images, require_order, result_names, shortened
from onnxplain.cli.outcome import code_of
from onnxplain.cli.progress import Bar, progress_bar
from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.kernels import kernels
from onnxplain.features.layer_response import layer_response
from onnxplain.features.maps import check_channels, feature_maps
from onnxplain.graph.layers import spatial_layer
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import layer_warnings, tensor_of
from onnxplain.network.placed_layer import placed, placement_warnings
from onnxplain.process.journal import in_hand, keep, recall, said_before
from onnxplain.render.features import draw_kernels, draw_maps, draw_maps_on_photo
from onnxplain.render.layer_response import draw_layer_response
from onnxplain.render.save import save_page


def run_weights(
    *,
    model: str,
    layer: str | None,
    channels: str | None,
    count: int,
    scale: str,
    folder: str,
    quiet: bool,
    **opening: str,
) -> None:
    """Write the picture and the numbers of a convolution's kernels."""
    out = Path(folder)
    require_writable(out)
    opened = open_model(model, quiet, opening)
    found = kernels(opened, layer)
    chosen = parse_channels(channels)
    filters = (
        found.strongest(count)
        if chosen is None
        else check_channels(chosen, len(found.values), found.layer)
    )
    stem = out / f"{shortened(Path(model).stem)}.weights.{file_name(found.layer)}"
    save_page(draw_kernels(found, opened.name, filters=filters, scaling=scale), f"{stem}.png")
    record = {**origin(opened), "layer": found.layer, "colors": found.colors}
    write_archive(f"{stem}.npz", "weights", record, {"weights": found.values})
    tell([f"{stem}.png", f"{stem}.npz"], quiet)


def run_maps(
    *,
    model: str,
    images: Sequence[str],
    layer: str | None,
    channels: str | None,
    count: int,
    everything: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Write grid, overlay and numbers of feature maps; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    opened = open_model(model, quiet, opening)
    chosen = parse_channels(channels)
    tell_layer(opened, layer, quiet)

    def work(path: Path, name: str, bar: Bar) -> list[str]:
        found = feature_maps(
            opened, path, layer, channels=chosen, count=None if everything else count
        )
        stem = f"{out / name}.maps.{file_name(found.layer)}"
        written = [f"{stem}.png", f"{stem}.npz"]
        save_page(draw_maps(found, opened.name), written[0])
        found.save(written[1])
        if found.is_spatial:
            written.insert(1, f"{stem}.photo.png")
            save_page(draw_maps_on_photo(found, opened.name), written[1])
        return written

    return each_image(images, quiet, work)


def run_layer_response(
    *,
    model: str,
    images: Sequence[str],
    layer: str | None,
    channels: str | None,
    count: int,
    relu: str,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Write the response of a layer in the pixels of images; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    opened = open_model(model, quiet, opening)
    chosen = parse_channels(channels)
    tensor = None if layer is None else tensor_of(opened.network, layer)

    def work(path: Path, name: str, bar: Bar) -> list[str]:
        found = layer_response(
            opened, path, tensor, relu=relu, channels=chosen, count=count,
            allow_mismatch=allow_mismatch,
        )  # fmt: skip
        stem = f"{out / name}.response.{file_name(found.layer)}"
        save_page(draw_layer_response(found, opened.name), f"{stem}.png")
        found.save(f"{stem}.npz")
        if not quiet:
            line(
                f"{name}: sparsity {found.sparsity:.3f} (mean Gini index of {len(found.kernels)} "
                f"kernels' maps), {found.silent:.1%} of the kernels do not respond"
            )
        return [f"{stem}.png", f"{stem}.npz"]

    return each_image(images, quiet, work)


def each_image(
    images: Sequence[str], quiet: bool, work: Callable[[Path, str, Bar], Sequence[str]]
) -> int:
    """Do the same for every image; one that fails is named, and the others are done.

    Parameters
    ----------
    images : sequence of str
        See `find_images`.
    quiet : bool
        Print only errors.
    work : callable
        Takes a file, the name of its results and the bar; returns the files it wrote.

    Returns
    -------
    int
        0, or the exit code of the first failure, or 70 if one was a defect of ours.
    """
    paths, empty = find_images(images)
    names = result_names(paths)
    codes: list[int] = []
    with progress_bar(len(paths), quiet=quiet) as bar:
        for path in paths:
            bar.job(path.name)
            written: list[str] = []
            failed: list[OnnxplainError] = []
            with one_of_many(failed.append), in_hand(str(path)):
                known = recall(str(path))
                written += work(path, names[path], bar) if known is None else known
                keep(str(path), written)
            if not said_before(f"files of {path}"):
                tell(written, quiet)
            for error in failed:
                remark(f"{path}: {unnamed(error, path)}")
                codes.append(error.exit_code)
            bar.finish()
    for failure in empty:
        remark(str(failure))
        codes.append(failure.exit_code)
    return code_of(codes)


def open_model(path: str, quiet: bool, opening: dict[str, str]) -> Model:
    """Open a model and pass its warnings on."""
    require_order(path, ())
    opened = load(path, **opening)  # type: ignore[arg-type]
    warnings = opened.checked_warnings()
    if not quiet:
        for text in warnings:
            remark(f"warning: {text}")
    return opened


def tell_layer(model: Model, asked: str | None, quiet: bool, *, drawn: bool = True) -> None:
    """Pass on what is doubtful about a layer, as `explain` does.

    Parameters
    ----------
    model : Model
        The opened model.
    asked : str, optional
        The layer that was named.
    quiet : bool
        Print nothing.
    drawn : bool
        Whether its places are laid on the picture, so that it counts where it answers.

    Raises
    ------
    MethodRefusedError
        If it is drawn and answers elsewhere.
    """
    network = model.network
    warnings = list(layer_warnings(network, asked))
    if drawn:
        tensor = tensor_of(network, asked)
        layer = spatial_layer(network.graph, network.shapes, network.axes, tensor)
        if layer is not None:
            placed(network, layer)
            warnings += placement_warnings(network, tensor)
    if not quiet:
        for text in warnings:
            remark(f"warning: {text}")


def parse_channels(text: str | None) -> list[int] | None:
    """Read ``3,17,5-8``.

    Raises
    ------
    UsageError
        If it is not a list of channels.
    """
    if text is None:
        return None
    found: list[int] = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*", part)
        if match is None:
            raise UsageError(f"--channels {text!r} is not understood; write for example 3,17,5-8")
        found += range(int(match[1]), int(match[2] or match[1]) + 1)
    if not found:
        raise UsageError(f"--channels {text!r} names no channel")
    return found


def file_name(tensor: str) -> str:
    """A tensor's name as part of a file name."""
    return cut(re.sub(r"[^\w.-]+", "-", tensor).strip("-"), 80) or "tensor"


def tell(files: Sequence[str], quiet: bool) -> None:
    """Print the files that were written."""
    if not quiet:
        for name in files:
            line(name)
