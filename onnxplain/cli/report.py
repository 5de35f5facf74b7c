"""``onnxplain report``: an audit's report again, from its files."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.options import (
    debug_option,
    json_option,
    quiet_option,
)

_HELP = """Write the report of the audit in FOLDER again, without running the model.

\b
These files are written:
  report.html   one page for any browser: needs no network and no other file
  report.md     the same in brief, as Markdown

record.json holds the same as data. Photos are read from --data; one that is gone
or has changed since is left out, and the page says so. Without it nothing is read but what
lies in FOLDER: where the record says that the data were is shown, and not followed.
"""


@click.command(help=_HELP, short_help="Write an audit's report again, from its files.")
@click.argument("folder", type=click.Path(readable=False))
@click.option(
    "--data",
    multiple=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="The data, as they were given to the audit, once for each source. Default: what lies in "
    "FOLDER.",
)
@click.option(
    "-o",
    "--out",
    metavar="FOLDER",
    type=click.Path(readable=False),
    help="Where the files go. Default: into the audit's folder.",
)
@quiet_option
@json_option
@debug_option
def report(**options: Any) -> None:  # fmt: skip
    """Write a report."""
    from onnxplain.cli.report_run import run

    run(**options)
