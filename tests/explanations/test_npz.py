"""Files of arrays that nobody vouches for: read as they are, or refused in one line."""

import io
import struct
import zipfile

import numpy as np
import pytest

from onnxplain.errors import UsageError
from onnxplain.explanations.explanation import Explanation
from onnxplain.explanations.npz import read_npz, read_record, write_npz
from onnxplain.features.archive import read_archive
from onnxplain.perturb.background import Background

READERS = {
    "arrays": lambda path: read_npz(path, "thing"),
    "record": lambda path: read_record(path, "thing"),
    "features": lambda path: read_archive(path, "atlas"),
    "explanation": Explanation.load,
    "background": Background.load,
}


def sound(**more):
    """Bytes of a file whose array is compressed."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(1000.0), **more)
    return bytearray(buffer.getvalue())


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


def npy(values):
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def changed(place, value):
    """Set a field, at a distance from the first local header and from the central one."""
    content = sound()
    for mark, offset in ((b"PK\x03\x04", place), (b"PK\x01\x02", place + 2)):
        struct.pack_into("<H", content, content.find(mark) + offset, value)
    return content


def broken_stream():
    content = sound()
    for k in range(60, 90):
        content[k] ^= 0x5A
    return content


def enormous():
    """A header of 80 terabytes with nothing behind it."""
    header = io.BytesIO()
    shape = {"descr": "<f8", "fortran_order": False, "shape": (10**13,)}
    np.lib.format.write_array_header_2_0(header, shape)
    return zipped({"a.npy": header.getvalue()})


DAMAGE = {
    "empty": b"",
    "no archive": b"no archive",
    "cut off": sound()[:200],
    "one array alone": npy(np.arange(3)),
    "a broken stream": broken_stream(),
    "an unknown compression": changed(8, 99),
    "encrypted": changed(6, 1),
    "more than memory": enormous(),
    "a text among the arrays": zipped({"a.txt": b"no array"}),
}  # fmt: skip
RECORDS = {
    "none": {},
    "no JSON": {"record": np.array("{")},
    "too deep": {"record": np.array("[" * 100_000)},
    **{f"a {kind}": {"record": np.array(text)} for kind, text in
       {"number": "5", "text": '"a"', "list": "[1]", "null": "null"}.items()},
}  # fmt: skip


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_refused_in_one_line(tmp_path, reader, damage):
    path = tmp_path / "x.npz"
    path.write_bytes(DAMAGE[damage])
    with pytest.raises(UsageError, match=r"x\.npz' is not a ") as caught:
        READERS[reader](path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("reader", ["record", "features", "explanation"])
@pytest.mark.parametrize("record", RECORDS)
def test_a_record_that_is_no_object_is_refused(tmp_path, reader, record):
    path = tmp_path / "x.npz"
    path.write_bytes(sound(**RECORDS[record]))
    with pytest.raises(UsageError, match=r"its record is not (a )?JSON"):
        READERS[reader](path)


@pytest.mark.parametrize("reader", READERS)
def test_a_file_that_is_not_there(tmp_path, reader):
    with pytest.raises(UsageError, match=r"no .* at .*x\.npz'"):
        READERS[reader](tmp_path / "x.npz")
    with pytest.raises(UsageError, match=r"no .* at .*it is a folder"):
        READERS[reader](tmp_path)


def test_what_is_there_is_read(tmp_path):
    path = tmp_path / "x.npz"
    path.write_bytes(sound(record=np.array('{"k": [1, 2]}'), b=np.array([True])))
    arrays = read_npz(path, "thing")
    assert set(arrays) == {"a", "b", "record"}
    np.testing.assert_array_equal(arrays["a"], np.arange(1000.0))
    record, arrays = read_record(path, "thing")
    assert record == {"k": [1, 2]}
    assert set(arrays) == {"a", "b"}


class Trap:
    """What runs code when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("it was unpickled",)


@pytest.mark.parametrize("reader", READERS)
def test_nothing_is_unpickled(tmp_path, reader):
    np.savez(tmp_path / "x.npz", record=np.array("{}"), a=np.array([Trap()], object))
    with pytest.raises(UsageError, match=r"x\.npz' is not a .*allow_pickle"):
        READERS[reader](tmp_path / "x.npz")


def test_what_is_written_is_what_numpy_writes(tmp_path):
    rng = np.random.default_rng(0)
    arrays = {
        "record": np.array('{"ä": 1}'),
        "map:a": rng.normal(size=(3, 5)).astype(np.float32),
        "turned": np.asfortranarray(rng.integers(0, 9, (40, 50))),
        "none": np.zeros((0, 3), np.uint8),
        "list": [1.5, 2.5],
    }
    with open(tmp_path / "ours.npz", "wb") as file:
        write_npz(file, arrays)
    np.savez_compressed(tmp_path / "theirs.npz", **arrays)
    ours, theirs = (read_npz(tmp_path / f"{n}.npz", "thing") for n in ("ours", "theirs"))
    assert list(ours) == list(theirs) == list(arrays)
    for name, values in theirs.items():
        assert ours[name].dtype == values.dtype
        np.testing.assert_array_equal(ours[name], values)
        np.testing.assert_array_equal(np.load(tmp_path / "ours.npz")[name], values)
    assert len((tmp_path / "ours.npz").read_bytes()) < 1.2 * len(
        (tmp_path / "theirs.npz").read_bytes()
    )


def test_what_would_be_pickled_is_not_written(tmp_path):
    with pytest.raises(ValueError, match="Object arrays"), open(tmp_path / "f", "wb") as file:
        write_npz(file, {"a": np.array([object()])})
