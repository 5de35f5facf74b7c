"""The audit's questions: read, checked, and told apart by their digest."""

from dataclasses import replace

import pytest

from onnxplain.audit.config import AuditConfig
from onnxplain.errors import UnknownNameError, UsageError

TEXT = """
methods = ["grad-cam", "occlusion"]
measures = ["deletion"]
sanity_pictures = 2
[method.occlusion]
window = 2
"""


def test_file_and_back(tmp_path):
    (tmp_path / "audit.toml").write_text(TEXT)
    found = AuditConfig.load(tmp_path / "audit.toml")
    assert found.methods == ("grad-cam", "occlusion")
    assert found.parameters("occlusion") == {"window": 2}
    assert found.parameters("grad-cam") == {}
    assert AuditConfig.from_dict(found.to_dict()) == found


def test_the_digest_follows_what_changes_the_numbers():
    base = AuditConfig()
    assert replace(base, examples=3).sha256 == base.sha256
    changes = [{"seed": 1}, {"methods": ("lrp",)}, {"measures": ()}, {"explained": "label"}]
    changes += [{"sanity_pictures": 0}, {"curves": "full"}]
    changes.append({"method": {"grad-cam": {"layer": "x"}}})
    assert len({replace(base, **c).sha256 for c in changes} - {base.sha256}) == len(changes)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method = [", "not valid TOML"),
        ("metod = 1", "unknown 'metod'; allowed: methods"),
        ("methods = []", "at least one method"),
        ("methods = 'lrp'", "must be a list of names"),
        ("explained = 'both'", "allowed: prediction, label"),
        ("seed = -1", "seed is -1"),
        ("curves = 'few'", "curves is 'few'; allowed: adaptive, fitted, full"),
        ("examples = true", "examples is True"),
        ("method = 3", r"as \[method.NAME\] tables"),
        ("[method.lrp]\nepsilon = 1", "'lrp' is not among the methods"),
    ],
)
def test_what_is_not_allowed(tmp_path, text, said):
    path = tmp_path / "audit.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        AuditConfig.load(path)
    assert "audit.toml" in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        {"methods": ["grad-cm"]},
        {"measures": ["delition"]},
        {"methods": ["occlusion"], "method": {"occlusion": {"windo": 3}}},
    ],
)
def test_unknown_names_offer_the_nearest(data):
    with pytest.raises(UsageError, match=r"audit: unknown .* nearest"):
        AuditConfig.from_dict(data)
    with pytest.raises(UnknownNameError):
        AuditConfig(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()})


def test_a_missing_file():
    with pytest.raises(UsageError, match="cannot read audit file"):
        AuditConfig.load("nowhere.toml")
