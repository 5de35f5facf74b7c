"""Turn whatever ends a command into one line and an exit code."""

from __future__ import annotations

import atexit
import errno
import logging
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import click

from onnxplain.boundary import LOGGER, STOPS, pass_stop_on
from onnxplain.cli.streams import let_go, own_streams
from onnxplain.cli.unanswered import answer, watched
from onnxplain.cli.unknown_option import without
from onnxplain.errors import (
    InternalError,
    NativeFaultError,
    OnnxplainError,
    OutputError,
    UnsupportedModelError,
)
from onnxplain.files import remove_unfinished
from onnxplain.process.background import BESIDE
from onnxplain.text import shown

INTERRUPTED = 130
# Of a process that the system ended by a signal, shells say this and the signal's number.
_BY_SIGNAL = 128
# Nobody reads, no room, no such stream: not faults of ours.
_CANNOT_WRITE = frozenset({errno.EPIPE, errno.ENOSPC, errno.EBADF, errno.EIO, errno.EDQUOT})
# Less than what asks a process to stop waits before it kills it: ten seconds, as a rule.
_PATIENCE = 6.0
_LOOKS_EVERY = 0.02
TRACEBACK = "run again with --debug for the traceback"


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
    with own_streams(debug=debug), warnings.catch_warnings(), _terminable(), _tracebacks(debug):
        if not debug:
            warnings.simplefilter("ignore")
        try:
            with _threads_left():
                code = call()
            sys.stdout.flush()  # a full disk is noticed here, not when Python ends
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
        except OSError as error:
            if error.errno not in _CANNOT_WRITE:
                found = InternalError.of(error)
                _say(f"{found}" + ("" if debug else f"; {TRACEBACK}"), debug)
                return found.exit_code
            _say(f"error: cannot write standard output: {error.strerror}", debug)
            let_go(sys.stdout)
            return OutputError.exit_code
        except MemoryError:
            _say("error: this needs more memory than is available", debug)
            return UnsupportedModelError.exit_code
        except Exception as error:  # the last line of defence: any defect of our own
            found = InternalError.of(error)
            _say(f"{found}" + ("" if debug else f"; {TRACEBACK}"), debug)
            return found.exit_code


def end(code: int) -> NoReturn:
    """End the process as Python does, but without taking apart what it has loaded.

    To free PyTorch, sessions and their memory one by one takes a tenth of a second, and the system
    takes them back at once. Who traces or profiles the process has something to do after this.
    """
    if sys.gettrace() is None and sys.getprofile() is None:
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and not thread.daemon:
                thread.join()
        atexit._run_exitfuncs()
        _end_at_once(SystemExit(code))
    sys.exit(code)


def leave_threads(asked: BaseException) -> None:
    """Wait until the threads that work beside the main one have ended, but not for what hangs.

    No thread can be ended from outside, and Python would wait for it: then the process is ended,
    as asked. Pools of threads do not know all of theirs: an interrupt may come between the start of
    a thread and the note of it.

    Parameters
    ----------
    asked : KeyboardInterrupt or SystemExit
        What ends the command.
    """
    until = time.monotonic() + _PATIENCE
    try:
        while any(thread.name.startswith(BESIDE) for thread in threading.enumerate()):
            if time.monotonic() > until:
                _end_at_once(asked)
            time.sleep(_LOOKS_EVERY)
    except STOPS as again:  # nobody wants to wait
        _end_at_once(again)


def _end_at_once(asked: BaseException) -> None:
    remove_unfinished()
    code = asked.code if isinstance(asked, SystemExit) else INTERRUPTED
    if isinstance(asked, KeyboardInterrupt):
        _say("interrupted", debug=False)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code if isinstance(code, int) else 1)


def _end_inside(number: int) -> None:
    """End the process from beside the main thread, which native code does not give back."""
    _say("stopped inside native code, which did not return", debug=False)
    _end_at_once(SystemExit(_BY_SIGNAL + number))


@contextmanager
def _threads_left() -> Iterator[None]:
    """Wait no longer than `leave_threads`, wherever a stop came and whatever was made of it."""
    try:
        try:
            yield
        except Exception as error:
            pass_stop_on(error)
            raise
    except STOPS as asked:
        leave_threads(asked)
        raise


def code_of(codes: Iterable[int]) -> int:
    """Return the exit code of several failures: the first one's, or that of a defect of ours."""
    found = list(codes)
    return InternalError.exit_code if InternalError.exit_code in found else next(iter(found), 0)


def code_of_data(problems: Iterable[str]) -> int:
    """Return the exit code of work on a data set, of which some pictures were left out.

    That pictures cannot be read is said, and is no failure of the whole; a defect of ours is, and
    so is what native code ended.
    """
    known = list(problems)
    for kind in (InternalError, NativeFaultError):
        if any(kind.beginning in problem for problem in known):
            return kind.exit_code
    return 0


def _say(message: str, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    try:
        click.echo(f"onnxplain: {shown(message)}", err=True)
    except OSError:  # nobody can be told; the exit code says it
        let_go(sys.stderr)


def _usage(error: click.ClickException) -> str:
    text = without(error) if isinstance(error, click.NoSuchOption) else error.format_message()
    message = " ".join(text.split())
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} See `{context.command_path} --help`."


@contextmanager
def _tracebacks(debug: bool) -> Iterator[None]:
    """Show the traceback of every failure that did not end the run, if asked to."""
    if not debug:
        yield
        return
    handler, level = logging.StreamHandler(sys.stderr), LOGGER.level
    handler.setFormatter(logging.Formatter("onnxplain: %(message)s"))
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        LOGGER.removeHandler(handler)
        LOGGER.setLevel(level)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let a termination request, or the end of the terminal, unwind as Ctrl-C does.

    Unfinished files are removed, and an audit leaves its record. What is ignored, as by
    ``nohup``, stays ignored.
    """
    numbers = [getattr(signal, n) for n in ("SIGTERM", "SIGHUP") if hasattr(signal, n)]
    asked = [n for n in numbers if signal.getsignal(n) != signal.SIG_IGN]
    if signal.getsignal(signal.SIGINT) == signal.default_int_handler:
        asked.append(signal.SIGINT)
    stopping: list[int] = []

    def stop(number: int, frame: object) -> None:
        answer()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        stopping.append(number)
        if len(stopping) == 1:  # a session that ends sends one after the other
            sys.exit(_BY_SIGNAL + number)

    def swallowed(found: Any) -> None:
        if isinstance(found.exc_value, STOPS):
            _ask_again(stopping[0] if stopping else signal.SIGINT)
            stopping.clear()
        else:
            shown_before(found)

    shown_before = sys.unraisablehook
    with watched(asked, _PATIENCE, _end_inside):
        previous = {n: signal.signal(n, stop) for n in asked}
        sys.unraisablehook = swallowed
        try:
            yield
        finally:
            sys.unraisablehook = shown_before
            for number, handler in previous.items() if not stopping else ():
                signal.signal(number, handler)


def _ask_again(number: int) -> None:
    """Send the main thread a signal again: what a finaliser raises is lost when it ends."""

    def send() -> None:
        if hasattr(signal, "pthread_kill"):  # a call that waits is broken off by this alone
            signal.pthread_kill(threading.main_thread().ident or 0, number)
        else:
            signal.raise_signal(number)

    again = threading.Timer(_LOOKS_EVERY, send)
    again.daemon = True
    again.start()
