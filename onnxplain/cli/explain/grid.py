"""``onnxplain explain --grid``: one method with several values of one or two parameters."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onnxplain.cli.choices import Chosen
from onnxplain.cli.explain.results import DRAWING, Attempt, Drawing
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.files import write_json
from onnxplain.methods import Method, find
from onnxplain.methods.parameters import check_parameters
from onnxplain.render.grid import grid_sheet
from onnxplain.render.save import save_page

_FORMAT = 1
# A page with more maps is not read, and would take the memory of all of them.
_MOST = 64
_MOST_AXES = 2


@dataclass(frozen=True)
class Axis:
    """A parameter with its values, as they were written and as the method takes them."""

    key: str
    texts: tuple[str, ...]
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Grid:
    """What is varied: of two axes the first gives the rows, the second the columns."""

    method: Method
    axes: tuple[Axis, ...]

    def cells(self) -> list[dict[str, str]]:
        """Values of each cell by parameter, row by row."""
        return [
            dict(zip((a.key for a in self.axes), texts, strict=True))
            for texts in itertools.product(*(a.texts for a in self.axes))
        ]

    def over(self, chosen: Sequence[Chosen]) -> list[Chosen]:
        """The method once for each cell, with its other parameters as they are."""
        (one,) = [c for c in chosen if c.method.name == self.method.name]
        taken = [axis.key for axis in self.axes if axis.key in one.parameters]
        if taken:
            raise UsageError(
                f"--grid and another option both set {taken[0]!r} of {self.method.name}; leave "
                "one of them out"
            )
        return [
            replace(one, parameters={**one.parameters, **cell}, cell=cell) for cell in self.cells()
        ]


def methods_of_grid(given: Sequence[str], methods: Sequence[str]) -> Sequence[str]:
    """Methods that are asked for: without ``-m`` the one that a grid names."""
    named = [_parted(text)[0] for text in given]
    return methods or list(dict.fromkeys(n for n in named if n))


def parse_grid(given: Sequence[str], methods: Sequence[Method]) -> Grid | None:
    """Read ``[METHOD.]KEY=VALUE,VALUE,...``, once or twice; ``None`` if there is none.

    Raises
    ------
    UnknownNameError
        If there is no such method, or it has no such parameter.
    UsageError
        If a text is not of that form, a value does not fit, or there is not one method that is
        varied.
    """
    if not given:
        return None
    if len(given) > _MOST_AXES:
        raise UsageError(
            f"--grid is given {len(given)} times; give it once or twice (rows, columns)"
        )
    parted = [(text, *_parted(text)) for text in given]
    owners = {find(owner).name for _, owner, _, _ in parted if owner}
    names = [m.name for m in methods]
    if len(owners) > 1 or len(names) > 1 or not owners <= set(names):
        raise UsageError(
            f"--grid varies one method; asked for: {', '.join(dict.fromkeys([*names, *owners]))}; "
            "name one with -m"
        )
    method = methods[0]
    axes = tuple(_axis(method, text, key, values) for text, _, key, values in parted)
    if len({a.key for a in axes}) < len(axes):
        raise UsageError(f"--grid names {axes[0].key!r} twice; give all values at once")
    grid = Grid(method, axes)
    if (count := len(grid.cells())) > _MOST:
        raise UsageError(f"--grid makes {count} maps of each picture; allowed: {_MOST}")
    return grid


def parse_grids(given: Sequence[str], methods: Sequence[Method]) -> list[Grid]:
    """Read grids of several methods, each as `parse_grid` takes those of one.

    Raises
    ------
    UnknownNameError, UsageError
        As `parse_grid`; and where a text names no method, and there are several.
    """
    by_owner: dict[str, list[str]] = {}
    for text in given:
        owner = _parted(text)[0]
        if not owner and len(methods) > 1:
            raise UsageError(f"--grid {text!r}: name its method, as occlusion.window=24,64")
        by_owner.setdefault(find(owner).name if owner else methods[0].name, []).append(text)
    known = {m.name: m for m in methods}
    for owner in by_owner:
        if owner not in known:
            raise UsageError(f"--grid: {owner} is not one of the chosen methods; name it with -m")
    grids = (parse_grid(texts, [known[owner]]) for owner, texts in by_owner.items())
    return [grid for grid in grids if grid is not None]


def _parted(text: str) -> tuple[str, str, list[str]]:
    name, equals, values = text.partition("=")
    owner, _, key = name.strip().rpartition(".")
    listed = [v.strip() for v in values.split(",")]
    if not equals or not key or not all(listed):
        raise UsageError(
            f"--grid {text!r} is not understood; write [METHOD.]KEY=VALUE,VALUE,..., as "
            "smoothgrad.samples=10,50"
        )
    return owner, key.replace("-", "_"), listed


def _axis(method: Method, text: str, key: str, texts: Sequence[str]) -> Axis:
    if key not in method.parameters:
        known = list(method.parameters)
        raise UnknownNameError(
            f"parameter of {method.name}", key, known, f"parameters: {', '.join(known) or 'none'}"
        )
    values = tuple(check_parameters(method, {key: t})[key] for t in texts)
    if any(values.index(v) < k for k, v in enumerate(values)):
        raise UsageError(f"--grid {text!r} names a value twice")
    return Axis(key, tuple(texts), values)


def write_grids(
    grid: Grid, attempts: Sequence[Attempt], folder: Path, name: str, drawing: Drawing
) -> list[Path]:
    """Write ``NAME.METHOD.grid.png`` and ``.json`` with every cell, for each target.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    by_target: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_target.setdefault(attempt.target.stem, []).append(attempt)
    written = []
    for target, own in by_target.items():
        part = f".{target}" if len(by_target) > 1 else ""
        stem = f"{name}.{grid.method.name}{part}.grid"
        cells = {tuple((a.cell or {}).values()): a for a in own}
        found = {texts: a.explanation for texts, a in cells.items() if a.explanation is not None}
        if found:
            axes = [(axis.key, axis.texts) for axis in grid.axes]
            written.append(folder / f"{stem}.{drawing.file_format}")
            with DRAWING:
                page = grid_sheet(found, axes, look=drawing.look, columns=drawing.columns)
                save_page(page, written[-1])
        written.append(folder / f"{stem}.json")
        write_json(written[-1], _document(grid, own))
    return written


def _document(grid: Grid, attempts: Sequence[Attempt]) -> Mapping[str, Any]:
    return {
        "format": _FORMAT,
        "method": grid.method.name,
        "axes": [{"parameter": a.key, "values": list(a.values)} for a in grid.axes],
        "cells": [{"cell": a.cell, **a.to_dict()} for a in attempts],
    }
