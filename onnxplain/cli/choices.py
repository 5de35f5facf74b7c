"""Check methods, parameters and targets before anything is computed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from onnxplain.errors import MethodRefusedError, UnknownNameError, UsageError
from onnxplain.methods import Method, find
from onnxplain.methods.parameters import check_parameters
from onnxplain.targets.request import TargetRequest

if TYPE_CHECKING:
    from onnxplain.model.model import Model

DEFAULT_METHODS = ("grad-cam", "lrp", "occlusion")
# What ``-m all`` allows methods that would take minutes for one picture.
ALL_SECONDS = 10.0
ALL_CHANNELS = 64
# Of values in file names.
_UNFIT, _LONGEST = re.compile(r"[^\w.-]+"), 40


@dataclass(frozen=True)
class Chosen:
    """A method with the parameters that the user gave it.

    Attributes
    ----------
    method : Method
        The method.
    parameters : mapping
        What was given, text or values.
    cell : mapping of str to str, optional
        Which of them are this cell's of a grid.
    """

    method: Method
    parameters: Mapping[str, Any] = field(default_factory=dict)
    cell: Mapping[str, str] | None = None

    @property
    def stem(self) -> str:
        """Part of the file names of its results: the method, and the cell of a grid."""
        own = (_in_file_name(f"{k}-{v}") for k, v in (self.cell or {}).items())
        return ".".join([self.method.name, *own])


@dataclass(frozen=True)
class Targets:
    """What is explained of every picture.

    Attributes
    ----------
    wanted : tuple of TargetRequest
        Classes, ranks among the most probable ones, negatives, places.
    contrast : int, optional
        The class that they are contrasted with; it is no target itself.
    margin : bool
        Whether the largest score of any other class is subtracted.
    """

    wanted: tuple[TargetRequest, ...]
    contrast: int | None = None
    margin: bool = False


def _in_file_name(text: str) -> str:
    """Text as part of a file name; one that does not fit ends in its digest: no two are equal."""
    fitting = _UNFIT.sub("-", text)[:_LONGEST]
    if fitting == text:
        return text
    return f"{fitting}~{hashlib.sha256(text.encode('utf-8', 'surrogateescape')).hexdigest()[:8]}"


def choose_methods(given: Sequence[str], model: Model) -> tuple[list[Method], dict[str, str]]:
    """Look up the methods asked for.

    Parameters
    ----------
    given : sequence of str
        Comma-separated names; ``all`` for all that apply; empty for those of
        `DEFAULT_METHODS` that are.
    model : Model
        The model they are meant for.

    Returns
    -------
    list of Method
        Each once, in the order asked for.
    dict of str to str
        Methods left out because they do not apply, with the reason; a method named by
        the user is never left out.

    Raises
    ------
    UnknownNameError
        If there is no such method.
    MethodRefusedError
        If none applies.
    """
    names = [n for text in given for n in text.split(",") if n.strip()]
    if given and not names:
        raise UsageError("-m is empty: name a method; `onnxplain methods` lists them")
    if names and "all" not in names:
        return list({find(n).name: find(n) for n in names}.values()), {}
    from onnxplain.model.obstacles import obstacles  # loads what writes derivatives

    reasons = obstacles(model.network, None if names else DEFAULT_METHODS)
    wanted = list(reasons)
    applicable = [find(n) for n in wanted if not reasons[n]]
    if not applicable:
        raise MethodRefusedError("; ".join(f"{n}: {reasons[n]}" for n in wanted))
    return applicable, {n: reasons[n] for n in wanted if reasons[n]}


def give_parameters(methods: Sequence[Method], given: Iterable[str]) -> list[Chosen]:
    """Hand ``key=value`` to the methods that have the key, ``method.key=value`` to one.

    Raises
    ------
    UnknownNameError
        If no chosen method has the parameter; the nearest names are offered.
    UsageError
        If a text is not of that form, or a value does not fit.
    """
    values: dict[str, dict[str, str]] = {m.name: {} for m in methods}
    for text in given:
        name, equals, value = text.partition("=")
        owner, dot, key = name.strip().rpartition(".")
        key = key.replace("-", "_")
        if not equals or not key:
            raise UsageError(f"-p {text!r} is not understood; write key=value or method.key=value")
        if dot and find(owner).name not in values:
            raise UsageError(f"-p {text!r}: {owner} is not one of the chosen methods")
        among = [find(owner)] if dot else methods
        takers = [m for m in among if key in m.parameters]
        if not takers:
            known = [k for m in among for k in m.parameters]
            listed = ", ".join(dict.fromkeys(known)) or "none"
            of = ", ".join(m.name for m in among)
            raise UnknownNameError(f"parameter of {of}", key, known, f"parameters: {listed}")
        for method in takers:
            values[method.name][key] = value
    for method in methods:
        check_parameters(method, values[method.name])
    return [Chosen(m, values[m.name]) for m in methods]


def give_layer(chosen: Sequence[Chosen], layer: str | None, model: Model) -> list[Chosen]:
    """Hand ``--layer`` to the methods that are read at a layer.

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    MethodRefusedError
        If it has no places in the picture, or no chosen method takes a layer.
    """
    if layer is None:
        return list(chosen)
    model.network.layer(layer)
    if not any(c.method.takes_layer for c in chosen):
        raise MethodRefusedError("none of the chosen methods uses a layer; drop --layer")
    return [
        Chosen(c.method, {"layer": layer, **c.parameters}) if c.method.takes_layer else c
        for c in chosen
    ]


def give_limits(chosen: Sequence[Chosen], limits: Mapping[str, float | None]) -> list[Chosen]:
    """Hand ``--max-seconds`` and ``--tolerance`` to the methods that can end early.

    Raises
    ------
    MethodRefusedError
        If no chosen method takes one of them.
    """
    given = {key: value for key, value in limits.items() if value is not None}
    # Only who can end early is asked; integrated gradients has a tolerance of another kind.
    taken = [
        {k: v for k, v in given.items() if {k, "max_seconds"} <= set(c.method.parameters)}
        for c in chosen
    ]
    unused = [key for key in given if not any(key in own for own in taken)]
    if unused:
        named = " and ".join(f"--{key.replace('_', '-')}" for key in unused)
        raise MethodRefusedError(
            f"none of the chosen methods samples or can stop early; drop {named}"
        )
    return [Chosen(c.method, {**own, **c.parameters}) for c, own in zip(chosen, taken, strict=True)]


def bound_all(given: Sequence[str], chosen: Sequence[Chosen], model: Model) -> list[Chosen]:
    """Keep the methods of ``-m all`` to seconds each, where nothing else was asked of them.

    Sampling ends after `ALL_SECONDS`; score-cam takes the `ALL_CHANNELS` strongest maps, of a box,
    whose layer is not known yet, those of `ALL_SECONDS`.

    Parameters
    ----------
    given : sequence of str
        What ``-m`` was given.
    chosen : sequence of Chosen
        The methods with their parameters.
    model : Model
        The opened model.
    """
    if "all" not in [n.strip() for text in given for n in text.split(",")]:
        return list(chosen)
    bounded = []
    for c in chosen:
        limits: dict[str, Any] = {}
        of_box = model.network.answer.boxes is not None
        if c.method.name == "score-cam" and "channels" not in c.parameters and not of_box:
            layer = model.network.layer(c.parameters.get("layer"))
            limits["channels"] = min(ALL_CHANNELS, layer.channels)
        elif "max_seconds" in c.method.parameters and not c.parameters:
            limits["max_seconds"] = ALL_SECONDS
        bounded.append(Chosen(c.method, {**limits, **c.parameters}))
    return bounded


def require_read(part: str | None, match: str | None, chosen: Sequence[Chosen]) -> None:
    """Refuse what none of the methods would look at.

    Raises
    ------
    UsageError
        If all methods explain how boxes match and a part is given, or the other way round.
    """
    names = ", ".join(c.method.name for c in chosen)
    if part is not None and not any(c.method.takes_slopes for c in chosen):
        raise UsageError(
            f"--part is for methods that take gradients or relevance; {names} explains how well "
            "any box matches: drop it, or use gradient or lrp"
        )
    if match is not None and all(c.method.takes_slopes for c in chosen):
        raise UsageError(
            f"--match is for methods that change the picture; {names} explains one number of one "
            "candidate: drop it, or use occlusion or d-rise"
        )


def choose_targets(
    given: Sequence[str],
    contrast: str | None,
    margin: bool,
    model: Model,
    part: str | None = None,
    match: str | None = None,
) -> Targets:
    """Check the targets asked for.

    Raises
    ------
    UsageError
        If a class or a position is unknown, or parts of a target exclude each other.
    """
    against = model.contrast(contrast)
    wanted = tuple(model.request(text) for text in given or (None,))
    boxes = all(one.box is not None for one in wanted)
    if part is not None and not boxes:
        raise UsageError("--part is for detectors only; drop it")
    if match is not None and not boxes:
        raise UsageError("--match is for detectors only; drop it")
    wanted = tuple(replace(one, part=part or one.part, match=match or one.match) for one in wanted)
    for one in wanted:
        model.task.require_meaning(one, against, margin)
    return Targets(wanted, against, margin)
