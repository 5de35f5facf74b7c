"""What a model is made of: every file counts, wherever it is referred to from."""

import hashlib
import os
import shutil
import subprocess

import numpy as np
import onnx
import onnxruntime
import pytest

import onnxplain
from onnxplain.errors import ModelFileError
from onnxplain.graph.load import open_model
from onnxplain.identity import differing, digests
from tests.external_models import (
    CLASSES,
    KINDS,
    MATMUL,
    SHAPE,
    WEIGHTS,
    classifier,
    flip,
    in_two_files,
    move,
    plain,
    refer,
    write,
)


def load(path):
    return onnxplain.load(path, preprocess="zero-one")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def moved(kind, folder, location="model.onnx.data"):
    build, tensors = KINDS[kind]
    model = build()
    offset = 0
    for tensor in tensors(model):
        length = len(tensor.raw_data)
        move(tensor, folder, location, offset)
        offset += length
    return write(model, folder)


@pytest.mark.parametrize("kind", KINDS)
def test_one_bit_of_the_weights_changes_the_digest(tmp_path, kind):
    path = moved(kind, tmp_path)
    before = open_model(path)[2]
    assert [f.location for f in before.files] == ["model.onnx", "model.onnx.data"]
    assert open_model(path)[2] == before
    data = tmp_path / "model.onnx.data"
    flip(data, 3)  # of the mantissa or of a place: it stays a number, and the places in order
    try:
        after = open_model(path)[2]
    except ModelFileError:
        assert "sparse" in kind  # a place that is used twice
        return
    assert after.sha256 != before.sha256
    assert differing(before.digests, after.digests) == ["weights file 'model.onnx.data'"]


@pytest.mark.parametrize("kind", KINDS)
def test_weights_beside_the_file_are_those_inside_of_it(tmp_path, kind):
    inside = onnxruntime.InferenceSession(KINDS[kind][0]().SerializeToString())
    x = np.random.default_rng(0).integers(0, 256, (1, *SHAPE)).astype(np.uint8)
    expected = inside.run(None, {"x": x.astype(np.float32)})[0][0]
    np.testing.assert_array_equal(expected, x.reshape(-1).astype(np.float64) @ WEIGHTS)
    model = onnxplain.load(moved(kind, tmp_path), preprocess=BYTES)
    found = model.predict(x[0].transpose(1, 2, 0)).logits
    np.testing.assert_array_equal(found, expected)


BYTES = onnxplain.Preprocess("bytes", "NCHW", (4, 4), scale=1.0)


def test_a_model_in_one_file_keeps_the_digest_of_the_file(tmp_path):
    path = write(classifier([MATMUL], [plain()]), tmp_path)
    model = load(path)
    assert model.sha256 == sha256(path)
    assert [f.to_dict() for f in model.identity.files] == [
        {"location": "model.onnx", "bytes": path.stat().st_size, "sha256": sha256(path)}
    ]


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
@pytest.mark.parametrize(
    "names", [["model.onnx.data"], ["b.bin", "a.bin", "sub/c.bin"], ["odd\\ name\n.bin", "ä.bin"]]
)
def test_sha256sum_gives_the_same_digest(tmp_path, names):
    """The listing is what the tool prints, the .onnx file coming through a pipe."""
    many = [plain(f"w{k}") for k, _ in enumerate(names)]
    total = onnx.helper.make_node("Sum", [t.name for t in many], ["w"])
    model = classifier([total, MATMUL], many)
    for tensor, name in zip(model.graph.initializer, names, strict=True):
        move(tensor, tmp_path, name)
    path = write(model, tmp_path)
    printed = (
        subprocess.run(["sha256sum"], stdin=path.open(), capture_output=True, check=True).stdout
        + subprocess.run(
            ["sha256sum", "--", *sorted(names)], cwd=tmp_path, capture_output=True, check=True
        ).stdout
    )
    assert open_model(path)[2].sha256 == hashlib.sha256(printed).hexdigest()


def test_several_files_are_told_apart(tmp_path):
    two = [plain("a"), plain("b")]
    model = classifier([onnx.helper.make_node("Add", ["a", "b"], ["w"]), MATMUL], two)
    for tensor in model.graph.initializer:
        move(tensor, tmp_path, f"{tensor.name}.bin")
    path = write(model, tmp_path)
    before = load(path).identity
    assert [f.location for f in before.files] == ["model.onnx", "a.bin", "b.bin"]
    assert before.bytes == sum(f.stat().st_size for f in tmp_path.iterdir())
    flip(tmp_path / "b.bin")
    assert differing(before.digests, load(path).identity.digests) == ["weights file 'b.bin'"]
    # Exchanged files are other files, though their contents are the same ones.
    a, b = (tmp_path / n for n in ("a.bin", "b.bin"))
    first = load(path).sha256
    content = a.read_bytes(), b.read_bytes()
    b.write_bytes(content[0])
    a.write_bytes(content[1])
    assert load(path).sha256 != first


