"""Signatures, checked by openssl and by a reading of the DSSE specification."""

import base64
import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from onnxplain.dossier.signature import read_private, read_public, sign, signature_problem
from onnxplain.dossier.tree import tree_bytes
from onnxplain.errors import UsageError

TREE = tree_bytes([])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_accepts_it(keys, tmp_path):
    envelope = json.loads(sign(TREE, read_private(keys[0])))
    payload = base64.b64decode(envelope["payload"])
    kind = envelope["payloadType"]
    # PAE of the DSSE protocol, version 1.
    message = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", keys[1], "-rawin", "-in",
               tmp_path / "message", "-sigfile", tmp_path / "sig"]  # fmt: skip
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if "rawin" in found.stderr:
        pytest.skip("this openssl is too old for Ed25519 on the command line")
    assert found.returncode == 0, found.stderr
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", keys[1], "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    assert envelope["signatures"][0]["keyid"] == hashlib.sha256(der).hexdigest()


def test_the_statement_is_of_the_tree(keys):
    envelope = json.loads(sign(TREE, read_private(keys[0])))
    said = json.loads(base64.b64decode(envelope["payload"]))
    assert said["_type"] == "https://in-toto.io/Statement/v1"
    digest = {"sha256": hashlib.sha256(TREE).hexdigest()}
    assert said["subject"] == [{"name": "tree.json", "digest": digest}]
    assert said["predicate"]["root"] == json.loads(TREE)["root"]


def test_every_changed_byte_of_an_envelope(keys):
    content = sign(TREE, read_private(keys[0]))
    key = read_public(keys[1])
    assert signature_problem(content, TREE, key) == ""
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        assert signature_problem(bytes(changed), TREE, key), place


def test_another_tree_and_another_key(keys):
    content = sign(TREE, read_private(keys[0]))
    assert signature_problem(content, TREE + b" ", read_public(keys[1]))
    assert signature_problem(content, TREE, read_public(keys[2]))


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"signatures": [{"sig": "?"}]}'])
def test_what_is_no_envelope(keys, content):
    assert signature_problem(content, TREE, read_public(keys[1])) == "it is not a DSSE envelope"


def test_keys_of_other_kinds(keys, tmp_path):
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    kind = (form.Encoding.PEM, form.PrivateFormat.PKCS8)
    (tmp_path / "ec.pem").write_bytes(key.private_bytes(*kind, form.NoEncryption()))
    locked = form.BestAvailableEncryption(b"secret")
    (tmp_path / "locked.pem").write_bytes(key.private_bytes(*kind, locked))
    with pytest.raises(UsageError, match="not an Ed25519 key; make one with: openssl"):
        read_private(tmp_path / "ec.pem")
    for path in (tmp_path / "locked.pem", keys[1], "README.md"):
        with pytest.raises(UsageError, match=r"PEM, PKCS #8 without a password|is above"):
            read_private(path)
    with pytest.raises(UsageError, match="a public key"):
        read_public(keys[0])


def test_without_the_library_it_says_what_to_install(keys, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(UsageError, match=r"pip install 'onnxplain\[sign\]'"):
        read_private(keys[0])
