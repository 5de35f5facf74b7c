"""What ``onnxplain compare`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from onnxplain.boundary import one_of_many, unnamed
from onnxplain.cli.changed import tell_changed
from onnxplain.cli.choices import choose_methods, give_parameters
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.images import is_data
from onnxplain.cli.outcome import code_of, code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.compare.compare import Seen
from onnxplain.compare.compare import compare as compare_files
from onnxplain.compare.comparison import Comparison, PairOfFiles
from onnxplain.compare.shared_frame import shared_region
from onnxplain.errors import MethodRefusedError, OnnxplainError, UsageError
from onnxplain.files import csv_text, write_json, write_text
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.inputs.picture import sample_picture
from onnxplain.inputs.source import photo_of
from onnxplain.model.inspection import inspect_file
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.model.obstacles import obstacles
from onnxplain.render.captions import score_of
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
    target: str | None,
    bound: Mapping[str, str],
    folder: str,
    seed: int,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Compare files, write what was found and print the table.

    Of three files or more, one that cannot be used is named and the others are compared.

    Returns
    -------
    int
        0, or the exit code of a file that could not be used, or 70 if a file or a picture was
        left out for a defect of ours.

    Raises
    ------
    OnnxplainError
        If fewer than two files can be used, nothing could be compared, or a file cannot be
        written.
    """
    files, data = _parted(models)
    if len(files) < 2:
        raise UsageError("give at least two models, then the data: A.onnx B.onnx PHOTOS")
    if len(recipes) not in (0, 1, len(files)):
        raise UsageError(
            f"--preprocess is given {len(recipes)} times for {len(files)} models; give it once "
            "for all, or once for each"
        )
    out = Path(folder)
    require_writable(out)
    samples = spread(read_datasets(data), limit)
    own = [recipes[min(k, len(recipes) - 1)] if recipes else None for k in range(len(files))]
    bindings = _bindings(files, bound)
    opened, refused = _open(files, own, bindings, labels=labels, **opening)
    given = _choose(methods, parameters, opened)
    warnings = {model: model.checked_warnings() for model in opened}
    if not quiet:
        for model, said in warnings.items():
            for text in said:
                remark(f"warning: {model.name}: {text}")
    with progress_bar(len(samples), quiet=quiet) as bar:
        bar.job("comparing")
        found = compare_files(
            opened, samples, given,
            seed=seed, target=target, progress=lambda done, total: bar.finish(),
        )  # fmt: skip
    found.problems[:0] = [f"{file}: {unnamed(error, file)}" for file, error in refused.items()]
    written = _write(found, out)
    photos: list[ComparedPhoto] = []
    if show:
        by_name = {s.name: s for s in samples}
        order = dict.fromkeys(p.sample for p in found.most_different(len(found.pairs)))
        photos = _photos(
            opened, [by_name[name] for name in list(order)[:show]], given, seed, target
        )
        save_figure(comparison_figure(photos), out / "different.png")
        written.append(out / "different.png")
    written.append(write_comparison(out, found, photos))
    for text in found.problems:
        remark(f"left out: {text}")
    for model in opened:
        tell_changed(model)
    if as_json:
        document({**found.to_dict(), "files": [str(f) for f in written]})
    elif not quiet:
        _show(found, written)
    return code_of([*(e.exit_code for e in refused.values()), code_of_data(found.problems)])


def _parted(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Tell models from the data: all that is no model by its name, or the last argument."""
    data = list(dict.fromkeys(a for a in arguments if is_data(a))) or list(arguments[-1:])
    return [a for a in arguments if a not in data], data


def _open(
    files: Sequence[str],
    recipes: Sequence[str | None],
    bindings: Sequence[Mapping[str, str]],
    **opening: Any,
) -> tuple[list[Model], dict[str, OnnxplainError]]:
    """Open each file and try it once; those that fail, if two are left without them."""
    opened: list[Model] = []
    refused: dict[str, OnnxplainError] = {}
    for file, recipe, bound in zip(files, recipes, bindings, strict=True):
        with one_of_many(partial(refused.__setitem__, file)):
            model = load(file, preprocess=recipe, bound=bound, **opening)
            model.predict(sample_picture(model.preprocess))
            opened.append(model)
    if refused and len(opened) < 2:
        file, error = next(iter(refused.items()))
        if file not in str(error):
            error.args = (f"{file}: {error}",)
        raise error
    return opened, refused


def _bindings(files: Sequence[str], bound: Mapping[str, str]) -> list[dict[str, str]]:
    """Share the bound values out to the files that have such an input."""
    if not bound:
        return [{} for _ in files]
    inputs = [{i.name for i in inspect_file(file).inputs} for file in files]
    for name in bound:
        if not any(name in own for own in inputs):
            raise UsageError(f"--bind {name!r}: no model has such an input")
    return [{n: v for n, v in bound.items() if n in own} for own in inputs]


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
    target: str | None,
) -> list[ComparedPhoto]:
    kept: dict[str, Mapping[str, Seen]] = {}
    # Explained once more rather than kept: no map of a long run stays in memory.
    compare_files(models, samples, methods, seed=seed, target=target, keep=kept.__setitem__)
    photos = []
    for sample in (s for s in samples if s.name in kept):
        photo = photo_of(sample.path, models[0].preprocess)
        region = shared_region([m.preprocess for m in models], photo.size)
        left, top, right, bottom = map(round, region)
        seen = kept[sample.name]
        photos.append(
            ComparedPhoto(
                sample.name,
                np.asarray(photo.crop((left, top, right, bottom))),
                {k: _caption(v) for k, v in seen.items()},
                {m: {k: v.maps[m] for k, v in seen.items()} for m in methods},
            )
        )
    return photos


def _caption(said: Seen) -> str:
    if said.unit == "probability":
        return f"{said.label or f'class {said.predicted}'} {said.score:.0%}"
    return f"{said.label or f'class {said.predicted}'}: {score_of(said.unit, said.score)}"


def _show(found: Comparison, files: Sequence[Path]) -> None:
    columns: tuple[tuple[str, str], ...] = (
        ("first", "first"),
        ("second", "second"),
        ("method", "method"),
        ("same_prediction", "same class"),
        ("score_difference", "score diff."),
        ("spearman", "rank corr."),
        ("interval", "95 %"),
        ("control", "control"),
        ("least_spearman", "least"),
        ("ssim", "SSIM"),
        ("cosine", "cosine"),
        ("top_overlap", "top 10 %"),
        ("answers_cosine", "cosine of answers"),
        ("pictures", "n"),
    )
    known = {"interval", *(key for entry in found.summary() for key in entry)}
    columns = tuple(c for c in columns if c[0] in known)
    rows = [
        [
            {**entry, "interval": f"{entry['low']:.3f} to {entry['high']:.3f}"}.get(k)
            for k, _ in columns
        ]
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
    return first if pair.same_prediction or first == second else f"{first} / {second}"
