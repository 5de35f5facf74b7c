"""Every change of a dossier is named, by the package and by the verifier that shares no code."""

import hashlib
import json
import os
from pathlib import Path

import pytest

from onnxplain.dossier.check import check_dossier
from tests.dossier.conftest import run


def files(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def named(said, path):
    """Whether both verifiers failed, and name a path as what differs."""
    return all(code == 1 and f"{path}: " in text for code, text in said)


def test_as_it_was_written(signed, unsigned, keys, both):
    for said in (both(signed, keys[1]), both(signed), both(unsigned)):
        assert [code for code, _ in said] == [0, 0], said


def test_one_byte_of_any_file(signed, both):
    for path in files(signed):
        file = signed / path
        content = file.read_bytes()
        for place in {0, len(content) // 2, len(content) - 1}:
            changed = bytearray(content)
            changed[place] ^= 1
            file.write_bytes(changed)
            said = both(signed)
            assert named(said, path), (path, place, said)
        file.write_bytes(content + b"\n")
        assert named(both(signed), path), path
        file.write_bytes(content[:-1])
        assert named(both(signed), path), path
        file.write_bytes(content)
    assert check_dossier(signed).problems == []


def test_a_file_that_is_missing(signed, both):
    for path in files(signed):
        content = (signed / path).read_bytes()
        (signed / path).unlink()
        if path == "tree.json":
            assert check_dossier(signed).problems
        else:
            assert named(both(signed), path), path
        (signed / path).write_bytes(content)


@pytest.mark.parametrize("path", ["extra.txt", "maps/.hidden", "new/folder/file"])
def test_a_file_that_is_additional(unsigned, both, path):
    (unsigned / path).parent.mkdir(parents=True, exist_ok=True)
    (unsigned / path).write_bytes(b"")
    assert named(both(unsigned), path)


def test_a_file_that_was_renamed(unsigned, both):
    (unsigned / "report.md").rename(unsigned / "a.md")
    assert named(both(unsigned), "a.md")
    problems = check_dossier(unsigned).problems
    assert [p.partition(":")[0] for p in problems] == ["a.md", "report.md"]


def test_two_pictures_that_were_exchanged(unsigned, both):
    first, second = sorted((unsigned / "pictures").iterdir())[:2]
    one, other = first.read_bytes(), second.read_bytes()
    first.write_bytes(other)
    second.write_bytes(one)
    assert named(both(unsigned), f"pictures/{first.name}")


def test_a_signature_that_nobody_made(unsigned, signed, both):
    (unsigned / "signature.json").write_bytes((signed / "signature.json").read_bytes())
    assert named(both(unsigned), "signature.json")


def test_the_key_of_somebody_else(signed, keys, both):
    assert named(both(signed, keys[2]), "signature.json")


def test_a_key_for_a_dossier_without_signature(unsigned, keys, both):
    assert named(both(unsigned, keys[1]), "signature.json")


def seal_again(folder, change=lambda entries: None):
    """Write the tree again, with an implementation of the test's own."""
    entries = []
    for path in files(folder):
        if path not in ("tree.json", "signature.json"):
            content = (folder / path).read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            entries.append({"bytes": len(content), "path": path, "sha256": digest})
    change(entries)
    lines = [f"{e['sha256']}  {e['bytes']}  {e['path']}\n".encode() for e in entries]
    # Bottom up: equal to the recursion of RFC 6962, whose last subtree may be smaller.
    level = [hashlib.sha256(b"\0" + text).digest() for text in lines]
    while len(level) > 1:
        pairs = [level[k : k + 2] for k in range(0, len(level), 2)]
        level = [
            hashlib.sha256(b"\1" + b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs
        ]
    tree = {"files": entries, "format": 1, "root": level[0].hex()}
    text = json.dumps(tree, indent=1, sort_keys=True) + "\n"
    (folder / "tree.json").write_text(text, "utf-8", newline="\n")


def test_a_tree_of_somebody_else_is_the_same(signed):
    before = (signed / "tree.json").read_bytes()
    seal_again(signed)
    assert (signed / "tree.json").read_bytes() == before


def test_a_change_that_was_sealed_again_lacks_the_signature(signed, keys, both):
    with open(signed / "report.html", "a") as file:
        file.write("<!-- -->")
    seal_again(signed)
    assert named(both(signed, keys[1]), "signature.json")
    assert named(both(signed), "signature.json")


@pytest.mark.parametrize(
    "path", ["../outside", "/etc/hostname", "a/../../outside", "C:/x", "a\\b", "", ".", "a//b",
             "signature.json", "a\nb", 5],
)  # fmt: skip
def test_paths_that_leave_the_folder(unsigned, both, path):
    (unsigned.parent / "outside").write_bytes(b"secret")

    def lead_out(entries):
        digest = hashlib.sha256(b"secret").hexdigest()
        entries.insert(0, {"bytes": 6, "path": path, "sha256": digest})

    seal_again(unsigned, lead_out)
    assert named(both(unsigned), "tree.json")


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"[]", b"null", b'{"files": 3}', b'{"files": [[]]}', b"\xff\xfe", b"[" * 100_000,
     b'{"files": [{"path": "a", "bytes": 1e999, "sha256": 7}], "format": 1, "root": ""}'],
)  # fmt: skip
def test_trees_that_are_none(unsigned, both, content):
    (unsigned / "tree.json").write_bytes(content)
    said = both(unsigned)
    assert all(code == 1 for code, _ in said), said
    assert all("tree" in text for _, text in said)


@pytest.mark.skipif(os.name == "nt", reason="links need rights")
@pytest.mark.parametrize("path", ["report.md", "tree.json", "signature.json", "maps", "pictures"])
def test_links_are_not_followed(signed, both, path):
    moved = signed.parent / f"moved-{Path(path).name}"
    (signed / path).rename(moved)
    (signed / path).symlink_to(moved, target_is_directory=moved.is_dir())
    said = both(signed)
    assert all(code == 1 and path in text for code, text in said), said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_pipes_are_not_read(unsigned, both):
    (unsigned / "report.md").unlink()
    os.mkfifo(unsigned / "report.md")
    assert named(both(unsigned), "report.md")


def test_json_names_what_differs(unsigned):
    (unsigned / "report.md").write_text("other")
    found = run("verify", unsigned, "--json")
    assert found.exit_code == 1
    assert json.loads(found.stdout)["differing_files"] == ["report.md: its content differs"]


def test_a_key_needs_a_dossier(unsigned, keys):
    found = run("verify", unsigned / "record.json", "--key", keys[1])
    assert found.exit_code == 2
    assert "--key goes with a dossier" in found.stderr
