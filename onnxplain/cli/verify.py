"""``onnxplain verify``: does an audit's record reproduce."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    ENGINES,
    answer_options,
    bind_option,
    budget_option,
    debug_option,
    json_option,
    quiet_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Run a sample of the audit of RECORD again and say figure by figure whether it
reproduces.

Model, data and other files are those of --model, --data and --file, or lie in the record's
folder: where the record says that they were is shown, and not followed. Digests of model, data and
preprocessing must be equal; numbers may differ by the tolerance that is shown, since other
machines and versions round differently. The summaries are computed again from the
record's own pictures. The exit code is 1 if a figure does not reproduce. --task, --scores
and --output are needed for records of versions that did not write down what was declared.
"""


@click.command(
    cls=Walled, help=_HELP, short_help="Run a part of an audit again: does it reproduce."
)
@click.argument("record", type=click.Path(readable=False))
@click.option("--model", metavar="FILE", type=click.Path(readable=False), help="The model file.")
@click.option(
    "--data",
    multiple=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="The data, as they were given to the audit, once for each source.",
)
@click.option(
    "--masks", metavar="FOLDER", type=click.Path(readable=False), help="As given to the audit."
)
@click.option(
    "--boxes",
    metavar="PATH",
    type=click.Path(readable=False),
    help="Annotated boxes of a detector, as given to the audit.",
)
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="PATH",
    type=click.Path(readable=False),
    help="A file or folder that the record's target or parameters name, as like=FILE or "
    "background=FILE do; known by its name. Repeatable.",
)
@click.option(
    "--sample",
    "count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="How many pictures are examined again, evenly spread.",
)
@answer_options
@click.option("--device", default="auto", show_default=True, metavar="auto|cpu|cuda[:N]")
@bind_option
@budget_option
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="What computes gradients. Default: what the audit was asked for.",
)
@quiet_option
@json_option
@debug_option
def verify(**options: Any) -> int:  # fmt: skip
    """Verify a record."""
    from onnxplain.cli.verify_run import run

    return run(**options)
