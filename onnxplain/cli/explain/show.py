"""What ``onnxplain explain`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.relevance import show_relevance

if TYPE_CHECKING:
    from onnxplain.cli.explain.results import Attempt, Failure, ImageResult
    from onnxplain.model.model import Model

FORMAT = 1
_MEASURES = {
    "completeness_gap": "completeness gap",
    "conservation": "conservation",
    "parity_error": "parity error",
    "samples": "samples",
    "relative_error": "relative error",
}


def show_document(
    model: Model, warnings: Sequence[str], results: Sequence[ImageResult], code: int
) -> None:
    """Print one JSON document.

    Its keys are ``format`` (1), ``model`` (name, sha256), ``device``, ``warnings``,
    ``images`` and ``exit_code``. Each image has ``image`` (its path), ``predictions``
    (index, name, probability, logit), ``explanations`` (method, target, score, layer,
    parameters, measures, notes, seconds, channels, files), ``files``, ``error`` and
    ``exit_code``; an explanation that failed has method, target, error and exit_code alone.
    For relevance, ``notes`` holds the leaks and the composite, and ``channels`` lists those
    of the tensor ``at`` that carry most.
    """
    document(
        {
            "format": FORMAT,
            "model": {"name": model.name, "sha256": model.sha256},
            "device": model.network.ort.device,
            "warnings": list(warnings),
            "images": [r.to_dict() for r in results],
            "exit_code": code,
        }
    )


def show_tables(results: Sequence[ImageResult]) -> None:
    """Print predictions, explanations and files of every image."""
    for k, result in enumerate(results):
        if k:
            line()
        if not result.ranking:
            table(str(result.path), ("",), [["failed, see below"]])
            continue
        named = any(name for _, name, _, _ in result.ranking)
        rows = [
            [i, *([name] if named else []), f"{100 * p:.2f} %", f"{logit:.4g}"]
            for i, name, p, logit in result.ranking
        ]
        columns = ["index", *(["class"] if named else []), "probability", "logit"]
        table(str(result.path), columns, rows)
        line()
        _show_attempts(result)


def show_failures(failures: Sequence[Failure]) -> None:
    """Print what went wrong, once for all images that it concerns."""
    places: dict[str, dict[str, None]] = {}
    for failure in failures:
        places.setdefault(failure.why, {})[failure.where] = None
    for why, found in places.items():
        first, *rest = found
        where = first + (f" and {len(rest)} more" if rest else "")
        remark(f"error: {where}: {why}" if where else f"error: {why}")


def _show_attempts(result: ImageResult) -> None:
    found = result.explanations()
    measures = {k: title for k, title in _MEASURES.items() if any(k in e.measures for e in found)}
    columns = ["method", "explains", "score", "seconds", *measures.values(), "files"]
    table("", columns, [_row(a, measures) for a in result.attempts])
    show_relevance(found)
    written = [f for a in result.attempts for f in a.files] + result.files
    if written:
        also = " ".join(f.name for f in result.files)
        line(f"{len(written)} files in {written[0].parent}, also {also}")


def _row(attempt: Attempt, measures: dict[str, str]) -> list[Any]:
    explanation = attempt.explanation
    if explanation is None:
        blank = [None] * (2 + len(measures))
        return [attempt.method, attempt.target.describe(), *blank, "failed, see below"]
    return [
        attempt.method,
        explanation.target.describe(),
        explanation.score,
        round(explanation.seconds, 2),
        *[explanation.measures.get(k) for k in measures],
        " ".join([attempt.files[0].name, *(f.suffix for f in attempt.files[1:])]),
    ]
