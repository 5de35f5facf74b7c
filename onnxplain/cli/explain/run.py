"""What ``onnxplain explain`` does."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnxplain import machine
from onnxplain.adapters.device import parse_device
from onnxplain.boundary import one_of_many
from onnxplain.cli.choices import (
    Chosen,
    Targets,
    bound_all,
    choose_methods,
    choose_targets,
    give_layer,
    give_limits,
    give_parameters,
    require_read,
)
from onnxplain.cli.console import remark
from onnxplain.cli.explain.beside import Beside
from onnxplain.cli.explain.grid import Grid, methods_of_grid, parse_grid, write_grids
from onnxplain.cli.explain.pace import Pace
from onnxplain.cli.explain.results import (
    LISTED_BOXES,
    Attempt,
    Drawing,
    Failure,
    ImageResult,
    write_boxes,
    write_explanation,
    write_sheets,
)
from onnxplain.cli.explain.sessions import leaving, open_ahead, say_device
from onnxplain.cli.explain.show import show_document, show_failures, show_tables
from onnxplain.cli.images import find_images, require_order, result_names
from onnxplain.cli.outcome import code_of
from onnxplain.cli.progress import Bar, progress_bar
from onnxplain.errors import OnnxplainError, OutputError
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.picture import Picture
from onnxplain.model.load import load
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand, is_careful, keep, recall
from onnxplain.render.look import Look
from onnxplain.targets.classes import Kind
from onnxplain.targets.target import Target
from onnxplain.tasks.boxes import Detected
from onnxplain.tasks.prediction import Prediction

if TYPE_CHECKING:
    from onnxplain.cli.explain.trust import Trust

_RANKED = 5
_SIDES = ("left", "top", "right", "bottom")
# Pictures up to which each has a sheet without being asked for: drawing one takes longer than most
# maps, and nobody looks through hundreds.
FEW = 10


@dataclass(frozen=True)
class Job:
    """Everything that is the same for all images."""

    model: Model
    methods: Sequence[Chosen]
    targets: Targets
    kind: Kind | None
    folder: Path
    settings: dict[str, Any]
    sheets: bool
    drawing: Drawing
    grid: Grid | None
    bar: Bar
    beside: Beside
    # Whether anybody reads sentences.
    speaks: bool
    trust: Trust | None = None


def run(
    *,
    model: str,
    images: Sequence[str],
    methods: Sequence[str],
    targets: Sequence[str],
    kind: Kind | None,
    contrast: str | None,
    margin: bool,
    part: str | None,
    match: str | None,
    layer: str | None,
    parameters: Sequence[str],
    grid: Sequence[str],
    max_seconds: float | None,
    tolerance: float | None,
    average: int | None,
    trust: bool,
    choice: str | None,
    style: str,
    contour: bool,
    columns: int | None,
    file_format: str,
    folder: str,
    seed: int,
    allow_mismatch: bool,
    sheets: bool | None,
    workers: int | None,
    verbose: bool,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Explain images, write the files and print what was found.

    Names, parameters and the output folder are checked before anything is computed.

    Returns
    -------
    int
        0, or the exit code of the first failure, or 70 if one was a defect of ours.

    Raises
    ------
    OnnxplainError
        If nothing could be started.
    """
    out = Path(folder)
    require_order(model, images)
    require_writable(out)
    parse_device(opening["device"])
    paths, empty = find_images(images)
    opened = load(model, **opening)
    methods = methods_of_grid(grid, methods)
    chosen_methods, left_out = choose_methods(methods, opened)
    varied = parse_grid(grid, chosen_methods)
    chosen = give_layer(give_parameters(chosen_methods, parameters), layer, opened)
    chosen = give_limits(chosen, {"max_seconds": max_seconds, "tolerance": tolerance})
    chosen = bound_all(methods, chosen, opened)
    chosen = chosen if varied is None else varied.over(chosen)
    judged_by: Trust | None = None
    if trust or choice is not None:
        from onnxplain.cli.explain.trust import require_judged_alone, trust_of

        asked = {"kind": kind, "contrast": contrast, "margin": margin, "part": part,
                 "match": match, "grid": grid, "average": average}  # fmt: skip
        require_judged_alone(asked)
        named = bool(methods or parameters or layer or max_seconds or tolerance)
        own = chosen if named else []
        judged_by = trust_of(opened, model, choice, paths, own, out, seed, quiet=quiet)
        chosen, targets = judged_by.methods(own), judged_by.targets(targets)
        left_out = left_out if named else {}
    wanted = choose_targets(targets, contrast, margin, opened, part, match)
    require_read(part, match, chosen)
    names = result_names(paths)
    _keep_apart(paths, names, [c.stem for c in chosen], out)
    warnings = list(opened.warnings)
    warnings += [f"{name} is left out: {why}" for name, why in left_out.items()]
    if not quiet:
        for text in warnings:
            remark(f"warning: {text}")
        say_device(opened, opening["device"])
        if sheets is None and len(paths) > FEW:
            remark(f"no sheets for more than {FEW} pictures; --sheets draws them")
    open_ahead(opened, chosen)
    drawn = len(paths) <= FEW if sheets is None else sheets
    drawing = Drawing(Look(style, contour), columns, file_format)
    settings = {"seed": seed, "allow_mismatch": allow_mismatch, "average": average}
    known: dict[Path, ImageResult] = {p: r for p in paths if (r := recall(str(p))) is not None}
    left = [path for path in paths if path not in known]
    begun: dict[Path, Future[ImageResult]] = {}
    at_once = Beside(1, ahead=0) if is_careful() else Beside(workers or machine.cores())
    with progress_bar(len(left), quiet=quiet) as bar, at_once as beside:
        job = Job(
            opened,
            chosen,
            wanted,
            kind,
            out,
            settings,
            drawn,
            drawing,
            varied,
            bar,
            beside,
            as_json or not quiet,
            judged_by,
        )
        pace = Pace(leaving(opened, opening["threads"]))
        for path, picture in beside.ahead(partial(_read, opened), left):
            begun[path] = _explain_image(job, path, picture, names[path])
            bar.finish()
            pace.finish()
    results = [known[p] if p in known else begun[p].result() for p in paths]
    found = opened.network.known_independence
    if found is not None and any(result.explanations() for result in results):
        warnings += found.warnings
        if not quiet:
            for text in found.warnings:
                remark(f"warning: {text}")
    failures = [Failure("", str(error), error.exit_code) for error in empty]
    failures += [f for result in results for f in result.failures()]
    code = code_of(f.exit_code for f in failures)
    if as_json:
        show_document(opened, warnings, results, code)
    elif not quiet:
        show_tables(results, verbose)
    show_failures(failures)
    return code


