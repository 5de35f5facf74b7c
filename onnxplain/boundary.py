"""Where a fault ends: around what others' code makes of a file, and around one of many pictures.

Decoders and parsers raise anything on a file that nobody vouches for. What they raise is a
fault of the file, and becomes one error of this package (`foreign`). What our own code raises
by mistake is never called a fault of the file: it becomes an `InternalError`, and the other
pictures are done all the same (`one_of_many`). The traceback goes to the logger ``onnxplain``
at level DEBUG, which ``--debug`` shows.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from onnxplain.errors import InternalError, OnnxplainError, UnsupportedModelError
from onnxplain.text import shown

LOGGER = logging.getLogger("onnxplain")
# What ends a command from outside: Ctrl-C, and a termination request.
STOPS = (KeyboardInterrupt, SystemExit)
_LONGEST = 300


@contextmanager
def foreign(refusal: Callable[[str], OnnxplainError]) -> Iterator[None]:
    """Run others' code on a file: whatever it raises is raised again as one of our errors.

    Keep the body to calls of libraries that read the file, so that a mistake of ours is not
    taken for a damaged file. Ctrl-C and a termination request pass, as our own errors do.

    Parameters
    ----------
    refusal : callable
        Makes the error of the reason, which is one line.
    """
    try:
        yield
    except OnnxplainError:
        raise
    except Exception as error:  # that a decoder raises something else is what this is for
        pass_stop_on(error)
        raise refusal(reason(error)) from error


@contextmanager
def one_of_many(
    failed: Callable[[OnnxplainError], None],
    caught: type[OnnxplainError] | tuple[type[OnnxplainError], ...] = OnnxplainError,
) -> Iterator[None]:
    """Do the work on one picture or model of several: its failure does not end the others' work.

    Parameters
    ----------
    failed : callable
        Told of the error; of an exception that nobody foresaw, of an `InternalError`.
    caught : type of error, or several
        Our own errors that concern this one alone; others end the whole work.
    """
    try:
        yield
    except caught as error:
        pass_stop_on(error)
        LOGGER.debug("%s", error, exc_info=error)
        failed(_alone(error))
    except OnnxplainError:
        raise
    except MemoryError as error:
        LOGGER.debug("%s", error, exc_info=error)
        failed(UnsupportedModelError(reason(error)))
    except Exception as error:  # a defect of ours, on one of many
        pass_stop_on(error)
        LOGGER.debug("%s", error, exc_info=error)
        failed(InternalError.of(error))


def pass_stop_on(error: BaseException) -> None:
    """Raise Ctrl-C or a termination request again if an error was made of it.

    Native modules that are interrupted while they are imported say that they cannot be. Causes that
    are named count alone: what fails while a stop is dealt with has it as its context.
    """
    for found in _causes(error):
        if isinstance(found, STOPS):
            raise found


def _causes(error: BaseException) -> list[BaseException]:
    """An error, its cause, the cause of that, and so on; each once, should they go in a circle."""
    found = [error]
    while (cause := found[-1].__cause__) is not None and all(cause is not e for e in found):
        found.append(cause)
    return found


def reason(error: BaseException) -> str:
    """Return the first line of what was said first: the cause of a chain of errors."""
    error = _causes(error)[-1]
    if isinstance(error, UnicodeDecodeError):
        return f"the text {error.object[:80]!r} in it is not UTF-8"
    if isinstance(error, MemoryError):
        return "it needs more memory than is available"
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    # A KeyError says nothing but the key.
    told = first if len(first.split()) > 1 else f"{type(error).__name__} {first}".strip()
    return shown(told)[:_LONGEST]


def unnamed(error: OnnxplainError, path: str | Path) -> str:
    """Say an error without the path of its file, for a line that begins with a name of it."""
    named = re.escape(repr(str(path)))
    return re.sub(f"^{named}:? |(?: at)? {named}", "", str(error), count=1)


def _alone(error: OnnxplainError) -> OnnxplainError:
    """Let go of what raised it: failures are kept to the end, with pixels in their frames."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
