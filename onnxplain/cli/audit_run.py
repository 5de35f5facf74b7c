"""What ``onnxplain audit`` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from onnxplain.audit.answered import PROBABILITY
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.defaults import default_config
from onnxplain.audit.examine import methods_for
from onnxplain.audit.record import RECORD, picture_entries, write_record
from onnxplain.audit.run import Examiner, open_store, run_audit
from onnxplain.audit.store import PICTURES, Store
from onnxplain.cli.changed import tell_changed
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import ImageError, InternalError, UsageError
from onnxplain.inputs.dataset import Sample, read_dataset, spread
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.report.content import content
from onnxplain.report.write import write_report

_WORKERS = 2
_LISTED = 20


def run(
    *,
    model: str,
    data: str,
    config: str | None,
    target: str | None,
    masks: str | None,
    limit: int | None,
    folder: str,
    engine: str,
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
    if workers is not None and engine != "ray":
        raise UsageError("--workers goes with --engine ray; a local audit is one process")
    out = Path(folder)
    require_writable(out)
    samples = spread(read_dataset(data, masks=masks), limit)
    asked = None if config is None else AuditConfig.load(config)
    size = (asked or AuditConfig()).batch_size
    opened = load(model, batch_size=size, **opening)
    asked = asked or default_config(opened, samples)
    if target is not None:
        asked = replace(asked, target=target)
    methods, left_out = methods_for(opened, asked)
    warnings = opened.checked_warnings()
    if not quiet:
        for text in [*warnings, *(f"left out: {text}" for text in left_out)]:
            remark(f"warning: {text}")
    examiner: Examiner | None = None
    if engine == "ray":
        from onnxplain.audit.ray_engine import ray_examiner

        opening = {**opening, "batch_size": size}
        parts = opened.identity.digests
        examiner = ray_examiner(model, opening, samples, methods, asked, workers or _WORKERS, parts)
    sources = {"model": model, "data": data}
    with open_store(out, opened, samples, asked) as store, _results_alone(engine):
        try:
            _examine(store, opened, samples, asked, examiner, quiet)
        except (KeyboardInterrupt, SystemExit):
            _file(store, opened, samples, asked, sources, out)
            remark(
                f"stopped after {len(store.done(PICTURES))} of {len(samples)} pictures; "
                f"{out / RECORD} holds what there is; the same command goes on from here"
            )
            raise
        head, written = _file(store, opened, samples, asked, sources, out)
    tell_changed(opened)
    if as_json:
        document({**head, "files": [str(f) for f in written]})
    elif not quiet:
        _show(head, written)
    problems = [f["problem"] for f in head["failures"]]
    problems += [s["problem"] for s in head["sanity_pictures"] if "problem" in s]
    code = code_of_data(problems)
    if not head["predictions"]["scored"]:
        kind = InternalError if code else ImageError
        raise kind(f"no picture could be examined: {problems[0]}")
    return code


def _results_alone(engine: str) -> AbstractContextManager[object]:
    """Ray prints what befalls its workers on standard output, where results belong."""
    return redirect_stdout(sys.stderr) if engine == "ray" else nullcontext()


def _examine(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    examiner: Examiner | None,
    quiet: bool,
) -> None:
    before = len(store.done(PICTURES))
    if before and not quiet:
        remark(f"going on: {before} of {len(samples)} pictures are done")
    # The bar counts what is left, or the time left would be reckoned from work of other days.
    with progress_bar(len(samples) - before, quiet=quiet) as bar:
        bar.job("examining")

        def progress(done: int, total: int) -> None:
            if done > before:
                bar.finish()
            if done == total:
                bar.job("checking the methods")

        run_audit(store, model, samples, config, progress, examiner=examiner)


def _file(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    sources: Mapping[str, str],
    folder: Path,
) -> tuple[dict[str, Any], list[Path]]:
    """Write the record and, from it, the report."""
    head = write_record(folder / RECORD, store, model, samples, config, sources)
    files = {sample.name: sample.path for sample in samples}
    shown = content(head, partial(picture_entries, store), files, store.map)
    return head, [folder / RECORD, *write_report(folder, shown)]


def _show(head: Mapping[str, Any], files: Sequence[Path]) -> None:
    said = head["predictions"]
    labels = head["model"]["labels"]
    right = "" if said["accuracy"] is None else f", {said['accuracy']:.1%} right"
    line(f"{said['scored']} of {head['data']['pictures']} pictures examined{right}")
    for failure in head["failures"][:_LISTED]:
        remark(f"skipped: {failure['name']}: {failure['problem']}")
    if len(head["failures"]) > _LISTED:
        remark(f"skipped: {len(head['failures']) - _LISTED} more, see {files[0]}")
    line()
    rows = [[m["method"], m["measure"], m["mean"], m["deviation"], m["count"]]
            for m in head["measures"]]  # fmt: skip
    table("What was measured", ("method", "measure", "mean", "spread", "n"), rows)
    if head["sanity"]:
        line()
        rows = [[s["method"], s["verdict"]] for s in head["sanity"]]
        table("Sanity of the methods", ("method", ""), rows)
    line()
    if head["suspects"]:
        rows = [
            [
                _name(s["index"], labels),
                s["method"],
                f"{s['kind']}: {s['where']}",
                f"{s['strength']:.1f} times its share",
                f"{s['recurs']:.0%} of {s['count']}",
                _alone(s["transplant"], said.get("unit", PROBABILITY)),
            ]
            for s in head["suspects"]
        ]
        table(
            "Shortcut suspects",
            ("class", "method", "evidence", "strength", "pictures", "alone"),
            rows,
        )
    else:
        line("no shortcut suspects")
    for path in files:
        line(f"wrote {path}")


def _name(index: int | None, labels: Sequence[str]) -> str:
    if index is None:
        return "the target"
    return labels[index] if labels else str(index)


def _alone(transplant: Mapping[str, Any] | None, unit: str) -> str:
    """Say what a place does to its class in pictures of other classes."""
    if transplant is None:
        return ""
    rise = transplant["rise"]
    what = {PROBABILITY: "", "area": " of the area"}.get(unit, " of the pictures")
    return "not tried" if rise is None else f"{100 * rise:+.0f} %{what}"
