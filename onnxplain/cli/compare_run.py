"""What ``onnxplain compare`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.cli.choices import choose_methods, give_parameters
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.progress import progress_bar
from onnxplain.compare.compare import Seen
from onnxplain.compare.compare import compare as compare_files
from onnxplain.compare.comparison import Comparison, PairOfFiles
from onnxplain.compare.shared_frame import shared_region
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.files import csv_text, write_json, write_text
from onnxplain.inputs.dataset import Sample, read_dataset, spread
from onnxplain.inputs.image import open_image
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.model.obstacles import obstacles
from onnxplain.render.comparison import ComparedPhoto, comparison_figure
from onnxplain.render.save import save_figure
from onnxplain.report.compared import write_comparison

_DEFAULT = ("grad-cam", "occlusion")


def run(
    *,
    models: Sequence[str],
    methods: Sequence[str],
    parameters: Sequence[str],
    limit: int | None,
    show: int,
    labels: str | None,
    recipes: Sequence[str],
    device: str,
    folder: str,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare files, write what was found and print the table.

    Raises
    ------
    OnnxplainError
        If nothing could be compared, or a file cannot be written.
    """
    *files, data = models
    if len(files) < 2:
        raise UsageError("give at least two models and then the data: A.onnx B.onnx PHOTOS")
    if len(recipes) not in (0, 1, len(files)):
        raise UsageError(
            f"--preprocess is given {len(recipes)} times for {len(files)} models; give it once "
            "for all, or once for each"
        )
    out = Path(folder)
    require_writable(out)
    samples = spread(read_dataset(data), limit)
    opened = [
        load(
            file,
            labels=labels,
            preprocess=recipes[min(k, len(recipes) - 1)] if recipes else None,
            device=device,
        )
        for k, file in enumerate(files)
    ]
    given = _choose(methods, parameters, opened)
    if not quiet:
        for model in opened:
            for text in model.warnings:
                remark(f"warning: {model.name}: {text}")
    with progress_bar(len(samples), quiet=quiet) as bar:
        bar.job("comparing")
        found = compare_files(
            opened, samples, given, seed=seed, progress=lambda done, total: bar.finish()
        )
    written = _write(found, out)
    photos: list[ComparedPhoto] = []
    if show:
        by_name = {s.name: s for s in samples}
        order = dict.fromkeys(p.sample for p in found.most_different(len(found.pairs)))
        photos = _photos(opened, [by_name[name] for name in list(order)[:show]], given, seed)
        save_figure(comparison_figure(photos), out / "different.png")
        written.append(out / "different.png")
    written.append(write_comparison(out, found, photos))
    for text in found.problems:
        remark(f"left out: {text}")
    if as_json:
        document({**found.to_dict(), "files": [str(f) for f in written]})
    elif not quiet:
        _show(found, written)


def _choose(
    methods: Sequence[str], parameters: Sequence[str], models: Sequence[Model]
) -> dict[str, Mapping[str, Any]]:
    reasons = [obstacles(m.network) for m in models]
    wanted = methods
    if not methods:
        wanted = [n for n in _DEFAULT if not any(r[n] for r in reasons)]
    chosen, _ = choose_methods(wanted, models[0])
    for model, hindered in zip(models, reasons, strict=True):
        for method in chosen:
            if hindered[method.name]:
                raise MethodRefusedError(
                    f"{method.name} does not work on {model.name!r}: {hindered[method.name]}"
                )
    return {c.method.name: c.parameters for c in give_parameters(chosen, parameters)}


def _write(found: Comparison, folder: Path) -> list[Path]:
    rows = [
        {
            "sample": p.sample,
            "first": p.first,
            "second": p.second,
            "same_prediction": p.same_prediction,
            "score_difference": p.score_difference,
            "method": method,
            **values,
        }
        for p in found.pairs
        for method, values in p.likeness.items()
    ]
    files = [folder / "comparison.json", folder / "pairs.csv"]
    write_json(files[0], found.to_dict())
    write_text(files[1], csv_text(rows))
    return files


def _photos(
    models: Sequence[Model],
    samples: Sequence[Sample],
    methods: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> list[ComparedPhoto]:
    kept: dict[str, Mapping[str, Seen]] = {}
    # Explained once more rather than kept: no map of a long run stays in memory.
    compare_files(models, samples, methods, seed=seed, keep=kept.__setitem__)
    photos = []
    for sample in samples:
        photo = open_image(sample.path)
        region = shared_region([m.preprocess for m in models], photo.size)
        left, top, right, bottom = map(round, region)
        seen = kept[sample.name]
        photos.append(
            ComparedPhoto(
                sample.name,
                np.asarray(photo.crop((left, top, right, bottom))),
                {
                    k: f"{v.label or f'class {v.predicted}'} {v.probability:.0%}"
                    for k, v in seen.items()
                },
                {m: {k: v.maps[m] for k, v in seen.items()} for m in methods},
            )
        )
    return photos


def _show(found: Comparison, files: Sequence[Path]) -> None:
    columns = (
        ("first", "first"),
        ("second", "second"),
        ("method", "method"),
        ("same_prediction", "same class"),
        ("score_difference", "score diff."),
        ("spearman", "rank corr."),
        ("interval", "95 %"),
        ("control", "other picture"),
        ("least_spearman", "least"),
        ("ssim", "SSIM"),
        ("cosine", "cosine"),
        ("top_overlap", "top 10 %"),
        ("pictures", "n"),
    )
    rows = [
        [{**entry, "interval": f"{entry['low']:.3f} to {entry['high']:.3f}"}[k] for k, _ in columns]
        for entry in found.summary()
    ]
    table("Agreement (1 is the same; means over the pictures)", [c for _, c in columns], rows)
    line()
    rows = [
        [p.sample, _said(found, p), p.score_difference, p.agreement] for p in found.most_different()
    ]
    table("Where they differ most", ("picture", "predictions", "score diff.", "rank corr."), rows)
    for path in files:
        line(f"wrote {path}")


def _said(found: Comparison, pair: PairOfFiles) -> str:
    said = {
        p["model"]: p["label"] or f"class {p['predicted']}"
        for p in found.predictions
        if p["sample"] == pair.sample
    }
    first, second = said[pair.first], said[pair.second]
    return first if pair.same_prediction else f"{first} / {second}"
