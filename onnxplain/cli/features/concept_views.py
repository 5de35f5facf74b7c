"""What the ``onnxplain features`` commands that look for concepts do."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from onnxplain.cli.console import remark
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.data_views import counted, tell_skipped
from onnxplain.cli.features.picture_views import (
    each_image,
    file_name,
    open_model,
    parse_channels,
    tell_layer,
)
from onnxplain.cli.progress import Bar
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.relmax import (
    References,
    RelevantSamples,
    references,
    relevant_samples,
)
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.datasets import read_datasets
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.render.concepts import draw_concept_relevance
from onnxplain.render.save import save_page
from onnxplain.targets.target import Target


def run_crp(
    *,
    model: str,
    images: Sequence[str],
    data: Sequence[str],
    layer: str | None,
    channels: str | None,
    count: int,
    images_per_channel: int,
    target: str | None,
    references_by: str,
    composite: str,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Show relevance through channels; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    chosen = parse_channels(channels)
    samples = read_datasets(data) if data else []
    opened = open_model(model, quiet, opening)
    tensor = tensor_of(opened.network, layer)
    tell_layer(opened, layer, quiet, drawn=False)
    ranked: dict[Target | None, RelevantSamples] = {}

    def shown(aim: Target, wanted: Sequence[int]) -> list[References]:
        if not samples:
            return []
        key = None if references_by == "own" else aim
        if key not in ranked:
            ranked[key] = _ranked(
                opened, samples, tensor, aim, references_by == "own", images_per_channel,
                composite, quiet,
            )  # fmt: skip
        return list(references(opened, samples, ranked[key], wanted, composite=composite))

    def work(path: Path, name: str, bar: Bar) -> list[str]:
        found = concept_relevance(
            opened, path, tensor, target=target, channels=chosen, count=count,
            composite=composite, allow_mismatch=allow_mismatch,
        )  # fmt: skip
        for text in () if quiet else found.explanation.warnings:
            remark(f"warning: {text}")
        rows = shown(found.explanation.target, found.channels)
        stem = f"{out / name}.crp.{file_name(tensor)}"
        figure = draw_concept_relevance(found, rows, opened.name, images_per_channel)
        save_page(figure, f"{stem}.png")
        found.save(f"{stem}.npz", opened)
        return [f"{stem}.png", f"{stem}.npz"]

    return each_image(images, quiet, work)


def _ranked(
    model: Model,
    samples: Sequence[Sample],
    tensor: str,
    aim: Target,
    own: bool,
    count: int,
    composite: str,
    quiet: bool,
) -> RelevantSamples:
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = relevant_samples(
            model, samples, tensor, aim, own=own, count=count, composite=composite,
            progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    return found
