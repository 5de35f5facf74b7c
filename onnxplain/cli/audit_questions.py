"""What an audit asks: the file of ``--config``, and what other options set in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.defaults import default_config
from onnxplain.cli.choices import choose_methods, give_parameters
from onnxplain.cli.measures import choose_measures
from onnxplain.inputs.dataset import Sample
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model


def questions(
    model: Model,
    samples: Sequence[Sample],
    given: AuditConfig | None,
    *,
    methods: Sequence[str] = (),
    measures: Sequence[str] = (),
    parameters: Sequence[str] = (),
    explained: Literal["label", "prediction"] | None = None,
    target: str | None = None,
    seed: int | None = None,
) -> tuple[AuditConfig, list[str]]:
    """Put options over a configuration; what no option names stays as it is.

    Parameters
    ----------
    model : Model
        The model.
    samples : sequence of Sample
        The data set.
    given : AuditConfig, optional
        That of ``--config``; what model and data allow if there is none.
    methods, measures : sequence of str
        Comma-separated names, as the options take them.
    parameters : sequence of str
        ``key=value`` or ``method.key=value``.
    explained, target, seed
        See `AuditConfig`.

    Returns
    -------
    AuditConfig
        The questions.
    list of str
        Methods that ``-m all`` left out, and why.

    Raises
    ------
    OnnxplainError
        If a name is unknown, or a value is not allowed.
    """
    asked = given or default_config(model, samples)
    left_out: dict[str, str] = {}
    if methods:
        chosen, left_out = choose_methods(methods, model)
        names = tuple(m.name for m in chosen)
        kept = {name: values for name, values in asked.method.items() if name in names}
        asked = replace(asked, methods=names, method=kept)
    if parameters:
        asked = replace(asked, method=_with_parameters(asked, parameters))
    if measures:
        asked = replace(asked, measures=choose_measures(measures))
    options = {"explained": explained, "target": target, "seed": seed}
    set_by_option: dict[str, Any] = {k: v for k, v in options.items() if v is not None}
    return replace(asked, **set_by_option), [f"{n}: {why}" for n, why in left_out.items()]


def _with_parameters(asked: AuditConfig, given: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Parameters by method, those of options over those of the configuration.

    Values are those that a TOML file would hold, so that the record is the same either way.
    """
    chosen = give_parameters([find(name) for name in asked.methods], given)
    found: dict[str, dict[str, Any]] = {}
    for name, one in zip(asked.methods, chosen, strict=True):
        values = check_parameters(one.method, one.parameters)
        own = {key: _plain(values[key]) for key in one.parameters}
        together = {**asked.parameters(name), **own}
        if together:
            found[name] = together
    return found


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