@pytest.mark.parametrize("location", ["./w.bin", "sub/w.bin", "./sub//w.bin", "sub/../w.bin"])
def test_a_location_is_spelled_in_one_way(tmp_path, location):
    model = classifier([MATMUL], [plain()])
    file = "sub/w.bin" if location.endswith(("sub/w.bin", "sub//w.bin")) else "w.bin"
    (tmp_path / "sub").mkdir()
    move(model.graph.initializer[0], tmp_path, location, file=file)
    found = load(write(model, tmp_path))
    assert [f.location for f in found.identity.files] == ["model.onnx", file]
    assert found.identity.files[1].sha256 == sha256(tmp_path / file)


def test_two_spellings_of_one_file_are_one_file(tmp_path):
    two = [plain("a"), plain("b")]
    model = classifier([onnx.helper.make_node("Add", ["a", "b"], ["w"]), MATMUL], two)
    first, second = model.graph.initializer
    size = len(first.raw_data)
    move(second, tmp_path, "./w.bin", offset=size, file="w.bin")
    content = (tmp_path / "w.bin").read_bytes()
    refer(first, "w.bin", size, size)  # the same values again
    (tmp_path / "w.bin").write_bytes(content + b"tail")
    found = load(write(model, tmp_path))
    assert [f.to_dict() for f in found.identity.files[1:]] == [
        {"location": "w.bin", "bytes": 2 * size + 4, "sha256": sha256(tmp_path / "w.bin")}
    ]
    # Bytes that no tensor is made of count: sha256sum knows no tensors.
    flip(tmp_path / "w.bin", 8 * (2 * size + 3))
    assert load(tmp_path / "model.onnx").sha256 != found.sha256


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_tensors_that_share_bytes_or_lie_in_any_order(tmp_path, order):
    """The digest is that of the file, however tensors lie in it; values are those of the file."""
    values = np.random.default_rng(1).integers(-9, 9, 3000).astype(np.float32)
    (tmp_path / "w.bin").write_bytes(values.tobytes())
    starts = [0, 240, 2000]  # the first two overlap, then comes a gap
    tensors = []
    for k in order:
        tensor = plain(f"t{k}")
        refer(tensor, "w.bin", 4 * starts[k], 4 * WEIGHTS.size)
        tensors.append(tensor)
    total = onnx.helper.make_node("Sum", [t.name for t in tensors], ["w"])
    path = write(classifier([total, MATMUL], tensors), tmp_path)
    proto, _, identity = open_model(path)
    assert identity.files[1].sha256 == sha256(tmp_path / "w.bin")
    for k, tensor in zip(order, proto.graph.initializer, strict=True):
        expected = values[starts[k] : starts[k] + WEIGHTS.size].reshape(48, CLASSES)
        np.testing.assert_array_equal(onnx.numpy_helper.to_array(tensor), expected)


def test_large_weights_are_covered_too(tmp_path, monkeypatch):
    monkeypatch.setattr("onnxplain.graph.light.LARGE", 100)
    monkeypatch.setattr("onnxplain.graph.light.SMALL", 10)
    path = in_two_files(tmp_path)
    _, weights, before = open_model(path)
    np.testing.assert_array_equal(weights["w"], WEIGHTS)
    assert before.files[1].sha256 == sha256(tmp_path / "model.onnx.data")
    flip(tmp_path / "model.onnx.data")
    assert open_model(path)[2].sha256 != before.sha256


def test_the_onnx_file_may_be_renamed(tmp_path):
    path = in_two_files(tmp_path)
    before = load(path)
    after = load(path.rename(tmp_path / "renamed.onnx"))
    assert after.sha256 == before.sha256
    assert after.identity.files[0].location == "renamed.onnx"


def test_no_file_is_read_twice(tmp_path, monkeypatch):
    from pathlib import Path

    path = in_two_files(tmp_path)
    opened = []
    real = open

    def counting(file, *arguments, **options):
        if str(file).startswith(str(tmp_path)):
            opened.append(Path(file).name)
        return real(file, *arguments, **options)

    monkeypatch.setattr("builtins.open", counting)
    open_model(path)
    assert sorted(opened) == ["model.onnx", "model.onnx.data"]


@pytest.mark.parametrize("replace", [True, False], ids=["replaced", "written into"])
def test_a_file_that_changes_while_it_is_read_is_one_line(tmp_path, monkeypatch, replace):
    from onnxplain.graph.hashed import HashedFile

    path = in_two_files(tmp_path)
    data = tmp_path / "model.onnx.data"
    content = data.read_bytes()
    real = HashedFile.read

    def read(self, offset, length):
        found = real(self, offset, length)
        if length == len(content):
            if replace:
                (tmp_path / "new").write_bytes(content)
                os.replace(tmp_path / "new", data)
            else:
                os.utime(data, ns=(0, 0))
        return found

    monkeypatch.setattr(HashedFile, "read", read)
    with pytest.raises(ModelFileError, match=r"model\.onnx\.data.*changed while") as caught:
        open_model(path)
    assert "\n" not in str(caught.value)


