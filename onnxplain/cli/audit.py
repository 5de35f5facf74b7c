"""``onnxplain audit``: a model over a data set, as a record that others can check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from onnxplain.cli.options import (
    ENGINES,
    boxes_option,
    data_argument,
    debug_option,
    json_option,
    limit_option,
    masks_option,
    methods_option,
    metrics_option,
    model_options,
    out_option,
    parameter_option,
    quiet_option,
    target_option,
)
from onnxplain.cli.walled import WalledAlways
from onnxplain.errors import UsageError

# Where an audit runs.
PLACES = ("local", "ray")
_HELP = """Audit MODEL over DATA: what it predicts, why, and how far to trust the reasons.

DATA is a folder (its subfolders name the classes, and a subfolder 'masks' marks the
evidence), a pattern, a picture, or a table (CSV or JSON) with the column file and the optional
columns label, mask, x0, y0, x1, y1, and one that --groups names. Several of them form one data set.

\b
Files written:
  results.sqlite    every result as soon as it is known; a restarted audit resumes from it
  record.json       the record: digests, versions, settings, results, summaries, alarms
  report.html       the report, one page that needs no network
  report.md         the report in brief

Unreadable pictures are recorded and skipped. If you stop an audit with Ctrl-C, it writes a
valid record that is marked as incomplete.
"""


@click.command(
    cls=WalledAlways, help=_HELP, short_help="Audit a model over a data set, for others to check."
)
@click.argument("model", type=click.Path(readable=False))
@data_argument
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(readable=False),
    help="TOML file with the questions; the options below change single ones. Default: grad-cam "
    "and lrp (occlusion if the model allows neither), deletion and insertion, and with masks "
    "energy-in-mask.",
)
@methods_option(
    "Methods by name, in place of those in --config; 'all' is every method that the model "
    "allows. The first is the main method of the report."
)
@parameter_option
@metrics_option(
    "Measures by name, in place of those in --config; `onnxplain evaluate --list-metrics` "
    "lists them."
)
@click.option(
    "--explain",
    "explained",
    type=click.Choice(["label", "prediction"]),
    help="Which class to explain if there is no --target. Default: prediction.",
)
@target_option
@masks_option
@boxes_option
@click.option(
    "--groups",
    metavar="COLUMN",
    help="Another column of the tables, whose cells name groups of pictures (a camera, a "
    "hospital): the results are also given group by group.",
)
@limit_option
@out_option("audited")
@click.option(
    "--engine",
    "engines",
    type=click.Choice([*PLACES, *ENGINES]),
    multiple=True,
    help="Where the audit runs: local (the default) or ray, on the workers of a Ray cluster. Give "
    "the option a second time to choose the engine for gradients, as in `explain`: auto (the "
    "default), onnxruntime or pytorch.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of workers that --engine ray starts. Default: 2.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Random seed. Default: that in --config, else 0.",
)
@model_options
@quiet_option
@json_option
@debug_option
def audit(**options: Any) -> int:  # fmt: skip
    """Audit a model."""
    from onnxplain.cli.audit_run import run

    engines = options.pop("engines")
    place, engine = _only(engines, PLACES), _only(engines, ENGINES)
    return run(place=place, engine=engine, **options)


def _only(given: Sequence[str], among: Sequence[str]) -> str:
    """The one of several values that was given; the first of them if none was."""
    found = list(dict.fromkeys(g for g in given if g in among)) or [among[0]]
    if len(found) > 1:
        raise UsageError(f"--engine {found[0]} and --engine {found[1]} exclude each other")
    return found[0]
