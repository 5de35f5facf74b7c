"""``onnxplain verify``: does an audit's record reproduce."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    ENGINES,
    answer_options,
    audited_data_option,
    audited_masks_option,
    audited_model_option,
    bind_option,
    budget_option,
    debug_option,
    device_option,
    json_option,
    quiet_option,
)
from onnxplain.cli.walled import Walled

_HELP = """Repeat a sample of the audit in RECORD and report, figure by figure, whether it
reproduces.

The model, data and other files must be in the record's folder or be given with --model, --data
and --file. For safety, the paths in the record are shown but not opened. Digests of model, data and
preprocessing must match. Numbers may differ by the printed tolerance, because other machines
and versions round differently. Summaries are recomputed from the record's own results.
The exit code is 1 if a figure does not reproduce. Records of early versions do not contain
the declared answer; give it with --task, --scores and --output.

RECORD can be the folder of a dossier: its hash tree is checked first (exit code 1 if a file
differs), then the record with the model and the pictures that the dossier holds.
"""


@click.command(cls=Walled, help=_HELP, short_help="Repeat part of an audit: does it reproduce?")
@click.argument("record", type=click.Path(readable=False))
@audited_model_option
@audited_data_option()
@audited_masks_option
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
    help="A file or folder that the record's target or parameters name (like=FILE, "
    "background=FILE), matched by its file name. Repeatable.",
)
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(readable=False),
    help="Of a dossier: the public key of who signed it (Ed25519, PEM).",
)
@click.option(
    "--sample",
    "count",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    metavar="N",
    help="Number of pictures to examine again, evenly spread over the data.",
)
@answer_options
@device_option
@bind_option
@budget_option
@click.option(
    "--engine",
    type=click.Choice(ENGINES),
    help="Engine for gradients. Default: the one that the audit asked for.",
)
@quiet_option
@json_option
@debug_option
def verify(**options: Any) -> int:  # fmt: skip
    """Verify a record."""
    from onnxplain.cli.verify_run import run

    return run(**options)
