"""Two small dossiers, one of them signed, and the verifier that shares no code."""

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from onnxplain.cli import main

ROOT = Path(__file__).parents[2]
MODEL, DATA = "models/digits-gap.onnx", "examples/digits"


def run(*words):
    return CliRunner().invoke(main, [str(w) for w in words])


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """Private and public key file, and the public key of somebody else."""
    ed25519 = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ed25519")
    from cryptography.hazmat.primitives import serialization as form

    folder = tmp_path_factory.mktemp("keys")
    keys = [ed25519.Ed25519PrivateKey.generate() for _ in range(2)]
    kind = (form.PrivateFormat.PKCS8, form.NoEncryption())
    (folder / "private.pem").write_bytes(keys[0].private_bytes(form.Encoding.PEM, *kind))
    for name, key in zip(("public.pem", "other.pem"), keys, strict=True):
        public = form.PublicFormat.SubjectPublicKeyInfo
        (folder / name).write_bytes(key.public_key().public_bytes(form.Encoding.PEM, public))
    return folder / "private.pem", folder / "public.pem", folder / "other.pem"


@pytest.fixture(scope="session")
def audited(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audited")
    config = folder / "audit.toml"
    config.write_text('methods = ["grad-cam"]\nmeasures = []\nsanity_pictures = 0\n')
    out = folder / "out"
    found = run("audit", MODEL, DATA, "--config", config, "-o", out, "--limit", 3)
    assert found.exit_code == 0, found.stderr
    return out


@pytest.fixture(scope="session")
def make(audited):
    def call(folder, *more):
        given = ("--model", MODEL, "--data", DATA)
        return run("dossier", audited, "-o", folder, *given, "--quiet", *more)

    return call


@pytest.fixture(scope="session")
def unsigned_once(make, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unsigned") / "dossier"
    found = make(folder)
    assert found.exit_code == 0, found.stderr
    return folder


@pytest.fixture(scope="session")
def signed_once(make, keys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signed") / "dossier"
    found = make(folder, "--key", keys[0], "--prepared-by", "A. Person", "--use", "digits")
    assert found.exit_code == 0, found.stderr
    return folder


@pytest.fixture
def unsigned(unsigned_once, tmp_path):
    """An unsigned dossier that may be changed."""
    return Path(shutil.copytree(unsigned_once, tmp_path / "unsigned"))


@pytest.fixture
def signed(signed_once, tmp_path):
    """A signed dossier that may be changed."""
    return Path(shutil.copytree(signed_once, tmp_path / "signed"))


@pytest.fixture(scope="session")
def verifier():
    """The verifier as a module of its own."""
    path = ROOT / "onnxplain/data/verify_dossier.py"
    spec = importlib.util.spec_from_file_location("verify_dossier", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # as an import does; `figures` looks there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def repeater(verifier):
    """What the verifier loads to repeat figures, with its errors."""
    return verifier.figures()


@pytest.fixture(scope="session")
def occluded_once(tmp_path_factory):
    """A dossier of an audit by occlusion."""
    folder = tmp_path_factory.mktemp("occluded")
    (folder / "audit.toml").write_text(
        'methods = ["occlusion"]\nmeasures = []\nsanity_pictures = 0\n'
        "[method.occlusion]\nwindow = 7\n"
    )
    out, filed = folder / "audited", folder / "dossier"
    given = ("--config", folder / "audit.toml", "-o", out, "--limit", 2)
    found = run("audit", MODEL, DATA, *given)
    assert found.exit_code == 0, found.stderr
    made = run("dossier", out, "-o", filed, "--model", MODEL, "--data", DATA, "--quiet")
    assert made.exit_code == 0, made.stderr
    return filed


@pytest.fixture
def occluded(occluded_once, tmp_path):
    """That dossier, to be changed."""
    return Path(shutil.copytree(occluded_once, tmp_path / "occluded"))


@pytest.fixture
def both(verifier, capsys):
    """What each verifier says of a dossier: (exit code, text), without running the model."""

    def call(folder, *key):
        told = ("--key", key[0]) if key else ()
        capsys.readouterr()
        theirs = verifier.main([str(w) for w in (folder, "--tree-only", *told)])
        said = capsys.readouterr().out
        ours = run("verify", folder, *told)
        return (ours.exit_code, ours.output), (theirs, said)

    return call
