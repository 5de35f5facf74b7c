"""XML from strangers: no document types, no entities, nothing without bound."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.annotations.safe_xml import read_xml

LAUGHS = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "ha"><!ENTITY y "&x;&x;&x;&x;">]>
<a>&y;</a>"""
OUTSIDE = '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'


def write(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_tree(tmp_path):
    found = read_xml(write(tmp_path, "<a x='1'><b> one </b><c><b>two</b></c><b>&lt;3</b></a>"))
    assert found.tag == "a"
    assert found.said("b") == "one"
    assert [e.text for e in found.all("b")] == [" one ", "<3"]
    assert found.all("c")[0].said("b") == "two"
    assert found.said("d") == ""


@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE, "<!DOCTYPE a><a/>"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_document_types_are_refused_in_any_encoding(tmp_path, text, encoding):
    with pytest.raises(ValueError, match="document type"):
        read_xml(write(tmp_path, text.removeprefix('<?xml version="1.0"?>'), encoding))


def test_an_unknown_entity_is_no_xml(tmp_path):
    with pytest.raises(ValueError, match="not XML"):
        read_xml(write(tmp_path, "<a>&x;</a>"))


def test_bounds(tmp_path):
    with pytest.raises(ValueError, match="nested too deep"):
        read_xml(write(tmp_path, "<a>" * 30 + "</a>" * 30))
    with pytest.raises(ValueError, match="too many elements"):
        read_xml(write(tmp_path, "<a>" + "<b/>" * 200_001 + "</a>"))
    with pytest.raises(UsageError, match="above 5,000,000 bytes"):
        read_xml(write(tmp_path, "<a>" + " " * 5_000_000 + "</a>"))
