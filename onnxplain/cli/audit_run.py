"""What ``onnxplain audit`` does."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any, Literal

from onnxplain.audit.audit import Audit
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import methods_for
from onnxplain.audit.head import Sources
from onnxplain.audit.record import RECORD, recorded_pictures, write_record
from onnxplain.audit.records.pictures import PROBABILITY
from onnxplain.audit.records.plain import Unsaid
from onnxplain.audit.records.summaries import BESIDE, SuspectSum, TriedPlace
from onnxplain.audit.run import Examiner, open_audit, run_audit
from onnxplain.audit.store import PICTURES
from onnxplain.cli.audit_answers import show_answers
from onnxplain.cli.audit_questions import questions
from onnxplain.cli.boxes import tell_boxes, with_boxes
from onnxplain.cli.boxes_table import show_boxes
from onnxplain.cli.changed import tell_changed
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.images import require_order
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import ImageError, InternalError, UsageError
from onnxplain.inputs.dataset import spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.model.load import load
from onnxplain.report.content import Content, content
from onnxplain.report.verdict import silent_measures, untrusted
from onnxplain.report.write import write_report

_WORKERS = 2
_LISTED = 20


def run(
    *,
    model: str,
    data: Sequence[str],
    config: str | None,
    methods: Sequence[str],
    parameters: Sequence[str],
    measures: Sequence[str],
    explained: Literal["label", "prediction"] | None,
    target: str | None,
    seed: int | None,
    masks: str | None,
    boxes: str | None,
    groups: str | None,
    limit: int | None,
    folder: str,
    place: str,
    workers: int | None,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Audit, write the record and print what stands out.

    Returns
    -------
    int
        0, or 70 if a picture failed for a defect of ours.

    Raises
    ------
    OnnxplainError
        If nothing could be examined, or a file cannot be written.
    """
    if workers is not None and place != "ray":
        raise UsageError("--workers goes with --engine ray; a local audit is one process")
    out = Path(folder)
    require_order(model, data)
    require_writable(out)
    found = read_datasets(data, masks=masks, groups=groups)
    asked = None if config is None else AuditConfig.load(config)
    size = (asked or AuditConfig()).batch_size
    opened = load(model, batch_size=size, **opening)
    found, truth = with_boxes(found, boxes, masks, opened)
    samples = spread(found, limit)
    tell_boxes(truth, quiet=quiet)
    asked, not_all = questions(
        opened, samples, asked, methods=methods, measures=measures, parameters=parameters,
        explained=explained, target=target, seed=seed,
    )  # fmt: skip
    applied, left_out = methods_for(opened, asked, truth)
    warnings = opened.checked_warnings()
    if not quiet:
        for text in [*warnings, *(f"left out: {text}" for text in [*not_all, *left_out])]:
            remark(f"warning: {text}")
    examiner: Examiner | None = None
    if place == "ray":
        from onnxplain.audit.ray_engine import ray_examiner

        opening = {**opening, "batch_size": size}
        parts = opened.identity.digests
        examiner = ray_examiner(
            model, opening, samples, applied, asked, workers or _WORKERS, parts, truth
        )
    sources: Sources = {"model": model, "data": list(dict.fromkeys(data))}
    if boxes is not None:
        sources["boxes"] = boxes
    if groups is not None:
        sources["groups"] = groups
    with open_audit(out, opened, samples, asked, truth) as audit, _results_alone(place):
        try:
            _examine(audit, examiner, quiet)
        except (KeyboardInterrupt, SystemExit):
            _file(audit, sources, out)
            remark(
                f"stopped after {len(audit.store.done(PICTURES))} of {len(samples)} pictures; "
                f"{out / RECORD} holds the results so far; the same command resumes"
            )
            raise
        shown, written = _file(audit, sources, out)
    head = shown.record
    tell_changed(opened)
    if as_json:
        said = {"conclusion": shown.conclusion, "unseen": shown.unseen}
        document({**head.to_dict(), **said, "files": [str(f) for f in written]})
    elif not quiet:
        _show(shown, written)
    problems = [f.problem for f in head.failures]
    problems += [s.problem for s in head.sanity_pictures if s.problem is not None]
    code = code_of_data(problems)
    if not head.predictions.scored:
        kind = InternalError if code else ImageError
        raise kind(f"no picture could be examined: {problems[0]}")
    return code