def require_writable(folder: Path) -> None:
    """Check that files can be written into a folder, without making it.

    Raises
    ------
    OutputError
        If they cannot.
    """
    existing = folder.absolute()
    while not os.path.exists(existing):
        existing = existing.parent
    if not os.path.isdir(existing):
        raise OutputError(
            f"{str(existing)!r} is a file, not a folder; choose another folder with -o"
        )
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"cannot write into {str(existing)!r}; choose another folder with -o")


def _read(model: Model, path: Path) -> Picture:
    with in_hand(str(path), whole=False):
        return model.read(path)


def _explain_image(
    job: Job, path: Path, picture: Future[Picture], name: str
) -> Future[ImageResult]:
    """Compute all maps of a picture, while those that are done are written."""
    result = ImageResult(path)
    attempts: list[Future[Attempt]] = []
    shared: list[Callable[[], Path]] = []
    with one_of_many(result.fail):
        read = picture.result()
        with in_hand(str(path)):
            _explain_into(result, attempts, shared, job, read, name)
    return job.beside.follow(attempts, partial(_completed, result, attempts, shared, job, name))


def _explain_into(
    result: ImageResult,
    attempts: list[Future[Attempt]],
    shared: list[Callable[[], Path]],
    job: Job,
    picture: Picture,
    name: str,
) -> None:
    # The ranking is that at the first target's place, if the output is dense.
    average, place = job.settings["average"], job.targets.wanted[0].position
    prediction = job.model.predict(picture, position=place, average=average)
    result.ranking = _ranking(prediction)
    judged = None
    if job.trust is not None:
        judged = job.trust.judging(job.model, picture, prediction, len(job.methods))
    for k, chosen in enumerate(job.methods):
        job.bar.job(f"{result.path.name}: {chosen.method.name}")

        def step(done: int, total: int, before: int = k) -> None:
            job.bar.step(before * total + done, total * len(job.methods))

        asked = job.targets
        aims = list(
            job.model.resolve(
                picture, asked.wanted, prediction,
                **chosen.method.score(job.kind),
                contrast=asked.contrast, margin=asked.margin, average=average,
                by_match=not chosen.method.takes_slopes, match=chosen.method.compares,
            )
        )  # fmt: skip
        outcomes: list[Explanation | OnnxplainError] = []
        failed: list[OnnxplainError] = []
        with one_of_many(failed.append):
            # Once per picture: the engines agree or not, whatever the method.
            prediction = job.model.check_parity(
                chosen.method, picture, prediction, allow_mismatch=True
            )
            outcomes += job.model.attempt_targets(
                picture, chosen.method.name, aims, prediction=prediction,
                if_still=job.kind is None, progress=step, **job.settings, **chosen.parameters,
            )  # fmt: skip
            if judged is not None:
                outcomes = [
                    found if isinstance(found, OnnxplainError) else judged(chosen, found)
                    for found in outcomes
                ]
        for aim, outcome in zip(aims, outcomes or failed * len(aims), strict=True):
            stem = f"{name}.{chosen.stem}" + (f".{aim.stem}" if len(aims) > 1 else "")
            work = partial(_write, chosen, aim, outcome, job, stem)
            attempts.append(job.beside.write(work))
        job.bar.step(k + 1, len(job.methods))
    if isinstance(prediction, Detected) and len(prediction.scores):
        shared.append(partial(write_boxes, prediction, picture, job.folder, name))


