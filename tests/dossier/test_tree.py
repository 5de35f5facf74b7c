"""The hash tree, against the test vectors of Certificate Transparency."""

import hashlib

import pytest

from onnxplain.dossier.tree import digest, measured, path_problem, read_tree, root, tree_bytes
from onnxplain.errors import UsageError

# Inputs and roots of the reference implementation of RFC 6962 (merkletree tests).
INPUTS = [bytes.fromhex(h) for h in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("count", range(1, 9))
def test_roots_are_those_of_rfc_6962(count, verifier):
    assert root(INPUTS[:count]) == ROOTS[count - 1] == verifier.node(INPUTS[:count]).hex()


def test_the_root_of_nothing():
    assert root([]) == hashlib.sha256().hexdigest()


def test_read_again(tmp_path):
    (tmp_path / "b").mkdir()
    for name in ("a", "b/c", "ü", "signature.json"):
        (tmp_path / name).write_text(name)
    leaves = measured(tmp_path)
    assert [leaf.path for leaf in leaves] == ["a", "b/c", "ü"]
    (tmp_path / "tree.json").write_bytes(tree_bytes(leaves))
    assert read_tree(tmp_path) == (leaves, tree_bytes(leaves))
    assert leaves[0].line == b"%s  1  a\n" % hashlib.sha256(b"a").hexdigest().encode()


def test_a_digest_stops_above_the_size_that_is_known(tmp_path):
    (tmp_path / "long").write_bytes(bytes(3 << 20))
    assert digest(tmp_path / "long")[0] == 3 << 20
    assert digest(tmp_path / "long", 10)[0] == 1 << 20


def test_what_is_no_file(tmp_path):
    with pytest.raises(UsageError, match="not a file"):
        digest(tmp_path)
    with pytest.raises(UsageError, match="cannot be read"):
        digest(tmp_path / "none")


@pytest.mark.parametrize("path", ["a", "a/b.c", ".hidden", "a b", "..a", "ü/ü"])
def test_paths_that_stay_inside(path, verifier):
    assert path_problem(path) == ""
    assert verifier.allowed(path)


@pytest.mark.parametrize("path", ["", "/a", "../a", "a/..", "a/./b", "a//b", "a\\b", "c:a", "a\0",
                                  "a\n", "x" * 1001])  # fmt: skip
def test_paths_that_do_not(path, verifier):
    assert path_problem(path)
    assert not verifier.allowed(path)
