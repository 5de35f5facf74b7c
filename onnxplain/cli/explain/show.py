"""What ``onnxplain explain`` prints."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.explain.relevance import show_channels, show_sums
from onnxplain.cli.outcome import TRACEBACK
from onnxplain.errors import ImageError, InternalError, NativeFaultError

if TYPE_CHECKING:
    from onnxplain.cli.explain.results import Attempt, Failure, ImageResult
    from onnxplain.model.model import Model

FORMAT = 1
_SHARES = ("probability", "area")
# Faults of single pictures: each is said, however alike they are.
_OF_EACH = (ImageError.exit_code, NativeFaultError.exit_code)
_MEASURES = {
    "completeness_gap": "completeness gap",
    "conservation": "conservation",
    "parity_error": "parity error",
    "slope_error": "slope error",
    "samples": "samples",
    "relative_error": "relative error",
}


def show_document(
    model: Model, warnings: Sequence[str], results: Sequence[ImageResult], code: int
) -> None:
    """Print one JSON document.

    Its keys are ``format`` (1), ``model`` (name, sha256, files), ``device``, ``warnings``,
    ``images`` and ``exit_code``. Each image has ``image`` (its path), ``predictions``
    (index, name, probability, logit; of a detector number, name, score, left, top, right and
    bottom in pixels of the photo), ``explanations`` (summary, method, target, score, layer,
    parameters, measures, notes, warnings, seconds, engine, channels, files), ``files``,
    ``error`` and ``exit_code``; an explanation that failed has method, target, error and
    exit_code alone. For relevance, ``notes`` holds the leaks and the composite, and
    ``channels`` lists those of the tensor ``at`` that carry most.
    """
    document(
        {
            "format": FORMAT,
            "model": {
                "name": model.name,
                "sha256": model.sha256,
                "files": model.identity.to_list(),
            },
            "device": model.network.ort.device,
            "warnings": list(warnings),
            "images": [r.to_dict() for r in results],
            "exit_code": code,
        }
    )


def show_tables(results: Sequence[ImageResult], verbose: bool = False) -> None:
    """Print predictions, explanations and files of every image; figures if `verbose`."""
    for k, result in enumerate(r for r in results if r.ranking):
        if k:
            line()
        named = any(row["name"] for row in result.ranking)
        first, *_ = result.ranking[0]
        units = [key for key in result.ranking[0] if key not in (first, "name")]
        rows = [
            [row[first], *([row["name"]] if named else []), *(_score(u, row[u]) for u in units)]
            for row in result.ranking
        ]
        what = "box" if first == "number" else "class"
        columns = [first, *([what] if named else []), *units]
        table(str(result.path), columns, rows)
        line()
        _show_attempts(result, verbose)


def show_failures(failures: Sequence[Failure]) -> None:
    """Print what went wrong: of each image that is at fault, else once for all it concerns."""
    places: dict[tuple[str, str], dict[str, None]] = {}
    for failure in failures:
        own = failure.where if failure.exit_code in _OF_EACH else ""
        why = failure.why
        if failure.exit_code == InternalError.exit_code:
            why += f"; {TRACEBACK}"
        places.setdefault((own, why), {})[failure.where] = None
    for (_, why), found in places.items():
        first, *rest = found
        where = first + (f" and {len(rest)} more" if rest else "")
        remark(f"error: {where}: {why}" if where else f"error: {why}")


def _show_attempts(result: ImageResult, verbose: bool) -> None:
    for attempt in result.attempts:
        _show_words(attempt)
    show_channels(result.explanations())
    if verbose:
        _show_figures(result)
    written = [f for a in result.attempts for f in a.files] + result.files
    if written:
        also = f", also {' '.join(f.name for f in result.files)}" if result.files else ""
        line(f"{len(written)} files in {written[0].parent}{also}")


def _show_words(attempt: Attempt) -> None:
    """Print what an explanation says in sentences, with its warnings."""
    explanation = attempt.explanation
    if explanation is None:
        line(f"{attempt.name} of {attempt.target.describe()}: failed, see below")
        return
    line(f"{attempt.name} of {explanation.target.describe()}")
    for text in attempt.sentences:
        line(f"  {text}")
    for text in explanation.warnings:
        line(f"  warning: {text}")


def _show_figures(result: ImageResult) -> None:
    """Print the figures of all explanations."""
    found = result.explanations()
    measures = {k: title for k, title in _MEASURES.items() if any(k in e.measures for e in found)}
    columns = ["method", "explains", "score", "seconds", *measures.values(), "files"]
    line()
    table("", columns, [_row(a, measures) for a in result.attempts])
    show_sums(found)


def _score(unit: str, value: float) -> str:
    """Write a score; only a share of one is a percentage."""
    return f"{100 * value:.2f} %" if unit in _SHARES else f"{value:.4g}"


def _row(attempt: Attempt, measures: dict[str, str]) -> list[Any]:
    explanation = attempt.explanation
    if explanation is None:
        blank = [None] * (2 + len(measures))
        return [attempt.name, attempt.target.describe(), *blank, "failed, see below"]
    return [
        attempt.name,
        explanation.target.describe(),
        explanation.score,
        round(explanation.seconds, 2),
        *[explanation.measures.get(k) for k in measures],
        " ".join([attempt.files[0].name, *(f.suffix for f in attempt.files[1:])]),
    ]
