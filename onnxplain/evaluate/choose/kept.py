"""The choice kept beside the model: written whole, and read as somebody else's file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from onnxplain.errors import UsageError
from onnxplain.evaluate.choose.choice import (
    BEATS,
    FORMAT,
    NONE,
    UNDECIDED,
    Choice,
    Finding,
    Standing,
)
from onnxplain.evaluate.choose.measuring import FAITHFUL
from onnxplain.files import read_json, write_json
from onnxplain.model.model import Model
from onnxplain.text import shown

BESIDE = ".choice.json"
_CONCLUSIONS = (BEATS, UNDECIDED, NONE)
_MOST_BYTES = 5_000_000
_MOST, _LONGEST = 10_000, 1_000
_OPTIONAL = ("alike", "robust", "agreement", "seconds")


def beside(model: str | Path) -> Path:
    """Return where the choice for a model file is kept: ``<stem>.choice.json``."""
    path = Path(model)
    return path.with_name(path.stem + BESIDE)


def save_choice(choice: Choice, path: str | Path) -> None:
    """Write a choice, whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    write_json(path, choice.to_dict())


def read_choice(path: str | Path, model: Model) -> Choice:
    """Read what `save_choice` wrote, for the model that it was measured on.

    Parameters
    ----------
    path : path
        The file. Anybody may have written it: every value is checked.
    model : Model
        The model, opened as it is to be explained.

    Raises
    ------
    UsageError
        If it is no choice, or one for another model file or another preprocessing.
    """
    where = f"choice {str(path)!r}"
    data = read_json(path, "choice", _MOST_BYTES)
    try:
        if not isinstance(data, dict) or (data.get("kind"), data.get("format")) != (
            "choice",
            FORMAT,
        ):
            raise ValueError(f"it must be an object of kind 'choice' and format {FORMAT}")
        choice = _choice(data)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        said = f"it lacks {error}" if isinstance(error, KeyError) else shown(str(error))
        raise UsageError(
            f"{where} is not a choice that can be read: {said}; run `onnxplain choose` again"
        ) from error
    for key, own in (
        ("model_sha256", model.sha256),
        ("preprocess_sha256", model.preprocess.sha256),
    ):
        if not own or choice.about[key] != own:
            what = "file" if key == "model_sha256" else "preprocessing"
            raise UsageError(
                f"{where} was measured with another {what} than this model's; run `onnxplain "
                "choose` again"
            )
    return choice


def _choice(data: Mapping[str, Any]) -> Choice:
    findings = {_text(k): _finding(v) for k, v in _object(data["findings"], "findings").items()}
    best = _text(data["best"])
    if best not in findings:
        raise ValueError("its best is not one of its findings")
    about = _object(data["about"], "about")
    known = {k: _text(about[k]) for k in ("model", "model_sha256", "preprocess_sha256", "target")}
    return Choice(
        findings,
        best,
        tuple(map(_text, _list(data["tied"]))),
        _conclusion(data["conclusion"]),
        int(_number(data["pictures"])),
        {
            _text(k): {_text(m): _number(n) for m, n in _object(v, "controls").items()}
            for k, v in _object(data["controls"], "controls").items()
        },
        known,
        tuple(map(_text, _list(data["problems"]))),
        tuple(map(_text, _list(data["remarks"]))),
    )


def _finding(data: Any) -> Finding:
    one = _object(data, "a finding")
    standings = {_text(k): _standing(v) for k, v in _object(one["standings"], "standings").items()}
    if FAITHFUL not in standings:
        raise ValueError(f"a finding has no {FAITHFUL}")
    return Finding(
        _text(one["method"]),
        {_text(k): _text(v) for k, v in _object(one["parameters"], "parameters").items()},
        {_text(k): _text(v) for k, v in _object(one["values"], "values").items()},
        _conclusion(one["conclusion"]),
        standings,
        tuple(map(_number, _list(one["null"]))),
        *(None if one[key] is None else _number(one[key]) for key in _OPTIONAL),
    )


def _standing(data: Any) -> Standing:
    one = _object(data, "a standing")
    numbers = {f.name: _number(one[f.name]) for f in fields(Standing) if f.name != "control"}
    return Standing(control=_text(one["control"]), **numbers)


def _conclusion(value: Any) -> Any:
    if value not in _CONCLUSIONS:
        raise ValueError(f"{str(value)[:60]!r} is not one of {', '.join(_CONCLUSIONS)}")
    return value


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict) or len(value) > _MOST:
        raise ValueError(f"{what} must be an object of at most {_MOST} entries")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise ValueError(f"a list of at most {_MOST} entries was expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise ValueError(f"a text of at most {_LONGEST} characters was expected")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError("a finite number was expected")
    return float(value)
