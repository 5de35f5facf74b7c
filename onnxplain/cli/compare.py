"""``onnxplain compare``: the same question put to several files."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    answer_options,
    bind_option,
    debug_option,
    device_option,
    engine_option,
    json_option,
    limit_option,
    methods_option,
    out_option,
    parameter_option,
    quiet_option,
    seed_option,
    target_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Compare what several MODELs predict on DATA, and why.

DATA comes last: a folder, a pattern, a picture, or a table (CSV or JSON); several of them form
one data set. The models must have the same classes or values; their layout, size and
preprocessing can differ. Each model explains the class that the first one predicts, or
--target. --task, --scores and --output apply to all models.

\b
Files written:
  comparison.html   one page that needs no network: tables, and maps side by side
  comparison.json   every number, with its provenance
  pairs.csv         one row per picture and pair of models
  different.png     the pictures on which the models differ most
"""


@click.command(
    cls=Walled, help=_HELP, short_help="Compare the predictions and reasons of several models."
)
@click.argument(
    "models",
    metavar="MODEL MODEL... DATA...",
    nargs=-1,
    required=True,
    type=click.Path(readable=False),
)
@methods_option(
    "Methods by name. Default: grad-cam and occlusion, as far as all models allow them."
)
@parameter_option
@limit_option
@click.option(
    "--show",
    type=click.IntRange(min=0),
    default=3,
    show_default=True,
    metavar="N",
    help="Draw the N pictures on which the models differ most.",
)
@click.option("--labels", metavar="FILE|NAME", help="Class names for all models that have none.")
@click.option(
    "--preprocess",
    "recipes",
    multiple=True,
    metavar="FILE|PRESET",
    help="How pictures become inputs: once for all models, or once per model in their order.",
)
@target_option
@answer_options
@device_option
@bind_option
@engine_option
@out_option("compared")
@seed_option
@quiet_option
@json_option
@debug_option
def compare(**options: Any) -> int:  # fmt: skip
    """Compare files."""
    from onnxplain.cli.compare_run import run

    return run(**options)