def _results_alone(place: str) -> AbstractContextManager[object]:
    """Ray prints what befalls its workers on standard output, where results belong."""
    return redirect_stdout(sys.stderr) if place == "ray" else nullcontext()


def _examine(audit: Audit, examiner: Examiner | None, quiet: bool) -> None:
    before, count = len(audit.store.done(PICTURES)), len(audit.samples)
    if before and not quiet:
        remark(f"resuming: {before} of {count} pictures are done")
    # The bar counts what is left, or the time left would be reckoned from work of other days.
    with progress_bar(count - before, quiet=quiet) as bar:
        bar.job("examining")

        def progress(done: int, total: int) -> None:
            if done > before:
                bar.finish()
            if done == total:
                bar.job("checking the methods")

        run_audit(audit, progress, examiner=examiner)


def _file(audit: Audit, sources: Sources, folder: Path) -> tuple[Content, list[Path]]:
    """Write the record and, from it, the report."""
    head = write_record(folder / RECORD, audit, sources)
    files = {sample.name: sample.path for sample in audit.samples}
    shown = content(head, partial(recorded_pictures, audit.store), files, audit.store.map)
    return shown, [folder / RECORD, *write_report(folder, shown)]


def _show(shown: Content, files: Sequence[Path]) -> None:
    head, said = shown.record, shown.record.predictions
    right = "" if said.accuracy is None else f", {said.accuracy:.1%} right"
    line(f"{said.scored} of {head.data.pictures} pictures examined{right}")
    for text in untrusted(head):
        line(f"FAILED: {text}")
    for failure in head.failures[:_LISTED]:
        remark(f"skipped: {failure.name}: {failure.problem}")
    if len(head.failures) > _LISTED:
        remark(f"skipped: {len(head.failures) - _LISTED} more, see {files[0]}")
    line()
    if head.boxes is not None:
        show_boxes(head.boxes, head.model.labels)
    show_answers(shown)
    rows: list[list[object]] = [
        [m.method, m.measure, m.mean, m.deviation, m.count] for m in head.measures
    ]
    table("What was measured", ("method", "measure", "mean", "spread", "n"), rows)
    for (method, measure), text in silent_measures(head).items():
        line(f"{measure} of {method} {text}")
    if head.sanity:
        line()
        rows = [[s.method, s.verdict] for s in head.sanity]
        table("Sanity of the methods", ("method", ""), rows)
    line()
    if head.suspects:
        rows = [
            [
                _name(s.index, head.model.labels),
                s.method,
                f"{s.kind}: {s.where}",
                _strength(s),
                f"{s.recurs:.0%} of {s.count}",
                _alone(s.transplant, said.unit),
            ]
            for s in head.suspects
        ]
        table(
            "Shortcut suspects",
            ("class", "method", "evidence", "strength", "pictures", "alone"),
            rows,
        )
    else:
        line("no shortcut suspects")
    line()
    for text in shown.conclusion:
        line(text)
    for path in files:
        line(f"wrote {path}")


def _name(index: int | None, labels: Sequence[str]) -> str:
    if index is None:
        return "the target"
    return labels[index] if labels else str(index)


def _strength(suspect: SuspectSum) -> str:
    if suspect.kind == BESIDE:
        return f"covered, {suspect.strength:.0%} of the score goes"
    return f"{suspect.strength:.1f} times its share"


def _alone(tried: TriedPlace | Unsaid | None, unit: str) -> str:
    """Say what a place does to its class in pictures of other classes."""
    if not isinstance(tried, TriedPlace):
        return ""
    what = {PROBABILITY: "", "area": " of the area"}.get(unit, " of the pictures")
    if tried.rise is None:
        return "not tried"
    way = f"{100 * tried.way:.0f} % of the way, " if isinstance(tried.way, float) else ""
    return f"{way}{100 * tried.rise:+.0f} %{what}"