def test_an_onnx_file_that_changes_meanwhile_is_one_line(tmp_path, monkeypatch):
    path = in_two_files(tmp_path)
    from onnxplain.graph import load as module

    real = module.read_external_data

    def read(model, path):
        os.utime(path, ns=(0, 0))
        return real(model, path)

    monkeypatch.setattr(module, "read_external_data", read)
    with pytest.raises(
        ModelFileError, match=r"'model\.onnx' changed while the model was being read"
    ):
        open_model(path)


def test_what_changed_since_is_named(tmp_path):
    identity = load(in_two_files(tmp_path)).identity
    assert identity.changed == []
    flip(tmp_path / "model.onnx.data")
    os.utime(tmp_path / "model.onnx.data", ns=(0, 0))
    assert identity.changed == ["model.onnx.data"]
    (tmp_path / "model.onnx").unlink()
    assert identity.changed == ["model.onnx", "model.onnx.data"]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"location": "absent.bin"}, "missing"),
        ({"location": ""}, "leaves the folder"),
        ({"location": "."}, "missing"),
        ({"location": "../w.bin"}, "leaves the folder"),
        ({"location": "sub/../../w.bin"}, "leaves the folder"),
        ({"location": "/etc/passwd"}, "leaves the folder"),
        ({"location": "link.bin"}, "leaves the folder"),
        ({"location": "n\0ul"}, "cannot be read|missing"),
        ({"location": "n" * 5000}, "cannot be read|missing"),
        ({"location": "w.bin", "length": "100000"}, "truncated"),
        ({"location": "w.bin", "offset": "1900", "length": "100"}, "truncated"),
        ({"location": "w.bin", "offset": "9" * 30}, "truncated"),
        ({"location": "w.bin", "offset": "-1"}, "damaged"),
        ({"location": "w.bin", "length": "many"}, "damaged"),
    ],
)
@pytest.mark.parametrize("kind", ["initializer", "sparse initializer", "constant"])
def test_entries_that_lead_nowhere_are_one_line(tmp_path, kind, entry, said):
    folder = tmp_path / "model"
    folder.mkdir()
    for path in (tmp_path / "w.bin", folder / "w.bin"):
        path.write_bytes(WEIGHTS.tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "w.bin")
    build, tensors = KINDS[kind]
    model = build()
    tensor = tensors(model)[0]
    refer(tensor, "", 0, 0)
    del tensor.external_data[:]
    for key, value in entry.items():
        tensor.external_data.add(key=key, value=value)
    with pytest.raises(ModelFileError, match=said) as caught:
        open_model(write(model, folder))
    assert "\n" not in str(caught.value)


def test_a_model_in_memory_has_the_digest_of_its_file(tmp_path):
    model = classifier([MATMUL], [plain()])
    onnx.save(model, tmp_path / "saved.onnx")
    found = load(model)
    assert found.sha256 == sha256(tmp_path / "saved.onnx")
    assert found.identity.files == ()
    weights = WEIGHTS.copy()
    weights[0, 0] += 1
    model.graph.initializer[0].raw_data = weights.tobytes()
    assert load(model).sha256 != found.sha256
    assert load(model).with_graph(load(model).network.graph).sha256 == ""


def test_a_model_in_memory_without_its_weights_is_refused(tmp_path, monkeypatch):
    path = in_two_files(tmp_path)
    monkeypatch.chdir(tmp_path)  # where ONNX would look for them
    with pytest.raises(ModelFileError, match="lacks the values of tensor 'w'"):
        load(onnx.load(path, load_external_data=False))
    assert load(onnx.load(path)).sha256


def test_digests_of_what_was_written_down_before():
    assert digests("a", []) == {"model": "a"}
    files = [{"location": "m.onnx", "sha256": "b"}, {"location": "w", "sha256": "c"}]
    assert digests("a", files) == {"model": "b", "weights file 'w'": "c"}
    assert differing(digests("b", []), digests("a", files)) == ["weights file 'w'"]


def test_the_default_export_of_pytorch(tmp_path):
    import torch

    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.Flatten(), torch.nn.Linear(16, 10))
    path = tmp_path / "model.onnx"
    torch.onnx.export(net.eval(), (torch.zeros(1, 3, 4, 4),), path, dynamo=True)
    data = tmp_path / "model.onnx.data"
    assert data.exists()
    before = load(path)
    assert [f.location for f in before.identity.files] == ["model.onnx", "model.onnx.data"]
    flip(data)
    assert load(path).sha256 != before.sha256
