"""Everything that an audit keeps of one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.answered import answered
from onnxplain.audit.boxes.first_look import first_look, without_box
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.curves import CURVES, FITS, kept
from onnxplain.audit.records.pictures import Picture, SanityPicture
from onnxplain.audit.records.plain import build
from onnxplain.audit.zones import evidence_shares, small
from onnxplain.boundary import one_of_many, unnamed
from onnxplain.errors import OF_A_PICTURE, NowhereError, NumericalError, OnnxplainError
from onnxplain.evaluate.boxes.look import require_class
from onnxplain.evaluate.boxes.truth import Truth
from onnxplain.evaluate.case import Case
from onnxplain.evaluate.cases import Plan, applicable, cases
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.question import has_rivals
from onnxplain.evaluate.randomise import RandomisedModels
from onnxplain.evaluate.removal import Curve
from onnxplain.evaluate.sanity import other_class_correlation, randomisation_check
from onnxplain.evaluate.settings import Settings
from onnxplain.files import why_no_file
from onnxplain.graph.load import file_sha256
from onnxplain.inputs.dataset import Sample
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand

# What is kept of a picture, and a small map for each method.
Examined = tuple[Picture, dict[str, NDArray[np.float32]]]
# Layout of these results; what a store holds is of one.
ENTRIES = 5


def methods_for(
    model: Model, config: AuditConfig, truth: Truth | None = None
) -> tuple[list[str], list[str]]:
    """Methods of the audit that the model allows, and what is left out and why.

    Raises
    ------
    UsageError
        If none applies, or what is explained cannot be.
    """
    left_out: list[str] = []
    plan = plan_of(config)
    if truth is not None:
        require_class(model, plan)
    return applicable(model, plan, left_out, judged=truth is not None), left_out


def examine(
    model: Model,
    sample: Sample,
    methods: Sequence[str],
    config: AuditConfig,
    number: int = 0,
    truth: Truth | None = None,
) -> Examined:
    """Predict, explain and measure one picture.

    A picture that cannot be read or scored, or in which the target is nowhere, is a result as
    well: it says why. So is one on which onnxplain fails for a reason that nobody foresaw.

    Parameters
    ----------
    model : Model
        The model.
    sample : Sample
        The picture.
    methods : sequence of str
        Those that apply, see `methods_for`.
    config : AuditConfig
        The questions.
    number : int
        Of the picture in the data set.
    truth : Truth, optional
        What is annotated, for a detector.

    Returns
    -------
    Picture
        How long each method took stands in ``seconds`` alone.
    dict of str to (SIDE, SIDE) array
        A small map for each method.
    """
    about = {
        "number": number,
        "name": sample.name,
        "file_sha256": _file_digest(sample.path),
    }
    if sample.mask is not None:
        about["mask_sha256"] = _file_digest(sample.mask)
    if sample.group is not None:
        about["group"] = sample.group
    found: list[Examined] = []

    def failed(error: OnnxplainError) -> None:
        problem = unnamed(error, sample.path)
        found.append((build(Picture, {**about, "status": "failed", "problem": problem}), {}))

    with one_of_many(failed, OF_A_PICTURE), in_hand(sample.name):
        found.append(_examined(model, sample, methods, config, about, truth))
    return found[0]


def _examined(
    model: Model,
    sample: Sample,
    methods: Sequence[str],
    config: AuditConfig,
    about: Mapping[str, Any],
    truth: Truth | None,
) -> Examined:
    problems: list[str] = []
    plan = plan_of(config)
    first = first_look(model, sample, plan, problems, truth)
    seen = first.look
    maps: dict[str, NDArray[np.float32]] = {}
    boxes = first.told(model, methods[0], plan, maps, problems)
    if seen is None:
        return build(Picture, {**about, **without_box(first.picture), **boxes}), maps
    found: dict[str, Any] = {}
    seconds: dict[str, float] = {}
    for case in cases(model, seen, methods, plan, problems):
        assert case.explanation is not None
        measures, curves = _measured(case, config, problems)
        found[case.method] = {
            "measures": measures,
            "curves": curves,
            "record": _finite(case.explanation.measures),
            "evidence": dict(evidence_shares(case.heatmap, case.mask)),
            "settled": _settled(case),
            "warnings": list(case.explanation.warnings),
        }
        maps[case.method] = small(case.heatmap)
        seconds[case.method] = case.explanation.seconds
    value = {
        **about,
        "status": "done",
        "input_sha256": seen.picture.sha256,
        **answered(model, seen),
        "mask_area": None if seen.mask is None else float(seen.mask.mean()),
        "methods": found,
        "problems": problems,
        "seconds": seconds,
        **boxes,
    }
    return build(Picture, value), maps


def examine_sanity(
    model: Model,
    sample: Sample,
    methods: Sequence[str],
    config: AuditConfig,
    number: int = 0,
    truth: Truth | None = None,
    lost: RandomisedModels | None = None,
) -> SanityPicture:
    """Compare each method's map of a readable picture with those it must differ from.

    Networks that lose their weights are opened once for all methods, and for all pictures if they
    are given.

    Returns
    -------
    SanityPicture
        By method: rank correlation and structural similarity with the maps of a network
        that loses its weights, and the rank correlation with the map of another class.
    """
    seen = first_look(model, sample, plan_of(config), [], truth).look
    if seen is None:
        raise NowhereError("this picture no longer has a box")
    seed = config.seed
    lost = lost or RandomisedModels(model, seed=seed)
    found: dict[str, Any] = {}
    for name in methods:
        given = config.parameters(name)
        check = randomisation_check(
            model, seen.picture, name, seen.aim(name), parameters=given, lost=lost
        )
        found[name] = {
            "layers": list(check.layers),
            "spearman": check.spearman.tolist(),
            "ssim": check.ssim.tolist(),
            "left": check.left,
        }
        if has_rivals(model, seen.target):
            found[name]["other_class"] = other_class_correlation(
                model, seen.picture, name, seen.aim(name), seed=seed, parameters=given
            )
    return build(SanityPicture, {"number": number, "name": sample.name, "methods": found})


def plan_of(config: AuditConfig) -> Plan:
    """Return what an audit asks as an evaluation asks it, without control maps."""
    given = {name: config.parameters(name) for name in config.methods}
    settings = Settings(fit=FITS[config.curves])
    return Plan(
        given, config.measures, config.explained,
        controls=False, seed=config.seed, target=config.target, settings=settings,
        against_others=config.against_others,
    )  # fmt: skip


def _measured(
    case: Case, config: AuditConfig, problems: list[str]
) -> tuple[dict[str, float | None], dict[str, list[float]]]:
    """What was measured of a map: numbers, and the curves behind some of them."""
    numbers: dict[str, float] = {}
    curves: dict[str, list[float]] = {}
    for measure in map(find_measure, config.measures):
        if measure.applies(case):
            try:
                value = measure.function(case)
            except NumericalError as error:
                numbers[measure.name] = np.nan
                problems.append(f"{case.method}, {measure.name}: {error}")
                continue
            numbers[measure.name] = value.value if isinstance(value, Curve) else float(value)
            # JSON has no other numbers; that there is no curve shows in the measure as well.
            finite = np.isfinite(numbers[measure.name])
            if isinstance(value, Curve) and measure.name in CURVES and finite:
                curves[measure.name] = kept(value)
    return _finite(numbers), curves


def _settled(case: Case) -> dict[str, Any]:
    """What a method chose where nothing was given: a window in pixels, a layer."""
    assert case.explanation is not None
    asked = check_parameters(find(case.method), case.parameters or {})
    ran = {**case.explanation.parameters}
    if case.explanation.layer is not None:
        ran["layer"] = case.explanation.layer
    return {k: v for k, v in ran.items() if v != asked.get(k)}


def _finite(measures: Mapping[str, float]) -> dict[str, float | None]:
    return {k: float(v) if np.isfinite(v) else None for k, v in measures.items()}


def _file_digest(path: Path) -> str | None:
    if why_no_file(path):  # a pipe would never end; the result of this picture says why
        return None
    try:
        return file_sha256(path)
    except OSError:
        return None
