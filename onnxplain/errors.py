"""Every error that onnxplain raises on purpose.

::

    OnnxplainError                      exit code 1
    ├── UsageError                      2   a wrong name, index, parameter or option
    │   ├── UnknownNameError            2   a name that is not there; the nearest ones are offered
    │   ├── MethodRefusedError          2   the method does not apply to this model (says what does)
    │   │   └── NoSlopeError            2   the score's derivative is zero where it is read
    │   └── NowhereError                2   the target is nowhere in this picture
    ├── ModelFileError                  3   the file cannot be read as an ONNX model
    │   └── UnsupportedModelError       3   valid, but outside what onnxplain can explain
    ├── ImageError                      4   the image cannot be read or does not fit the model
    ├── ConversionError                 5   gradients are impossible: operators are missing
    │   ├── MissingPackageError         5   PyTorch or onnx2torch is not installed
    │   └── ParityError                 5   ONNX Runtime and PyTorch disagree on this input
    ├── NumericalError                  6   NaN or Inf where a number is needed
    ├── OutputError                     7   a result cannot be written
    ├── NativeFaultError                8   native code ended a process of its own (--isolate)
    └── InternalError                   70  a defect of onnxplain, met on one of many pictures

A message is one line: what is wrong, where, what is allowed, what to do next.
The exit code of the command line is the class attribute ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class OnnxplainError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 1

    def __reduce__(self) -> tuple[object, ...]:
        """Copies say the same; some kinds make their text of several parts."""
        return _said_again, (type(self), str(self)), self.__dict__


def _said_again(kind: type[OnnxplainError], text: str) -> OnnxplainError:
    error = kind.__new__(kind)
    error.args = (text,)
    return error


class UsageError(OnnxplainError):
    """A wrong name, index, parameter or option."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not there.

    Parameters
    ----------
    kind : str
        What was looked up, for example ``"class"`` or ``"layer"``.
    name : str
        The name as given.
    known : iterable of str
        All names that would have been accepted.
    hint : str, optional
        What to do next, appended to the message.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], hint: str = "") -> None:
        names = list(known)
        near = nearest(name, names)
        offer = f"; nearest: {', '.join(repr(n) for n in near)}" if near else ""
        super().__init__(f"unknown {kind} {name!r}{offer}" + (f"; {hint}" if hint else ""))
        self.nearest = near


class MethodRefusedError(UsageError):
    """The method does not apply to this model; the message says what does."""


class NowhereError(UsageError):
    """The target is nowhere in this picture; in others it may be."""


class NoSlopeError(MethodRefusedError):
    """The score's derivative is zero everywhere where the method reads it, for this picture."""


class ModelFileError(OnnxplainError):
    """The file cannot be read as an ONNX model."""

    exit_code = 3


class UnsupportedModelError(ModelFileError):
    """A valid model that is outside what onnxplain can explain."""


class ImageError(OnnxplainError):
    """The image cannot be read or does not fit the model."""

    exit_code = 4


class ConversionError(OnnxplainError):
    """The graph cannot be converted to PyTorch; forward-only methods still work."""

    exit_code = 5


class MissingPackageError(ConversionError):
    """PyTorch or onnx2torch is not installed; forward-only methods still work."""


class ParityError(ConversionError):
    """ONNX Runtime and PyTorch disagree on the input that is to be explained."""


class NumericalError(OnnxplainError):
    """NaN or Inf where a number is needed."""

    exit_code = 6


class NonFiniteAnswerError(NumericalError):
    """The model answers NaN or Inf to an input.

    Parameters
    ----------
    found : str
        Where, and how many.
    advice : str
        What to check if that input is a picture of the user.
    """

    def __init__(self, found: str, advice: str) -> None:
        super().__init__(f"{found}; {advice}")
        self.found = found


class OutputError(OnnxplainError):
    """A result cannot be written."""

    exit_code = 7


class NativeFaultError(OnnxplainError):
    """Native code crashed, hung or took too much memory, in a process of its own.

    Parameters
    ----------
    said : str
        What happened, and what to do.
    """

    exit_code = 8
    # Every message starts so; records of audits hold nothing but the message.
    beginning = "lost in native code: "

    def __init__(self, said: str) -> None:
        super().__init__(f"{self.beginning}{said}")


class InternalError(OnnxplainError):
    """A defect of onnxplain itself, met on one of several pictures."""

    exit_code = 70
    # Every message starts so; records of audits hold nothing but the message.
    beginning = "internal error: "

    @classmethod
    def of(cls, error: BaseException) -> InternalError:
        """Make one of an exception that nobody foresaw."""
        said = " ".join(str(error).split())
        return cls(f"{cls.beginning}{type(error).__name__}: {said}")


# What is wrong with one picture of several: the others are done all the same.
OF_A_PICTURE = (ImageError, NowhereError, NoSlopeError, NumericalError, NativeFaultError)


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Names that a person who wrote `name` may have meant, best first.

    Parameters
    ----------
    name : str
        The name as given.
    known : iterable of str
        All accepted names.
    count : int
        At most this many are returned.

    Returns
    -------
    list of str
        Substring matches first, then names at a small edit distance; may be empty.
    """
    names = list(dict.fromkeys(known))
    low = name.lower()
    inside = [n for n in names if low and low in n.lower()]
    by_lower = {n.lower(): n for n in names}
    close = [by_lower[m] for m in difflib.get_close_matches(low, list(by_lower), count, 0.5)]
    return list(dict.fromkeys(sorted(inside, key=len) + close))[:count]
