"""``onnxplain explain --trust``: each map is judged among blind ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onnxplain.cli.choices import Chosen
from onnxplain.cli.console import remark
from onnxplain.cli.progress import progress_bar
from onnxplain.errors import UsageError
from onnxplain.evaluate.cases import targets_of
from onnxplain.evaluate.choose.candidate import Candidate
from onnxplain.evaluate.choose.choice import Choice
from onnxplain.evaluate.choose.kept import beside, read_choice, save_choice
from onnxplain.evaluate.choose.run import choose
from onnxplain.evaluate.choose.verdict import Judge
from onnxplain.evaluate.question import require_question
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.dataset import Sample, spread
from onnxplain.inputs.picture import Picture
from onnxplain.methods import find
from onnxplain.model.model import Model
from onnxplain.tasks.prediction import Prediction

# Pictures from which a choice is made of those that are given: of fewer, nothing follows.
ENOUGH = 20
Judged = Callable[[Chosen, Explanation], Explanation]


@dataclass(frozen=True)
class Trust:
    """What was measured on the model, and how each map is judged by it."""

    choice: Choice
    seed: int

    def methods(self, chosen: Sequence[Chosen]) -> list[Chosen]:
        """Return those that are judged: the ones asked for, or the one that was chosen.

        Raises
        ------
        UsageError
            If one of them was not measured, with the parameters that it has here.
        """
        if not chosen:
            best = self.choice.findings[self.choice.best]
            return [Chosen(find(best.method), dict(best.parameters))]
        for one in chosen:
            self.label(one)
        return list(chosen)

    def label(self, chosen: Chosen) -> str:
        """Which candidate of the choice a method with its parameters is."""
        name = chosen.method.name
        values = Candidate(name, chosen.parameters).values
        for label, finding in self.choice.findings.items():
            if finding.method == name and dict(finding.values) == values:
                return label
        raise UsageError(
            f"--trust: {Candidate(name, chosen.parameters).label} was not measured on this model; "
            f"measured: {', '.join(self.choice.findings)}. Choose one of them, or run `onnxplain "
            "choose` with it"
        )

    def targets(self, given: Sequence[str]) -> Sequence[str]:
        """Return what is explained: as when the choice was made.

        Raises
        ------
        UsageError
            If something else is asked for.
        """
        own = self.choice.about["target"]
        if given and list(given) != [own]:
            raise UsageError(
                f"--trust judges what the choice was made for: {own or 'the prediction'}; leave "
                "out -t, or run `onnxplain choose` with that target"
            )
        return [own] if own else []

    def judging(
        self, model: Model, picture: Picture, prediction: Prediction, methods: int
    ) -> Judged:
        """Return what judges the maps of one picture."""
        asked = require_question(model, self.choice.about["target"] or None)
        target, start = targets_of(model, asked, prediction, picture)
        judge = Judge(model, picture, target, start, self.choice, seed=self.seed, methods=methods)

        def judged(chosen: Chosen, found: Explanation) -> Explanation:
            verdict = judge.of(self.label(chosen), found.heatmap())
            return replace(found, notes={**found.notes, "trust": verdict.to_dict()})

        return judged


def require_judged_alone(options: Mapping[str, Any]) -> None:
    """Refuse options that explain something else than what a choice is made for.

    Raises
    ------
    UsageError
        That names the first one.
    """
    for option, value in options.items():
        if value:
            raise UsageError(
                f"--trust judges the default question alone; leave out --{option}, or --trust"
            )


def trust_of(
    model: Model,
    file: str,
    choice: str | None,
    paths: Sequence[Path],
    methods: Sequence[Chosen],
    folder: Path,
    seed: int,
    *,
    quiet: bool,
) -> Trust:
    """Read the choice for a model, or make one of the pictures that are given.

    Parameters
    ----------
    model : Model
        The opened model.
    file : str
        Its file.
    choice : str, optional
        File of the choice; beside the model if not given.
    paths : sequence of Path
        The pictures.
    methods : sequence of Chosen
        What is asked for; a choice that is made now is made of these, or of the default ones.
    folder : Path
        Where a choice that is made now is kept.
    seed : int
        Of every random draw.
    quiet : bool
        Whether nothing is said.

    Raises
    ------
    UsageError
        If there is no choice, and too few pictures to make one.
    """
    path = beside(file) if choice is None else Path(choice)
    if choice is not None or os.path.lexists(path):
        if not quiet:
            remark(f"judged by the choice in {str(path)!r}")
        return Trust(read_choice(path, model), seed)
    if len(paths) < ENOUGH:
        raise UsageError(
            f"--trust needs a choice, and there is none at {str(path)!r}; run `onnxplain choose "
            f"MODEL DATA` once, name a choice with --choice, or give {ENOUGH} pictures or more, "
            "of which one is made"
        )
    samples = spread([Sample(str(p), p) for p in paths], ENOUGH)
    kept = folder / path.name
    if not quiet:
        remark(f"no choice beside the model: one is made of {len(samples)} of these pictures")
    candidates = [Candidate(c.method.name, c.parameters) for c in methods]
    with progress_bar(len(samples), quiet=quiet) as bar:
        bar.job("choosing a method")
        found = choose(
            model, samples, candidates, seed=seed, progress=lambda done, total: bar.finish()
        )
    save_choice(found, kept)
    if not quiet:
        for text in (*found.problems, *found.remarks, f"wrote the choice to {kept}"):
            remark(text)
    return Trust(found, seed)
