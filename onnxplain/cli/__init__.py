"""The command line: one group, one file for each command.

A command's file holds its options and nothing heavy; what it does is imported when it is
called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import click

from onnxplain import __version__
from onnxplain.cli.audit import audit
from onnxplain.cli.background import background
from onnxplain.cli.compare import compare
from onnxplain.cli.evaluate import evaluate
from onnxplain.cli.explain.command import explain
from onnxplain.cli.export import export
from onnxplain.cli.features.command import features
from onnxplain.cli.inspect import inspect
from onnxplain.cli.methods import methods
from onnxplain.cli.options import debug_option
from onnxplain.cli.outcome import run
from onnxplain.cli.report import report
from onnxplain.cli.verify import verify
from onnxplain.cli.walled import Call
from onnxplain.cli.worker import become_worker

_HELP = """Explain what a deployed ONNX image classifier saw.

\b
  onnxplain inspect MODEL         what is in the file, and what works with it
  onnxplain explain MODEL IMAGE   pictures and numbers for one image or many
  onnxplain methods [NAME]        the methods, and how to read their maps
  onnxplain evaluate MODEL DATA   how far the methods can be trusted on a model
  onnxplain compare MODEL MODEL DATA  do files say the same, and for the same reasons
  onnxplain audit MODEL DATA      a record of all that, which others can check
  onnxplain verify RECORD         run a part of an audit again: does it reproduce
  onnxplain report FOLDER         the report of an audit, again
  onnxplain export MODEL          a copy of the model that carries its explanation
  onnxplain features VIEW MODEL   what the network has learned
  onnxplain background MODEL DATA what prediction difference analysis draws from
"""
_EPILOG = """\b
Exit codes:
  0    everything asked for was done
  1    verify: a figure does not reproduce
  2    a wrong name, index, parameter or option; a method that does not apply
  3    the model file cannot be read, or is not an image classifier
  4    an image cannot be read, or does not fit the model
  5    gradients are impossible: operators are missing, PyTorch is not installed, or the
       engines disagree
  6    NaN or Inf where a number is needed
  7    a result cannot be written
  8    native code crashed, hung or took too much memory on a picture (--isolate); others are done
  70   an error in onnxplain itself
  130  interrupted
Of several failures, the first one's code, but 70 before all others. Pictures of a data set
(evaluate, compare, audit, some features) that cannot be read are named and left out: that is 0,
unless none is left or native code was to blame. No file is ever left half-written.
"""


class _Program(click.Group):
    """A group that ends every failure in one line and a documented exit code."""

    def main(self, args: Sequence[str] | None = None, *given: Any, **extra: Any) -> Any:
        """Run a command line and exit."""
        words = sys.argv[1:] if args is None else list(args)
        extra["standalone_mode"] = False
        extra["obj"] = Call(words, args is None, become_worker())
        if extra["obj"].is_worker:
            given, extra["prog_name"] = (), "onnxplain"
        call = super().main
        sys.exit(run(lambda: call(words, *given, **extra), debug="--debug" in words))


@click.group(
    cls=_Program,
    help=_HELP,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="onnxplain")
@debug_option
def main() -> None:
    """Run the command line."""


for command in (
    audit,
    background,
    compare,
    explain,
    evaluate,
    export,
    features,
    inspect,
    methods,
    report,
    verify,
):
    main.add_command(command)