def _completed(
    result: ImageResult,
    attempts: Sequence[Future[Attempt]],
    shared: Sequence[Callable[[], Path]],
    job: Job,
    name: str,
) -> ImageResult:
    """Put what was written of a picture in order, and draw what shows several maps."""
    written = [attempt.result() for attempt in attempts]
    order = list(dict.fromkeys(a.target.stem for a in written))
    result.attempts = sorted(written, key=lambda a: order.index(a.target.stem))
    if result.error is None:
        with one_of_many(result.fail):
            result.files += [draw() for draw in shared]
            result.files += (
                write_sheets(
                    result.explanations(),
                    job.folder,
                    name,
                    job.model.labels,
                    together=job.sheets,
                    drawing=job.drawing,
                )
                if job.grid is None
                else write_grids(job.grid, result.attempts, job.folder, name, job.drawing)
            )
    result = result.without_maps()
    keep(str(result.path), result)
    return result


def _write(
    chosen: Chosen, aim: Target, outcome: Explanation | OnnxplainError, job: Job, stem: str
) -> Attempt:
    method, cell = chosen.method.name, chosen.cell
    if isinstance(outcome, OnnxplainError):
        return Attempt(method, aim, error=outcome, cell=cell)
    found: list[Attempt] = []
    with one_of_many(lambda error: found.append(Attempt(method, aim, error=error, cell=cell))):
        files = write_explanation(outcome, job.folder, stem, job.drawing.look)
        said = tuple(outcome.sentences) if job.speaks else ()
        aim = outcome.target  # the logit, where the probability hardly moves
        found.append(Attempt(method, aim, outcome, files, sentences=said, cell=cell))
    return found[0]


def _ranking(prediction: Prediction) -> list[dict[str, Any]]:
    """The largest scores, each of every kind that the model has; boxes with their sides."""
    if isinstance(prediction, Detected):
        return [
            {
                "number": k + 1,
                "name": prediction.names[k],
                "score": float(prediction.scores[k]),
                **dict(zip(_SIDES, map(float, prediction.sides[k]), strict=True)),
            }
            for k in range(min(len(prediction.scores), LISTED_BOXES))
        ]
    columns: dict[str, Any] = {prediction.unit: prediction.scores}
    columns.update({k: v for k, v in prediction.kinds.items() if k != "raw"})
    return [
        {"index": i, "name": prediction.name(i), **{k: float(v[i]) for k, v in columns.items()}}
        for i in prediction.order(_RANKED)
    ]


def _keep_apart(
    paths: Sequence[Path], names: dict[Path, str], methods: Sequence[str], folder: Path
) -> None:
    inputs = {os.path.realpath(p) for p in paths}
    for name in names.values():
        for part in (*methods, "sheet"):
            if os.path.realpath(folder / f"{name}.{part}.png") in inputs:
                raise OutputError(
                    f"the results in {str(folder)!r} would overwrite the image "
                    f"{name}.{part}.png; choose another folder with -o"
                )
