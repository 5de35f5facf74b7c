"""What ``onnxplain choose`` does."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from onnxplain.cli.choices import Chosen, bound_all, choose_methods, give_parameters
from onnxplain.cli.console import document, line, remark, table
from onnxplain.cli.evaluate_data import chosen_samples
from onnxplain.cli.explain.grid import methods_of_grid, parse_grids
from onnxplain.cli.explain.run import require_writable
from onnxplain.cli.images import require_order
from onnxplain.cli.measures import choose_measures
from onnxplain.cli.outcome import code_of_data
from onnxplain.cli.progress import progress_bar
from onnxplain.evaluate.choose.candidate import Candidate, default_candidates
from onnxplain.evaluate.choose.choice import BEATS, UNDECIDED, Choice
from onnxplain.evaluate.choose.kept import beside, save_choice
from onnxplain.evaluate.choose.run import choose
from onnxplain.evaluate.measures import MEASURES
from onnxplain.methods import find
from onnxplain.model.load import load
from onnxplain.model.model import Model


def run(
    *,
    model: str,
    data: Sequence[str],
    methods: Sequence[str],
    parameters: Sequence[str],
    grid: Sequence[str],
    measures: Sequence[str],
    masks: str | None,
    target: str | None,
    limit: int,
    variant: str,
    decoys: bool,
    file: str | None,
    seed: int,
    quiet: bool,
    as_json: bool,
    **opening: Any,
) -> int:
    """Measure, choose, write the choice and print it.

    Returns
    -------
    int
        0, whether a method was chosen or not; 70 if a picture was left out for a defect of ours.

    Raises
    ------
    OnnxplainError
        If nothing could be measured, or the file cannot be written.
    """
    require_order(model, data)
    out = beside(model) if file is None else Path(file)
    require_writable(out.parent)
    opened = load(model, **opening)
    candidates = [Candidate(c.method.name, c.parameters) for c in chosen(
        methods, parameters, grid, opened, quiet=quiet)]  # fmt: skip
    if not quiet:
        for text in opened.checked_warnings():
            remark(f"warning: {text}")
    names = choose_measures(measures)
    with (
        chosen_samples(
            data, opened, masks=masks, boxes=None, limit=limit, variant=variant, decoys=decoys,
            seed=seed,
        ) as (samples, _),
        progress_bar(len(samples), quiet=quiet) as bar,
    ):  # fmt: skip
        bar.job(f"measuring {len(candidates)} methods")
        found = choose(
            opened, samples, candidates, measures=names, target=target, seed=seed,
            progress=lambda done, total: bar.finish(),
        )  # fmt: skip
    replaced = os.path.exists(out)
    save_choice(found, out)
    for text in found.problems:
        remark(f"left out: {text}")
    if as_json:
        document({**found.to_dict(), "files": [str(out)]})
    elif not quiet:
        show_choice(found)
        line(f"wrote {out}{' (it replaces an earlier choice)' if replaced else ''}")
    return code_of_data(found.problems)


def chosen(
    methods: Sequence[str],
    parameters: Sequence[str],
    grid: Sequence[str],
    model: Model,
    *,
    quiet: bool,
) -> list[Chosen]:
    """Methods with their parameters, each value of a grid on its own.

    Raises
    ------
    OnnxplainError
        If a name, a parameter or a value is wrong.
    """
    named = methods_of_grid(grid, methods)
    if named:
        found, left_out = choose_methods(named, model)
        if not quiet:
            for name, why in left_out.items():
                remark(f"warning: {name} is left out: {why}")
    else:
        found = [find(c.method) for c in default_candidates(model)]
    given = bound_all(named, give_parameters(found, parameters), model)
    grids = {g.method.name: g for g in parse_grids(grid, found)}
    return [
        cell
        for one in given
        for cell in (grids[one.method.name].over([one]) if one.method.name in grids else [one])
    ]


def show_choice(found: Choice) -> None:
    """Print the conclusion in words, then what it rests on."""
    best = found.findings[found.best]
    if found.conclusion == BEATS:
        line(f"{found.best} beats the controls on {found.pictures} pictures")
        if found.tied:
            line(f"these pictures do not tell it from {', '.join(found.tied)}")
    elif found.conclusion == UNDECIDED:
        line(
            f"undecided: {found.pictures} pictures do not show that a method beats the controls; "
            f"{found.best} comes nearest"
        )
    else:
        line(
            f"no method does: on {found.pictures} pictures a blind map follows the score as well "
            "as each method"
        )
    for text in found.remarks:
        line(f"remark: {text}")
    line()
    measures = list(best.standings)
    for name in measures:
        rows = [
            (
                label,
                s.mean,
                f"{s.low:.3g} .. {s.high:.3g}",
                s.control,
                f"{s.difference_low:+.3g} .. {s.difference_high:+.3g}",
                f"{s.adjusted:.2g}",
                "beats the controls" if s.beats else "",
            )
            for label, finding in found.findings.items()
            if (s := finding.standings.get(name)) is not None
        ]
        columns = (
            "method", "mean", "95 % interval", "hardest control", "better by", "p, corrected", "",
        )  # fmt: skip
        table(f"{name}: {MEASURES[name].summary}", columns, rows)
        blind = ", ".join(
            f"{control} {means[name]:.3g}"
            for control, means in found.controls.items()
            if name in means
        )
        line(f"(maps that never look at the model: {blind})")
        line()
    others = [
        (label, f.alike, f.robust, f.agreement, f.seconds) for label, f in found.findings.items()
    ]
    title = (
        "rank correlations: with the map of a shuffled network (lower is better), of the "
        "compressed picture (higher is better), of the other methods"
    )
    table(title, ("method", "shuffled", "compressed", "others", "seconds a map"), others)
    line()
