"""The command line: one group, one file for each command.

A command's file holds its options and nothing heavy, and is imported when the command is asked
for; what it does is imported when it is called, so that ``--help`` answers at once.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from typing import Any

import click

from onnxplain import __version__
from onnxplain.cli.commands import Commands
from onnxplain.cli.options import debug_option
from onnxplain.cli.outcome import end, run
from onnxplain.cli.walled import Call
from onnxplain.cli.worker import become_worker

_OBJECTS = 20_000
_HELP = """Explain the predictions of a deployed ONNX image model.

\b
  onnxplain inspect MODEL         show what the file contains, and what works with it
  onnxplain explain MODEL IMAGE   draw and save maps for one image or many
  onnxplain methods [NAME]        list the methods, or show how to read one's maps
  onnxplain choose MODEL DATA     measure methods, choose the best, keep it beside the model
  onnxplain evaluate MODEL DATA   measure how far each method can be trusted
  onnxplain compare MODEL MODEL DATA  do models agree, and for the same reasons?
  onnxplain audit MODEL DATA      do all this, with a record that others can check
  onnxplain verify RECORD         repeat part of an audit: does it reproduce?
  onnxplain report FOLDER         rebuild the report of an audit
  onnxplain dossier AUDIT         file an audit: one folder that shows each change
  onnxplain export MODEL          write a model that carries its explanation
  onnxplain features VIEW MODEL   show what the network has learned
  onnxplain background MODEL DATA learn typical pixels for prediction-difference
"""
_EPILOG = """\b
Exit codes:
  0    success
  1    verify: a figure does not reproduce, or a file of a dossier differs
  2    a wrong name, index, parameter or option, or a method that does not apply
  3    the model file cannot be read, or is not an image model
  4    an image cannot be read or does not fit the model
  5    gradients cannot be computed: an operator cannot be converted, PyTorch is not installed,
       or the engines disagree
  6    NaN or Inf in place of a number
  7    a result cannot be written
  8    native code crashed, hung or used too much memory on a picture (--isolate)
  70   an error in onnxplain itself
  130  interrupted
If several pictures fail, the first failure decides, but 70 outranks all others. Commands that read
a data set (evaluate, choose, compare, audit, some features) name unreadable pictures, skip them
and exit with 0, unless no picture is left or native code failed. Files are never left half-written.
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
        # Loading modules and graphs makes many objects that stay: to look for cycles after each
        # few hundred of them takes a tenth of a short command's time.
        gc.set_threshold(_OBJECTS)
        # The system takes back what is left at the end. Where PyTorch was loaded, the last search
        # for cycles would take half a second.
        atexit.unregister(gc.freeze)
        atexit.register(gc.freeze)
        call = super().main
        code = run(lambda: call(words, *given, **extra), debug="--debug" in words)
        # Only the program's own process is ours to end, not one that calls this function.
        if args is None:
            end(code)
        sys.exit(code)


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


main.commands = Commands(
    {
        "audit": "audit",
        "background": "background",
        "choose": "choose",
        "compare": "compare",
        "dossier": "dossier",
        "evaluate": "evaluate",
        "explain": "explain.command",
        "export": "export",
        "features": "features.command",
        "inspect": "inspect",
        "methods": "methods",
        "report": "report",
        "verify": "verify",
    }
)
