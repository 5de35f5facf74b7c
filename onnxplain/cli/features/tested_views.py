"""What the ``onnxplain features`` commands that put selected features to the test do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.cli.console import line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.features.data_views import counted, data_or_flowers, tell_skipped
from onnxplain.cli.features.picture_views import open_model, tell
from onnxplain.cli.images import require_order, shortened
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import UsageError
from onnxplain.evaluate.built_in import FLOWERS
from onnxplain.evaluate.evaluation import Evaluation
from onnxplain.evaluate.filter_ablation import filter_ablation
from onnxplain.evaluate.protocol import COMPARED, examples, protocol
from onnxplain.features.archive import origin
from onnxplain.features.collect import class_of_sample
from onnxplain.features.data_matrix import data_matrix
from onnxplain.features.passes import Skipped, batches
from onnxplain.features.relevant import RelevantFeatures, relevant_features
from onnxplain.files import write_json
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.model.model import Model
from onnxplain.render.ablation import ablation_figure
from onnxplain.render.curves import curves_figure
from onnxplain.render.examples import draw_examples
from onnxplain.render.relevant import draw_relevant
from onnxplain.render.save import save_figure, save_page


def run_responses(
    *,
    model: str,
    data: Sequence[str],
    layers: tuple[str, ...],
    limit: int | None,
    seed: int,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Write the responses of all filters; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    opened = open_model(model, quiet, opening)
    with (
        data_or_flowers(data, limit, seed) as samples,
        counted(f"{len(samples)} pictures", quiet) as progress,
    ):
        found = data_matrix(opened, samples, layers or None, progress=progress)
    tell_skipped(found.skipped)
    path = f"{out / shortened(Path(model).stem)}.responses.npz"
    found.save(path)
    if not quiet:
        rows = [(layer.name, layer.first, layer.channels) for layer in found.layers]
        table(
            f"X: {found.X.shape[0]} filters x {found.X.shape[1]} pictures",
            ("layer", "first row", "filters"),
            rows,
        )
    tell([path], quiet)
    return code_of_data(s.why for s in found.skipped)


def run_ablation(
    *,
    model: str,
    bundle: str,
    data: Sequence[str],
    counts: str,
    draws: int,
    limit: int | None,
    seed: int,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Silence filters and draw what accuracy is left; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    silenced = _counts(counts)
    features = RelevantFeatures.load(bundle)
    opened = open_model(model, quiet, opening)
    skipped: list[Skipped] = []
    with data_or_flowers(data, limit, seed) as samples:
        x, labels = _inputs(opened, samples, skipped)
    tell_skipped(skipped)
    with counted(f"{len(x)} pictures", quiet) as progress:
        found = filter_ablation(
            opened, x, labels, features, counts=silenced, seeds=range(seed, seed + draws),
            progress=progress,
        )  # fmt: skip
    relevant, random, deviation = found.means()
    rows = list(
        zip(found.counts, relevant, random, deviation, found.least.mean(axis=0), strict=True)
    )
    stem = f"{out / shortened(Path(model).stem)}.ablation"
    save_figure(ablation_figure(found, opened.name), f"{stem}.png")
    names = ("silenced", "relevant", "random", "spread", "least")
    document = {
        **origin(opened),
        "features": bundle,
        "pictures": len(x),
        "classes": found.classes,
        "mean_class_accuracy": [
            dict(zip(names, (int(row[0]), *map(float, row[1:])), strict=True)) for row in rows
        ],
        "by_class": {"relevant": found.relevant.tolist(), "least": found.least.tolist(),
                     "random": found.random.tolist()},
    }  # fmt: skip
    write_json(Path(f"{stem}.json"), document)
    if not quiet:
        table("Mean class accuracy with filters silenced", names, rows)
    tell([f"{stem}.png", f"{stem}.json"], quiet)
    return code_of_data(s.why for s in skipped)


def run_protocol(
    *,
    model: str,
    data: Sequence[str],
    mu: float,
    layers: tuple[str, ...],
    top: int | None,
    select: int | None,
    limit: int | None,
    count: int,
    shown: int,
    blur: float,
    seed: int,
    folder: str,
    quiet: bool,
    **opening: str,
) -> int:
    """Select on one part of the data, measure on another; returns the exit code."""
    out = Path(folder)
    require_writable(out)
    require_order(model, data)
    opened = open_model(model, quiet, opening)
    stem = f"{out / shortened(Path(model).stem)}.protocol"
    with _two_parts(data, select, limit, seed) as (chosen_from, measured_on):
        with counted(f"selecting on {len(chosen_from)} pictures", quiet) as progress:
            features = relevant_features(
                opened, chosen_from, mu=mu, layers=layers or None, top=top, progress=progress
            )
        tell_skipped(features.skipped)
        features.save(f"{stem}.npz", opened.labels)
        known = [s for s in measured_on if s.has_mask]
        if not known:
            raise UsageError(
                "no picture has a mask; `onnxplain evaluate --help` says how to give them"
            )
        with progress_bar(len(known), quiet=quiet) as bar:
            bar.job("measuring")
            found = protocol(
                opened, known, f"{stem}.npz", count=count, blur=blur, seed=seed,
                progress=lambda done, total: bar.finish(),
            )  # fmt: skip
        drawn = examples(opened, spread(known, shown), f"{stem}.npz", count=count)
    files = [Path(f"{stem}{end}") for end in (".npz", ".json")]
    save_page(
        draw_relevant(features, opened.name, opened.labels, classes=features.classes[:24]),
        f"{stem}.features.png",
    )
    overlap = [c for c in found.curves if c.measure == "mean-iou"]
    save_figure(curves_figure(overlap, found.controls, found.unit), f"{stem}.png")
    heading = [f"{opened.name}  \u00b7  what decides, and what maps show of it"]
    save_page(draw_examples(drawn, COMPARED, heading), f"{stem}.examples.png")
    files += [Path(f"{stem}{end}") for end in (".png", ".examples.png", ".features.png")]
    files += found.save(Path(f"{stem}.measured"))
    for text in found.problems:
        remark(f"left out: {text}")
    if not quiet:
        _show_overlap(found)
        tell([str(f) for f in files], quiet)
    return code_of_data(found.problems)


@contextmanager
def _two_parts(
    data: Sequence[str], select: int | None, limit: int | None, seed: int
) -> Iterator[tuple[list[Sample], list[Sample]]]:
    """Pictures to select on, and others to measure on."""
    if FLOWERS in data:
        with ExitStack() as drawn:
            # Flowers of another seed are other pictures.
            parts = [
                drawn.enter_context(data_or_flowers(data, size, own))
                for size, own in ((select, seed + 1), (limit, seed))
            ]
            yield parts[0], parts[1]
        return
    samples = read_datasets(data)
    if len(samples) < 2:
        raise UsageError("the protocol needs pictures to select on and others to measure on")
    # Every second picture of each class, so that both parts have all classes.
    ordered = sorted(samples, key=lambda s: str(s.label))
    yield spread(ordered[::2], select), spread(ordered[1::2], limit)


def _show_overlap(found: Evaluation) -> None:
    lines = [entry for entry in found.summary() if entry.measure == "mean-iou"]
    best = {b.method: (b.iou, b.threshold) for b in found.best_thresholds()}
    rows = [
        (
            f"({entry.method})" if entry.control else entry.method,
            COMPARED.get(entry.method, "never looks at the model"),
            entry.mean,
            f"{entry.low:.3g} .. {entry.high:.3g}",
            *best[entry.method],
            entry.count,
        )
        for entry in lines
    ]
    columns = ("map", "", "mean overlap", "95 % interval", "best", "at threshold", "n")
    table("Overlap (IoU) with what decides, mean over thresholds", columns, rows)
    line()


def _inputs(
    model: Model, samples: Sequence[Sample], skipped: list[Skipped]
) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Model inputs of all readable pictures, and their classes."""
    classes = [class_of_sample(model, s) for s in samples]
    inputs, labels = [], []
    for indices, x, _ in batches(model, samples, skipped):
        inputs.append(x)
        labels += [classes[k] for k in indices]
    return np.concatenate(inputs), np.array(labels)


def _counts(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdigit() for part in parts):
        raise UsageError(f"--counts {text!r} is not understood; write for example 0,1,2,4,8")
    return sorted({int(part) for part in parts})
