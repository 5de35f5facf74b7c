"""Files of a model that changed meanwhile are named once each."""

import shutil

import onnxplain
from onnxplain.cli.changed import tell_changed


def test_only_what_changed_is_told(tmp_path, capsys):
    path = tmp_path / "net.onnx"
    shutil.copy("models/digits-softmax.onnx", path)
    model = onnxplain.load(path, preprocess="zero-one")
    tell_changed(model)
    assert capsys.readouterr().err == ""
    path.write_bytes(path.read_bytes() + b"\0")
    tell_changed(model)
    (line,) = capsys.readouterr().err.splitlines()
    assert "warning: 'net.onnx' of model 'net.onnx' changed or disappeared during the run" in line
    path.unlink()
    tell_changed(model)
    assert "changed or disappeared" in capsys.readouterr().err
