"""Small files: what cannot be read is said in one line, what is written is whole."""

import os
import stat
import sys

import pytest

from onnxplain.errors import OutputError, UsageError
from onnxplain.files import (
    json_text,
    read_json,
    read_text,
    read_toml,
    whole_file,
    write_json,
    write_text,
)

READERS = {
    "text": (lambda path: read_text(path, "thing file"), "a", "a"),
    "json": (lambda path: read_json(path, "thing"), '{"a": 1}', {"a": 1}),
    "toml": (lambda path: read_toml(path, "thing"), "a = 1", {"a": 1}),
}


@pytest.mark.parametrize("kind", READERS)
def test_what_is_there_is_read(tmp_path, kind):
    read, content, value = READERS[kind]
    (tmp_path / "f").write_text(content)
    assert read(tmp_path / "f") == value


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "No such file or directory"), (b"\xff\xfe", "not UTF-8 text")],
)
def test_what_cannot_be_read_is_one_line(tmp_path, kind, content, reason):
    path = tmp_path / "f"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        READERS[kind][0](path)
    said = str(caught.value)
    assert said.startswith(f"cannot read thing file {str(path)!r}: ")
    assert reason in said
    assert "\n" not in said


@pytest.mark.parametrize("kind", ["json", "toml"])
@pytest.mark.parametrize("content", ["[", "[" * 100_000])
def test_another_format_is_named(tmp_path, kind, content):
    (tmp_path / "f").write_text(content)
    with pytest.raises(UsageError, match=f"is not valid {kind.upper()}"):
        READERS[kind][0](tmp_path / "f")


def test_a_file_may_have_so_many_bytes_and_no_more(tmp_path):
    (tmp_path / "f").write_text('"abc"')
    assert read_json(tmp_path / "f", "thing", 5) == "abc"
    with pytest.raises(UsageError, match=r"cannot read thing file .*above 4 bytes"):
        read_json(tmp_path / "f", "thing", 4)


def test_a_file_that_is_not_finished_does_not_appear(tmp_path):
    path = tmp_path / "folder" / "f"

    def stop_in_the_middle():
        with whole_file(path) as file:
            file.write(b"half")
            raise KeyError

    with pytest.raises(KeyError):
        stop_in_the_middle()
    assert list(path.parent.iterdir()) == []
    with whole_file(path) as file:
        file.write(b"whole")
    assert path.read_bytes() == b"whole"
    with pytest.raises(OutputError, match="choose another folder"), whole_file(path / "below"):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="files have no such rights there")
def test_a_file_has_the_rights_that_the_process_gives(tmp_path, monkeypatch):
    before = os.umask(0o027)
    try:
        with monkeypatch.context() as patched, whole_file(tmp_path / "f") as file:
            # Asked by changing it, another thread's files would get other ones meanwhile.
            patched.delattr(os, "umask")
            file.write(b"a")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "f").stat().st_mode) == 0o640


def test_json_written_in_pieces_is_the_same_text(tmp_path):
    data = {"a": [1, 2.5, None, "ä"], "b": {"c": []}}
    write_json(tmp_path / "f.json", data)
    assert (tmp_path / "f.json").read_text("utf-8") == json_text(data)


def test_a_number_that_json_has_not_leaves_no_file(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "f.json", [1.0, float("nan")])
    assert list(tmp_path.iterdir()) == []


def test_a_mark_of_the_byte_order_is_no_text(tmp_path):
    (tmp_path / "f").write_bytes(b'\xef\xbb\xbf{"a": 1}')
    assert read_json(tmp_path / "f", "thing") == {"a": 1}


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "-Infinity"])
def test_numbers_that_nobody_can_compute_with(tmp_path, number):
    (tmp_path / "f").write_text(f'{{"a": [{number}]}}')
    with pytest.raises(UsageError, match=f"{number} is not a number that can be computed with"):
        read_json(tmp_path / "f", "thing")


def test_a_number_of_many_digits_is_one_line(tmp_path):
    (tmp_path / "f").write_text("9" * 5000)
    with pytest.raises(UsageError, match="is not valid JSON"):
        read_json(tmp_path / "f", "thing")


@pytest.mark.parametrize("kind", READERS)
def test_a_nul_is_no_text(tmp_path, kind):
    (tmp_path / "f").write_bytes(b"a\0b")
    with pytest.raises(UsageError, match="it contains a NUL"):
        READERS[kind][0](tmp_path / "f")


@pytest.mark.skipif(sys.platform == "win32", reason="pipes and devices of a Unix")
@pytest.mark.parametrize("kind", READERS)
def test_pipes_and_devices_are_not_read(tmp_path, kind):
    os.mkfifo(tmp_path / "f")
    for path, why in ((tmp_path / "f", "it is a pipe"), ("/dev/zero", "it is a device")):
        with pytest.raises(UsageError, match=why):
            READERS[kind][0](path)


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    """Else a power cut could leave the name without the content."""
    done = []

    def noted(name):
        call = getattr(os, name)

        def called(*given):
            done.append(name)
            return call(*given)

        monkeypatch.setattr(os, name, called)

    noted("fsync")
    noted("replace")
    write_text(tmp_path / "a.txt", "all of it")
    assert done == ["fsync", "replace"]
    assert (tmp_path / "a.txt").read_text() == "all of it"
