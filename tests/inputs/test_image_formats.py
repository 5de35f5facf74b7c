"""What a file that is no picture holds, told by its first bytes."""

import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from onnxplain.inputs.image_formats import ALLOWED, FORMATS, content_of


def said_of(folder, data):
    (folder / "file").write_bytes(data)
    return content_of(folder / "file")


def written(format_):
    buffer = io.BytesIO()
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(buffer, format_)
    return buffer.getvalue()


@pytest.mark.parametrize("format_", FORMATS)
def test_pillows_own_files_are_known_by_their_beginning(tmp_path, format_):
    said = said_of(tmp_path, written(format_)[:40])
    assert said.lower().startswith(f"it begins as {format_} does, but is damaged".lower())


@pytest.mark.parametrize(
    ("format_", "name"),
    [("EPS", "PostScript"), ("PDF", "PDF"), ("ICO", "an icon"), ("PPM", "PNM"), ("DDS", "DDS")],
)
def test_other_formats_that_pillow_writes(tmp_path, format_, name):
    said = said_of(tmp_path, written(format_))
    assert said.startswith(f"it holds {name}")
    assert said.endswith(f"allowed are {ALLOWED}")


def test_archives_and_arrays(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a", "b")
    assert "a ZIP archive" in said_of(tmp_path, buffer.getvalue())
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(3))
    assert "a NumPy array" in said_of(tmp_path, buffer.getvalue())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0\0\0\x1cftypheic", "HEIC"),
        (b"\0\0\0\x1cftypisom\0\0\0\0mp41avif", "AVIF"),  # the general brand stands first
        (b"\0\0\0\x1cftypisom\0\0\0\0mp41", "a video or an unknown kind of picture"),
        (b"\0" * 128 + b"DICM", "DICOM"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html>", "a web page"),
        (b"<?xml version='1.0'?><svg/>", "SVG"),
        (b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer"),
        (b"RIFF\0\0\0\0WAVE", "not a known kind of picture"),
        (b"P8 ", "not a known kind of picture"),
    ],
)
def test_what_pillow_does_not_write(tmp_path, data, said):
    assert said_of(tmp_path, data).startswith(f"it holds {said}")


def test_an_empty_file(tmp_path):
    assert said_of(tmp_path, b"") == "it is empty"
