"""What ``onnxplain evaluate`` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.cli.boxes import tell_boxes
from onnxplain.cli.boxes_table import show_boxes
from onnxplain.cli.choices import choose_methods, give_parameters
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.evaluate_data import chosen_samples
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.images import require_order
from onnxplain.cli.measures import choose_measures
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.cards import CARDS
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.evaluation import Evaluation
from onnxplain.evaluate.measures import MEASURES
from onnxplain.evaluate.run import evaluate as measure_all
from onnxplain.evaluate.sanity import verdict
from onnxplain.evaluate.settings import Settings
from onnxplain.inputs.dataset import Sample
from onnxplain.model.load import load

_ALWAYS = ("deletion", "insertion")
_WITH_BOXES = ("energy-in-mask", "pointing-game")
_WITH_MASKS = ("mean-iou", "iou-at-area", "pointing-game", "energy-in-mask")
# What a high value of these says in words, since there is no scale that readers know.
_LOST = {"randomisation": "what the network has learned", "other-class": "which class it is for"}


def run(
    *,
    model: str,
    data: Sequence[str],
    methods: Sequence[str],
    measures: Sequence[str],
    masks: str | None,
    boxes: str | None,
    explained: Any,
    target: str | None,
    limit: int | None,
    variant: str,
    decoys: bool,
    blur: float,
    step: int | None,
    deleted: str,
    inserted: str,
    strong: float,
    order: Any,
    stages: int,
    parameters: Sequence[str],
    folder: str,
    seed: int,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Evaluate, write the files and print the table.

    Returns
    -------
    int
        0, or 70 if a picture was left out for a defect of ours.

    Raises
    ------
    OnnxplainError
        If nothing could be measured, or a file cannot be written.
    """
    settings = Settings(step, deleted, inserted, strong, order, stages)
    out = Path(folder)
    require_order(model, data)
    require_writable(out)
    opened = load(model, **opening)
    chosen, left_out = choose_methods(methods, opened)
    given = {c.method.name: c.parameters for c in give_parameters(chosen, parameters)}
    warnings = opened.checked_warnings()
    if not quiet:
        for text in [*warnings, *(f"{n} is left out: {why}" for n, why in left_out.items())]:
            remark(f"warning: {text}")
    with chosen_samples(
        data, opened, masks=masks, boxes=boxes, limit=limit, variant=variant, decoys=decoys,
        seed=seed,
    ) as (samples, truth):  # fmt: skip
        tell_boxes(truth, quiet=quiet)
        names = _measure_names(measures, samples, truth)
        plan = Plan(given, names, explained, blur, seed=seed, settings=settings, target=target)
        with progress_bar(len(samples), quiet=quiet) as bar:
            bar.job("evaluating")
            found = measure_all(
                opened, samples, plan, lambda done, total: bar.finish(), truth=truth
            )
    files = found.save(out)
    if found.curves:
        from onnxplain.render.curves import curves_figure
        from onnxplain.render.save import save_figure

        save_figure(curves_figure(found.curves, found.controls, found.unit), out / "curves.png")
        files.append(out / "curves.png")
    for text in found.problems:
        remark(f"left out: {text}")
    if as_json:
        document({**found.to_dict(), "files": [str(f) for f in files]})
    elif not quiet:
        _show(found, files)
    return code_of_data(found.problems)


def list_measures() -> None:
    """Print all measures."""
    rows = [
        (m.name, m.needs, m.better, CARDS[m.name].values, m.summary, m.reference)
        for m in MEASURES.values()
    ]
    table("", ("name", "needs", "better", "values", "summary", "reference"), rows)
    line()
    for name in MEASURES:
        line(f"{name} says little or nothing {CARDS[name].silent}")


def _measure_names(
    given: Sequence[str], samples: Sequence[Sample], truth: Truth | None
) -> tuple[str, ...]:
    if given:
        return choose_measures(given)
    if truth is not None:
        return (*_ALWAYS, *_WITH_BOXES)
    return (*_ALWAYS, *(_WITH_MASKS if any(s.has_mask for s in samples) else ()))


def _silent(found: Evaluation, measure: str) -> dict[str, list[str]]:
    """Why a measure tells no maps apart on these pictures, with the methods that it is said of."""
    said: dict[str, list[str]] = {}
    for (method, name), text in found.silent_measures().items():
        if name == measure:
            said.setdefault(text, []).append(method)
    return said


def _show(found: Evaluation, files: Sequence[Path]) -> None:
    def shown(method: str) -> str:
        return f"({method})" if method in found.controls else method

    line(f"explained: {found.question}; unit of the scores: {found.unit}")
    line()
    if found.detection is not None:
        show_boxes(found.detection, found.labels)
    lines = found.summary()
    for name in dict.fromkeys(entry.measure for entry in lines):
        measure = MEASURES[name]
        rows = [
            (
                entry.rank or None,
                shown(entry.method),
                entry.mean,
                f"{entry.low:.3g} .. {entry.high:.3g}",
                entry.deviation,
                entry.count,
                verdict(entry.mean, _LOST[name]) if name in _LOST else "",
            )
            for entry in lines
            if entry.measure == name
        ]
        end = "" if measure.better == "neither" else f"; {measure.better} is better"
        columns = ("rank", "method", "mean", "95 % interval", "spread", "n", "")
        table(f"{name}: {measure.summary}{end}", columns, rows)
        for text, methods in _silent(found, name).items():
            line(f"{name} {text} ({', '.join(map(shown, methods))})")
        line()
    best = [(shown(b.method), b.iou, b.threshold) for b in found.best_thresholds()]
    if best:
        title = "one threshold for all pictures: the best there is"
        table(title, ("method", "mean overlap", "at threshold"), best)
        line()
    line("(in brackets: maps that never look at the model)")
    for path in files:
        line(f"wrote {path}")
