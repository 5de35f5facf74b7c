"""``onnxplain report``: an audit's report again, from its files."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    audited_data_option,
    debug_option,
    json_option,
    quiet_option,
)

_HELP = """Rebuild the report of the audit in FOLDER without running the model.

\b
Files written:
  report.html   one page for any browser; needs no network and no other file
  report.md     the same in brief, as Markdown

record.json holds the same as data. Photos are read from --data. The page leaves out photos
that are missing or have changed, and says so. Without --data only files in FOLDER are read;
for safety, the path of the data in the record is shown but not opened.
"""


@click.command(help=_HELP, short_help="Rebuild the report of an audit from its files.")
@click.argument("folder", type=click.Path(readable=False))
@audited_data_option("Default: the data in FOLDER, if it is there.")
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    type=click.Path(readable=False),
    help="Output folder. Default: the audit's folder.",
)
@quiet_option
@json_option
@debug_option
def report(**options: Any) -> None:  # fmt: skip
    """Write a report."""
    from onnxplain.cli.report_run import run

    run(**options)
