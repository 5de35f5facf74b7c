"""Sign the tree of a dossier: a DSSE envelope around an in-toto statement, with Ed25519."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onnxplain.dossier.tree import FORMAT, TREE
from onnxplain.errors import UsageError
from onnxplain.files import read_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

PAYLOAD_TYPE = "application/vnd.in-toto+json"
PREDICATE_TYPE = "urn:onnxplain:dossier:v1"
_MOST_KEY, MOST_ENVELOPE = 10_000, 100_000
_MAKE = "make one with: openssl genpkey -algorithm ed25519 -out key.pem"


def require_library() -> None:
    """Refuse where the library that signs is not installed.

    Raises
    ------
    UsageError
        With the command that installs it.
    """
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise UsageError(
            "signatures need the package 'cryptography', which is not installed; install it "
            "with: pip install 'onnxplain[sign]'"
        ) from None


def read_private(path: str | Path) -> Ed25519PrivateKey:
    """Read a private key: PEM, PKCS #8, Ed25519, without a password.

    Raises
    ------
    UsageError
        If it is none, or `cryptography` is not installed.
    """
    require_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = _loaded(path, lambda content: load_pem_private_key(content, None), "private")
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"the private key {str(path)!r} is not an Ed25519 key; {_MAKE}")
    return key


def read_public(path: str | Path) -> Ed25519PublicKey:
    """Read a public key: PEM, Ed25519.

    Raises
    ------
    UsageError
        If it is none, or `cryptography` is not installed.
    """
    require_library()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    key = _loaded(path, load_pem_public_key, "public")
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"the public key {str(path)!r} is not an Ed25519 key")
    return key


def _loaded(path: str | Path, load: Any, kind: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    content = read_bytes(path, f"the {kind} key", _MOST_KEY)
    try:
        return load(content)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        wanted = "PKCS #8 without a password" if kind == "private" else "a public key"
        raise UsageError(
            f"cannot read the {kind} key {str(path)!r}: it must be PEM, {wanted}, Ed25519"
            + (f"; {_MAKE}" if kind == "private" else "")
        ) from None


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Public half of a private key, as PEM."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_id(key: Ed25519PublicKey) -> str:
    """SHA-256 of the public key in DER, which ``openssl pkey -pubin -outform DER`` prints."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(der).hexdigest()


def statement(tree: bytes) -> bytes:
    """in-toto statement (version 1) of a tree file."""
    data = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": TREE, "digest": {"sha256": hashlib.sha256(tree).hexdigest()}}],
        "predicateType": PREDICATE_TYPE,
        "predicate": {"format": FORMAT, "root": json.loads(tree)["root"]},
    }
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def sign(tree: bytes, key: Ed25519PrivateKey) -> bytes:
    """Envelope that signs a tree file."""
    payload = statement(tree)
    return envelope(payload, key.sign(_encoded(payload)), key_id(key.public_key()))


def envelope(payload: bytes, signature: bytes, keyid: str) -> bytes:
    """DSSE envelope; there is one way to write it, so that any change of a byte shows."""
    data = {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": keyid, "sig": base64.b64encode(signature).decode()}],
    }
    return (json.dumps(data, indent=1, sort_keys=True) + "\n").encode()


def signature_problem(content: bytes, tree: bytes, key: Ed25519PublicKey) -> str:
    """Say what is wrong with an envelope; empty if this key signed this tree."""
    from cryptography.exceptions import InvalidSignature

    try:
        signature = base64.b64decode(json.loads(content)["signatures"][0]["sig"], validate=True)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return "it is not a DSSE envelope"
    payload = statement(tree)
    if content != envelope(payload, signature, key_id(key)):
        return "it is of another tree or another key, or was changed"
    try:
        key.verify(signature, _encoded(payload))
    except InvalidSignature:
        return "the signature is wrong"
    return ""


def _encoded(payload: bytes) -> bytes:
    """Pre-authentication encoding of DSSE version 1."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
