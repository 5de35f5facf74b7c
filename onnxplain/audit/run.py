"""Run an audit: picture by picture into the store, from wherever it stopped."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.store import Store
from onnxplain.audit.zones import evidence_shares, small
from onnxplain.dataset import Sample
from onnxplain.errors import ImageError, NumericalError, UsageError
from onnxplain.evaluate.cases import Plan, applicable, cases, look
from onnxplain.evaluate.measures import find_measure
from onnxplain.evaluate.removal import Curve
from onnxplain.evaluate.sanity import other_class_correlation, randomisation_check
from onnxplain.graph.load import file_sha256
from onnxplain.model import Model

STORE = "results.sqlite"
PICTURES, SANITY = "picture", "sanity"
Progress = Callable[[int, int], None]
Result = tuple[dict[str, Any], dict[str, NDArray[np.float32]]]


def open_store(
    folder: str | Path, model: Model, samples: Sequence[Sample], config: AuditConfig
) -> Store:
    """Open the results of an audit, new or begun.

    Raises
    ------
    UsageError
        If the folder holds the results of another model, other data or other questions.
    """
    identity = {
        "model": model.sha256,
        "preprocess": model.preprocess.sha256,
        "labels": _digest(model.labels),
        "questions": config.sha256,
        "data": _digest([_entry(s) for s in samples]),
    }
    return Store(Path(folder) / STORE, identity)


def run_audit(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    config: AuditConfig,
    progress: Progress | None = None,
) -> None:
    """Examine every picture that the store has no result of, then the methods' sanity.

    Parameters
    ----------
    store : Store
        See `open_store`.
    model : Model
        The model.
    samples : sequence of Sample
        The data set.
    config : AuditConfig
        The questions.
    progress : callable, optional
        Called with (pictures done, pictures in all), those of earlier runs included.

    Raises
    ------
    OutputError
        If a result cannot be written; everything before is kept.
    """
    problems: list[str] = []
    methods = applicable(model, _plan(config), problems)
    if not methods:
        raise UsageError(f"no method applies to this model: {'; '.join(problems)}")
    done = store.done(PICTURES)
    for number, sample in enumerate(samples):
        if number not in done:
            value, maps = examine(model, sample, methods, config)
            store.add(PICTURES, number, value, maps)
        if progress is not None:
            progress(number + 1, len(samples))
    check_sanity(store, model, samples, methods, config)


def examine(model: Model, sample: Sample, methods: Sequence[str], config: AuditConfig) -> Result:
    """Everything an audit keeps of one picture.

    A picture that cannot be read or scored is a result as well: it says why.

    Returns
    -------
    dict
        Plain data for the record.
    dict of str to (SIDE, SIDE) array
        A small map for each method.
    """
    problems: list[str] = []
    about: dict[str, Any] = {"name": sample.name, "file_sha256": _file_digest(sample.path)}
    plan = _plan(config)
    try:
        seen = look(model, sample, plan, problems)
    except (ImageError, NumericalError) as error:
        return {**about, "status": "failed", "problem": str(error)}, {}
    probabilities = seen.prediction.probabilities
    predicted = int(probabilities.argmax())
    found: dict[str, Any] = {}
    maps: dict[str, NDArray[np.float32]] = {}
    for case in cases(model, seen, methods, plan, problems):
        assert case.explanation is not None
        numbers: dict[str, float] = {}
        for measure in map(find_measure, config.measures):
            if measure.applies(case):
                value = measure.function(case)
                numbers[measure.name] = value.area if isinstance(value, Curve) else float(value)
        found[case.method] = {
            "measures": numbers,
            "record": _finite(case.explanation.measures),
            "evidence": evidence_shares(case.heatmap, case.mask),
            "seconds": case.explanation.seconds,
        }
        maps[case.method] = small(case.heatmap)
    value = {
        **about,
        "status": "done",
        "input_sha256": seen.picture.sha256,
        "label": seen.label,
        "predicted": predicted,
        "explained": seen.target.index,
        "probability": float(probabilities[predicted]),
        "top": [
            {"index": int(k), "probability": float(probabilities[k])}
            for k in np.argsort(-probabilities, kind="stable")[:5]
        ],
        "has_mask": seen.mask is not None,
        "mask_area": None if seen.mask is None else float(seen.mask.mean()),
        "methods": found,
        "problems": problems,
    }
    return value, maps


def check_sanity(
    store: Store,
    model: Model,
    samples: Sequence[Sample],
    methods: Sequence[str],
    config: AuditConfig,
) -> None:
    """Check the methods' sanity on a few readable pictures, evenly spread."""
    readable = [n for n, value in store.results(PICTURES) if value["status"] == "done"]
    count = min(config.sanity_pictures, len(readable))
    chosen = [readable[int(k)] for k in np.linspace(0, len(readable) - 1, count).round()]
    done = store.done(SANITY)
    for number in chosen:
        if number in done:
            continue
        seen = look(model, samples[number], _plan(config), [])
        result: dict[str, Any] = {}
        for name in methods:
            given = {"seed": config.seed, "parameters": config.parameters(name)}
            target = seen.target.index
            check = randomisation_check(model, seen.picture, name, target, **given)
            result[name] = {
                "layers": list(check.layers),
                "spearman": check.spearman.tolist(),
                "ssim": check.ssim.tolist(),
                "left": check.left,
            }
            if model.network.classes > 1:
                other = other_class_correlation(model, seen.picture, name, target, **given)
                result[name]["other_class"] = other
        store.add(SANITY, number, {"name": samples[number].name, "methods": result})


def _plan(config: AuditConfig) -> Plan:
    given = {name: config.parameters(name) for name in config.methods}
    return Plan(given, config.measures, config.explained, controls=False, seed=config.seed)


def _entry(sample: Sample) -> list[Any]:
    return [sample.name, sample.label, str(sample.mask or ""), [list(b) for b in sample.boxes]]


def _finite(measures: Mapping[str, float]) -> dict[str, float | None]:
    return {k: v if np.isfinite(v) else None for k, v in measures.items()}


def _digest(data: Any) -> str:
    return hashlib.sha256(repr(data).encode()).hexdigest()


def _file_digest(path: Path) -> str | None:
    try:
        return file_sha256(path)
    except OSError:  # the result of this picture says why
        return None
