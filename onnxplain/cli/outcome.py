"""Turn whatever ends a command into one line and an exit code."""

from __future__ import annotations

import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from onnxplain.errors import OnnxplainError

INTERNAL, INTERRUPTED, TERMINATED = 70, 130, 143


def run(call: Callable[[], Any], *, debug: bool) -> int:
    """Run a command, and say in one line on standard error why it failed.

    Parameters
    ----------
    call : callable
        The command; an exit code that it returns is handed on.
    debug : bool
        Show the traceback and all warnings as well.

    Returns
    -------
    int
        The exit code.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            # A class name that the terminal cannot show must not end the run.
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings(), _terminable():
        if not debug:
            warnings.simplefilter("ignore")
        try:
            code = call()
            return code if isinstance(code, int) else 0
        except OnnxplainError as error:
            _say(f"error: {error}", debug)
            return error.exit_code
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except click.ClickException as error:
            _say(f"error: {_usage(error)}", debug)
            return error.exit_code
        except (click.Abort, KeyboardInterrupt):
            _say("interrupted", debug)
            return INTERRUPTED
        except Exception as error:  # the last line of defence: any defect of our own
            what = f"internal error: {type(error).__name__}: {error}"
            _say(what + ("" if debug else "; run again with --debug for the traceback"), debug)
            return INTERNAL


def one_line(text: str) -> str:
    """Text for a terminal: names come from files, so control characters are replaced."""
    return "".join(c if c.isprintable() else " " for c in text)


def _say(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    click.echo(f"onnxplain: {one_line(message)}", err=True)


def _usage(error: click.ClickException) -> str:
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} See `{context.command_path} --help`."


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a termination request unwind, so that unfinished files are removed."""

    def stop(number: int, frame: object) -> NoReturn:
        sys.exit(TERMINATED)

    previous = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
