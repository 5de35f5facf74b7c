"""Image files of six kinds are opened, everything else is refused in one line."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, ImageFile, PngImagePlugin

from onnxplain.boundary import unnamed
from onnxplain.errors import ImageError
from onnxplain.inputs import image
from onnxplain.inputs.image import open_image
from onnxplain.inputs.image_formats import image_files
from tests.hostile_pictures import OPENED, REFUSED, no_files

posix = pytest.mark.skipif(os.name != "posix", reason="pipes and links of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="others refuse names outside of UTF-8")


def refusal(path):
    with pytest.raises(ImageError) as caught:
        open_image(path)
    said = str(caught.value)
    assert "\n" not in said
    assert said.count(path.name) == 1
    assert path.name not in unnamed(caught.value, path)
    return said


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_picture_is_refused_in_one_line(tmp_path, name):
    content, why = REFUSED[name]
    path = tmp_path / name
    path.write_bytes(content)
    assert why in refusal(path)


@pytest.mark.parametrize("name", OPENED)
def test_pictures_of_six_kinds_are_opened_whatever_their_name(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(OPENED[name])
    opened = np.asarray(open_image(path))
    if "plain" in name:
        expected = np.asarray(Image.open(path).convert("RGB"))
        np.testing.assert_array_equal(opened, expected)
    assert opened.ndim == 3
    assert opened.dtype == np.uint8


def test_sixteen_bits_of_colour_keep_their_upper_half(tmp_path):
    path = tmp_path / "sixteen.png"
    path.write_bytes(OPENED["sixteen.png"])
    # Each row holds the bytes 0 to 47: big-endian pairs, of which the first counts.
    np.testing.assert_array_equal(np.asarray(open_image(path))[3].ravel(), np.arange(0, 48, 2))


@posix
def test_what_is_no_file_is_refused_without_being_read(tmp_path):
    for name, why in no_files(tmp_path).items():
        assert why in refusal(tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    assert "it is a folder" in refusal(tmp_path / "folder.png")


@pytest.mark.parametrize("name", ["n" * 300 + ".png", "nul\0.png", "\ud800.png"])
def test_a_name_that_no_file_can_have(tmp_path, name):
    with pytest.raises(ImageError, match="no image file"):
        open_image(tmp_path / name)


@linux
def test_names_that_are_not_utf_8_are_opened(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.png"
    with open(path, "wb") as file:
        file.write(OPENED["plain.png"])
    (found,) = image_files(tmp_path.iterdir())
    assert open_image(found).size == (24, 24)


@posix
def test_folders_list_what_is_called_a_picture_and_is_no_folder(tmp_path):
    no_files(tmp_path)
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "a.txt").write_text("")
    names = [p.name for p in image_files(tmp_path.iterdir())]
    assert names == ["circle.png", "dangling.png", "endless.png", "pipe.png"]


@pytest.mark.parametrize("kind", [MemoryError, RecursionError, AttributeError, ZeroDivisionError])
def test_whatever_a_decoder_raises_is_a_fault_of_the_file(tmp_path, monkeypatch, kind):
    def load(self):
        raise kind

    path = tmp_path / "a.png"
    path.write_bytes(OPENED["plain.png"])
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(ImageError, match="cannot read image"):
        open_image(path)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit])
def test_a_stop_is_no_fault_of_the_file(tmp_path, monkeypatch, kind):
    def load(self):
        raise kind

    path = tmp_path / "a.png"
    path.write_bytes(OPENED["plain.png"])
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", load)
    with pytest.raises(kind):
        open_image(path)


def test_a_mistake_of_ours_is_not_called_a_damaged_file(tmp_path, monkeypatch):
    def mistaken(values, where):
        raise TypeError("ours")

    path = tmp_path / "wide.png"
    Image.fromarray(np.full((4, 4), 500, np.uint16)).save(path)
    monkeypatch.setattr(image, "_wide_to_8_bit", mistaken)
    with pytest.raises(TypeError, match="ours"):
        open_image(path)


def test_no_other_program_is_started(tmp_path, monkeypatch):
    def start(*_, **__):
        pytest.fail("a program was started")

    monkeypatch.setattr(subprocess, "Popen", start)
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", start)
    path = tmp_path / "a.jpg"
    path.write_bytes(REFUSED["postscript.jpg"][0])
    with Image.open(path) as opened, pytest.raises(pytest.fail.Exception):
        opened.load()  # the control: Pillow alone would
    refusal(path)


@pytest.mark.parametrize("ending", ["bmp", "tiff", "webp"])
def test_a_row_is_read_in_one_piece(tmp_path, monkeypatch, ending):
    """Pillow joins the pieces of a row one by one: of millions of pixels, that takes minutes."""
    width = 16_000 if ending == "webp" else 300_000
    Image.new("RGB", (width, 2), "red").save(tmp_path / f"wide.{ending}")
    pieces = []
    load = ImageFile.ImageFile.load

    def loaded(self):
        pieces.append((self.decodermaxblock, self.width))
        return load(self)

    monkeypatch.setattr(ImageFile.ImageFile, "load", loaded)
    assert open_image(tmp_path / f"wide.{ending}").size == (width, 2)
    assert pieces[0][0] >= 4 * pieces[0][1]
