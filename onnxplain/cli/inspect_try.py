"""What ``onnxplain inspect --try`` prints: pictures under each plausible preprocessing."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from onnxplain.cli.console import line, remark, table
from onnxplain.cli.images import find_images
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.datasets import read_datasets
from onnxplain.inputs.preprocess import is_preset
from onnxplain.inputs.table_names import is_table
from onnxplain.model.trial import (
    DECLARED,
    MOST_PICTURES,
    Said,
    Trial,
    Tried,
    same_values,
    try_preprocessings,
)

if TYPE_CHECKING:
    from onnxplain.model.model import Model

_LONGEST_NAME = 20
_SHARES = ("probability", "area")


def run_trial(model: Model, pictures: Sequence[str], *, quiet: bool) -> Trial:
    """Try pictures under each preprocessing that is plausible for a model.

    Parameters
    ----------
    model : Model
        The opened model.
    pictures : sequence of str
        Files, patterns, folders or tables; of many pictures `MOST_PICTURES` are taken, evenly
        spread. Subfolders of a folder name the classes.
    quiet : bool
        Show no progress.
    """
    samples = spread(_samples(pictures), MOST_PICTURES)
    with progress_bar(len(samples), quiet=quiet) as bar:
        bar.job("trying preprocessings")
        return try_preprocessings(model, samples, step=bar.finish)


def show_trial(trial: Trial, path: str) -> None:
    """Print the table of pictures and preprocessings, the evidence, and what to do."""
    for text in trial.failures:
        remark(f"left out: {text}")
    line()
    rows = [
        [name, *(_answer(t.said[k]) if t.said else "" for t in trial.tried)]
        for k, name in enumerate(_short(trial.pictures))
    ]
    unit = next((t.said[0].unit for t in trial.tried if t.said), "score")
    title = f"best class and its {unit} under each plausible preprocessing, the first one first"
    table(title, ("picture", *(t.recipe.name for t in trial.tried)), rows)
    line()
    known = any(t.evidence and t.evidence.right is not None for t in trial.tried)
    columns = ("preprocessing", *(["right"] if known else []), "stands out", "alike", "why")
    table("evidence", columns, [_weight(t, known) for t in trial.tried])
    line(
        "stands out: the best score above the mean, in standard deviations of a picture's scores; "
        "alike: share of the scores that all pictures have in common"
    )
    for text in [*verdict(trial), save_command(trial, path)]:
        line(text)


def verdict(trial: Trial) -> list[str]:
    """Say which preprocessing is the most plausible, why, and what that is worth."""
    first, *others = trial.tried
    if first.evidence is None:
        return [f"cannot decide: {first.problem} under each of them"]
    if not others:
        return [f"{first.recipe.name} is the only plausible one: {first.reason}"]
    kinds, count = len(set(first.evidence.winners)), len(trial.pictures)
    right = first.evidence.right
    why = (
        f"{_percent(right)} of the pictures get their class"
        if right is not None
        else f"the best score stands out by {first.evidence.height.mean():.1f}, and {count} "
        f"picture{'s get' if count != 1 else ' gets'} {kinds} different "
        f"class{'es' if kinds != 1 else ''}"
    )
    said = [f"most plausible: {first.recipe.name} ({why})"]
    if trial.rivals:
        recipes = {t.recipe.name: t.recipe for t in others}
        listed = ", ".join(
            f"{n} (the same values, cut differently)"
            if same_values(recipes[n], first.recipe)
            else n
            for n in trial.rivals
        )
        said.append(f"cannot decide: these pictures do not distinguish it from {listed}")
    if trial.rivals and trial.too_few:
        said.append(
            "give at least five pictures of different things, or a folder whose subfolders are "
            "named after the classes"
        )
    return said


def save_command(trial: Trial, path: str) -> str:
    """Return the command that keeps the first preprocessing for the model, if it is not kept."""
    name, reason = trial.first.recipe.name, trial.first.reason
    if not is_preset(name) or (reason.startswith(DECLARED) and reason != f"{DECLARED}preset"):
        return f"there is nothing to keep: {name} is {reason}"
    return f"keep it: onnxplain inspect {shlex.quote(path)} --preprocess {name} --save"


def _samples(pictures: Sequence[str]) -> list[Sample]:
    if not pictures:
        raise UsageError("--try needs pictures: files, patterns or folders")
    if any(is_table(p) or Path(p).is_dir() for p in pictures):
        return read_datasets(pictures)
    found, empty = find_images(pictures)
    if empty and not found:
        raise empty[0]
    return [Sample(str(p), p) for p in found]


def _short(names: Iterable[str]) -> list[str]:
    """Names of the files, or whole paths where two files have the same name."""
    given = list(names)
    short = [Path(n).name for n in given]
    return short if len(set(short)) == len(short) else given


def _answer(said: Said) -> str:
    name = said.name or f"class {said.index}"
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 3]}..."
    score = _percent(said.score) if said.unit in _SHARES else f"{said.score:.3g}"
    return f"{name} {score}"


def _weight(tried: Tried, known: bool) -> list[str]:
    found = tried.evidence
    if found is None:
        return [tried.recipe.name, *([""] if known else []), "", "", tried.problem]
    right = [] if not known else ["" if found.right is None else _percent(found.right)]
    return [
        tried.recipe.name, *right, f"{found.height.mean():.2f}", _percent(found.alike),
        tried.reason,
    ]  # fmt: skip


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
