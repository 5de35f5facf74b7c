"""What the ``onnxplain features`` commands that look for concepts do."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from onnxplain.boundary import one_of_many
from onnxplain.cli.console import remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.data_views import counted, tell_skipped
from onnxplain.cli.features.picture_views import (
    each_image,
    file_name,
    open_model,
    parse_channels,
    tell,
    tell_layer,
)
from onnxplain.cli.images import find_images, require_order, shortened
from onnxplain.cli.outcome import code_of, code_of_data
from onnxplain.cli.progress import Bar
from onnxplain.errors import OnnxplainError, UsageError
from onnxplain.features.concepts.craft import concept_examples, craft
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.examples import classes_in, examples_of
from onnxplain.features.concepts.prototypes import Judged, judge
from onnxplain.features.concepts.prototypes import prototypes as find_prototypes
from onnxplain.features.concepts.relmax import (
    ReferencePictures,
    RelevantSamples,
    references,
    relevant_samples,
)
from onnxplain.features.concepts.tcav import tcav
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.process.journal import in_hand
from onnxplain.render.captions import percent
from onnxplain.render.concepts import draw_concept_relevance, draw_craft
from onnxplain.render.prototypes import draw_prototypes
from onnxplain.render.save import save_page
from onnxplain.render.tcav import draw_concept_tests
from onnxplain.targets.target import Target

# Pictures of a concept on its page.
_SHOWN = 8


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

    def shown(aim: Target, wanted: Sequence[int]) -> list[ReferencePictures]:
        if not samples:
            return []
        key = None if references_by == "own" else aim
        if key not in ranked:
            own = references_by == "own"
            of_whom = file_name(tensor) if own else f"{file_name(tensor)}.{aim.stem}"
            ranked[key] = _ranked(
                opened, samples, tensor, aim, own, images_per_channel, composite,
                f"{_stem(out, model)}.crp-references.{of_whom}.npz", quiet,
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


def run_tcav(
    *,
    model: str,
    data: Sequence[str],
    concepts: Sequence[str],
    random_data: Sequence[str],
    targets: Sequence[str],
    layer: str | None,
    places: str,
    runs: int,
    per_run: int | None,
    ridge: float,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Test concepts; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    shown = dict(map(_concept, concepts))
    if len(shown) < len(concepts):
        raise UsageError("two concepts have the same name; write --concept NAME=FOLDER")
    random, samples = read_datasets(random_data), read_datasets(data)
    opened = open_model(model, quiet, opening)
    tensor = tensor_of(opened.network, layer)
    tell_layer(opened, layer, quiet, drawn=False)
    named = targets or classes_in(opened, samples)
    examples = dict(examples_of(opened, samples, one) for one in named)
    every = sum(map(len, [*shown.values(), random, *examples.values()]))
    with counted(f"{every} pictures", quiet) as progress:
        found = tcav(
            opened, shown, random, examples, tensor, places=places, runs=runs, size=per_run,
            ridge=ridge, seed=seed, allow_mismatch=allow_mismatch, progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    stem = f"{_stem(out, model)}.tcav.{file_name(tensor)}"
    left_out = {s.name for s in found.skipped}
    pictures = {
        name: [opened.read(s.path).pixels for s in own if s.name not in left_out][:_SHOWN]
        for name, own in shown.items()
    }
    save_page(draw_concept_tests(found, opened.name, pictures), f"{stem}.png")
    found.save(f"{stem}.npz")
    if not quiet:
        rows = [
            (
                t.target.describe(), t.concept, f"{t.scores.mean():.2f}", f"{t.sensitivity:.2g}",
                f"{t.corrected_p:.2g}", "yes" if t.matters() else "not shown",
            )
            for t in found.tests
        ]  # fmt: skip
        table("", ("target", "concept", "TCAV", "sensitivity", "p", "depends on it"), rows)
    tell([f"{stem}.png", f"{stem}.npz"], quiet)
    return code_of_data(s.why for s in found.skipped)


def run_craft(
    *,
    model: str,
    data: Sequence[str],
    target: str,
    layer: str | None,
    concepts: int,
    crop: float,
    designs: int,
    shown_crops: int,
    shown_pictures: int,
    limit: int | None,
    seed: int,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Find and draw the concepts of a class; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    samples = read_datasets(data)
    opened = open_model(model, quiet, opening)
    tell_layer(opened, layer, quiet)
    aim, examples = examples_of(opened, samples, target)
    own = spread(examples, limit)
    with counted(f"{len(own)} pictures, twice", quiet) as progress:
        found = craft(
            opened, own, aim, layer, concepts=concepts, crop=crop, designs=designs, seed=seed,
            progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    stem = f"{_stem(out, model)}.craft.{aim.stem}.{file_name(found.layer)}"
    shown = concept_examples(opened, own, found, crops=shown_crops, pictures=shown_pictures)
    save_page(draw_craft(found, shown, opened.name), f"{stem}.png")
    found.save(f"{stem}.npz")
    tell([f"{stem}.png", f"{stem}.npz"], quiet)
    return code_of_data(s.why for s in found.skipped)


def run_prototypes(
    *,
    model: str,
    data: Sequence[str],
    target: str,
    layer: str | None,
    prototypes: int,
    images: Sequence[str],
    composite: str,
    limit: int | None,
    seed: int,
    allow_mismatch: bool,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Find and draw typical decisions, and judge others; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    samples = read_datasets(data)
    paths, empty = find_images(images)
    opened = open_model(model, quiet, opening)
    tell_layer(opened, layer, quiet, drawn=False)
    aim, examples = examples_of(opened, samples, target)
    own = spread(examples, limit)
    with counted(f"{len(own)} pictures", quiet) as progress:
        found = find_prototypes(
            opened, own, aim, layer, count=prototypes, composite=composite, seed=seed,
            allow_mismatch=allow_mismatch, progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    judged: list[Judged] = []
    failed: list[OnnxplainError] = list(empty)
    for path in paths:
        with one_of_many(failed.append), in_hand(str(path)):
            judged.append(judge(opened, path, found, composite=composite))
    for error in failed:
        remark(str(error))
    stem = f"{_stem(out, model)}.prototypes.{aim.stem}.{file_name(found.layer)}"
    members = [
        [opened.read(own[found.images[m]].path).pixels for m in found.closest(k, _SHOWN - 2)]
        for k in range(prototypes)
    ]
    save_page(draw_prototypes(found, members, judged, opened.name), f"{stem}.png")
    found.save(f"{stem}.npz")
    if not quiet and judged:
        rows = [
            (
                one.picture.source, one.prototype + 1, f"{one.log_likelihood:.4g}",
                percent(one.rank),
            )
            for one in judged
        ]  # fmt: skip
        table("", ("picture", "prototype", "log likelihood", "more usual than"), rows)
    tell([f"{stem}.png", f"{stem}.npz"], quiet)
    return code_of([e.exit_code for e in failed]) or code_of_data(s.why for s in found.skipped)


def _stem(out: Path, model: str) -> str:
    return str(out / shortened(Path(model).stem))


def _concept(said: str) -> tuple[str, list[Sample]]:
    """Read [NAME=]FOLDER; a path that is there is no name."""
    name, equals, path = said.partition("=")
    if not equals or os.path.exists(said):
        name, path = Path(said).name or said, said
    if not name or not path:
        raise UsageError(f"--concept {said!r} is not understood; write NAME=FOLDER")
    return name, read_datasets([path])


def _ranked(
    model: Model,
    samples: Sequence[Sample],
    tensor: str,
    aim: Target,
    own: bool,
    count: int,
    composite: str,
    state: str,
    quiet: bool,
) -> RelevantSamples:
    with counted(f"{len(samples)} pictures", quiet) as progress:
        found = relevant_samples(
            model, samples, tensor, aim, own=own, count=count, composite=composite,
            state=state, progress=progress,
        )  # fmt: skip
    tell_skipped(found.skipped)
    return found
