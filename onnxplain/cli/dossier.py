"""``onnxplain dossier``: everything of an audit in one folder that shows each change."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    audited_data_option,
    audited_masks_option,
    audited_model_option,
    debug_option,
    json_option,
    quiet_option,
)

_HELP = """Collect an audit in one folder that can be filed and checked.

\b
  onnxplain dossier AUDIT -o FOLDER --model FILE --data DATA
  onnxplain verify FOLDER
  python FOLDER/verify_dossier.py FOLDER   without onnxplain

The folder holds the record, the report, the model, the pictures, the maps, versions, a table of
what laws and standards ask for, and tree.json: the SHA-256 of every file and one root over all of
them. Model and pictures must be those that were audited. With --key the tree is signed.
"""


@click.command(help=_HELP, short_help="Collect an audit in one folder that shows each change.")
@click.argument("audit", type=click.Path(readable=False))
@click.option(
    "-o",
    "--out",
    required=True,
    metavar="FOLDER",
    type=click.Path(readable=False),
    help="Output folder; it must be empty or new.",
)
@audited_model_option
@click.option("--no-model", is_flag=True, help="Keep the model's digests and leave the file out.")
@audited_data_option()
@audited_masks_option
@click.option(
    "--key",
    metavar="FILE",
    type=click.Path(readable=False),
    help="Sign with this private key: Ed25519, PEM, PKCS #8, without a password.",
)
@click.option("--prepared-by", default="", metavar="TEXT", help="Who makes the dossier.")
@click.option("--use", default="", metavar="TEXT", help="What the model is meant to be used for.")
@click.option("--data-note", default="", metavar="TEXT", help="What the data are.")
@click.option("--archive", is_flag=True, help="Also write FOLDER.zip.")
@quiet_option
@json_option
@debug_option
def dossier(**options: Any) -> None:  # fmt: skip
    """Make a dossier."""
    from onnxplain.cli.dossier_run import run

    run(**options)
