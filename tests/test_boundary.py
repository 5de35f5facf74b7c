"""Where a fault ends, and what is said of it."""

import gc
import logging
import weakref

import numpy as np
import pytest

import onnxplain
from onnxplain.boundary import foreign, one_of_many, pass_stop_on, reason, unnamed
from onnxplain.errors import ImageError, InternalError, NumericalError, OutputError
from onnxplain.text import shown


@pytest.mark.parametrize(
    "error", [ValueError("two\nlines"), MemoryError(), RecursionError("deep"), KeyError("k")]
)
def test_what_others_raise_becomes_ours(error):
    with pytest.raises(ImageError) as caught, foreign(ImageError):
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3), OutputError("full")])
def test_stops_and_our_own_errors_pass(error):
    with pytest.raises(type(error)) as caught, foreign(ImageError):
        raise error
    assert caught.value is error


def interrupted(stop):
    """Raise what a native module raises that is interrupted while it is imported."""
    try:
        raise stop
    except BaseException as error:
        raise ImportError("initialization failed") from error


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(143)])
def test_a_stop_of_which_an_error_was_made_stops(stop):
    failures = []
    for boundary in (foreign(ImageError), one_of_many(failures.append)):
        with pytest.raises(type(stop)) as caught, boundary:
            interrupted(stop)
        assert caught.value is stop
    ours = ImageError("said as ours")
    ours.__cause__ = stop
    with pytest.raises(type(stop)), one_of_many(failures.append):
        raise ours
    assert failures == []


def test_what_fails_while_a_stop_is_dealt_with_is_a_failure_of_its_own():
    failures, ours = [], ImageError("damaged")
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        with one_of_many(failures.append):
            raise ours  # noqa: B904 - its context is the point
    assert [str(f) for f in failures] == ["damaged"]


def test_one_of_many_is_told_and_others_go_on():
    failures = []
    for error in (ImageError("a"), NumericalError("b"), ZeroDivisionError("c")):
        with one_of_many(failures.append):
            raise error
    assert [(type(f), f.exit_code) for f in failures] == [
        (ImageError, 4), (NumericalError, 6), (InternalError, 70)
    ]  # fmt: skip
    assert str(failures[2]) == "internal error: ZeroDivisionError: c"


def test_an_error_that_is_not_of_this_one_alone_ends_the_work():
    failures = []
    with pytest.raises(OutputError), one_of_many(failures.append, ImageError):
        raise OutputError("full")
    with pytest.raises(KeyboardInterrupt), one_of_many(failures.append):
        raise KeyboardInterrupt
    assert failures == []


def test_failures_that_are_kept_keep_no_pixels():
    failures = []

    seen = []
    with one_of_many(failures.append):
        pixels = np.zeros(9)
        seen.append(weakref.ref(pixels))
        with foreign(ImageError):
            raise ValueError(pixels)
    del pixels
    gc.collect()
    assert len(failures) == 1
    assert seen[0]() is None


def test_the_traceback_is_logged(caplog):
    with caplog.at_level(logging.DEBUG, "onnxplain"), one_of_many(lambda error: None):
        raise ZeroDivisionError("c")
    (record,) = caplog.records
    assert record.exc_info[0] is ZeroDivisionError


def test_the_reason_is_that_of_the_cause():
    cause = UnicodeDecodeError("utf-8", b"caf\xe9", 3, 4, "unexpected end of data")
    error = RuntimeError("while serialising node 3 of\n many")
    error.__cause__ = cause
    assert reason(error) == "the text b'caf\\xe9' in it is not UTF-8"


def test_a_path_is_not_said_twice():
    assert unnamed(ImageError("cannot read image '/d/a.png': cut"), "/d/a.png") == (
        "cannot read image: cut"
    )
    assert unnamed(ImageError("no image file at '/d/a.png': none"), "/d/a.png") == (
        "no image file: none"
    )
    assert unnamed(ImageError("'/d/a.onnx' is not"), "/d/a.onnx") == "is not"
    assert unnamed(ImageError("'/d/a.onnx': data"), "/d/a.onnx") == "data"
    assert unnamed(ImageError("mask '/d/b.png' has"), "/d/a.png") == "mask '/d/b.png' has"


def test_text_for_any_output():
    assert shown("a\x00b\x1b[31m\nc\u202ed") == "a b [31m c d"
    assert shown("caf\udce9 \u732b") == "caf\\udce9 \u732b"
    shown("\ud800\udfff").encode("ascii")


def test_explaining_many_goes_on_if_told_of_failures():
    model = onnxplain.load("models/digits-gap.onnx")
    good = "examples/digits/3-10.png"
    failures = []
    found = onnxplain.explain_all(
        model, [good, "none.png", good], "cam", failed=lambda image, e: failures.append((image, e))
    )
    assert [len(one) for one in found] == [1, 0, 1]
    ((image, error),) = failures
    assert image == "none.png"
    assert isinstance(error, ImageError)
    with pytest.raises(ImageError):
        onnxplain.explain_all(model, [good, "none.png"], "cam")


def test_causes_that_go_in_a_circle_come_to_an_end():
    one, other = ValueError("first thing"), ValueError("second thing")
    one.__cause__, other.__cause__ = other, one
    pass_stop_on(one)
    assert reason(one) == "second thing"
    one.__cause__ = one
    assert reason(one) == "first thing"
