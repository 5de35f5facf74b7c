"""Names in YAML, in every way of writing the same list."""

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.label_yaml import names_of_yaml, says_names

NAMES = ["cat", "traffic light", "it's", "#1: best", "a, b"]
FORMS = {
    "list": """names:
  - cat  # a remark
  - traffic light
  - 'it''s'
  - "#1: best"
  - "a, b"
nc: 5
""",
    "mapping": """path: x
names:
  0: cat
  1: traffic light

  4: 'a, b'
  3: "#1: best"  # not in order
  2: it's
""",
    "flow list": """nc: 5
names: [cat, traffic light,  # a remark
        "it's", '#1: best', "a, b"]
""",
    "flow mapping": """names: {0: cat, 1: traffic light, 2: it's, 3: "#1: best", 4: 'a, b'}""",
    "other key": "classes:\n- cat\n- traffic light\n- it's\n- '#1: best'\n- a, b\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form(form):
    assert names_of_yaml(FORMS[form], "file") == NAMES


def test_where_the_key_stands():
    assert says_names("nc: 2\nnames: [a, b]")
    assert not says_names("# names: [a]\nmy_names: [a]\n  names: [a]")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nc: 3", "no key 'names' at the beginning of a line"),
        ("names: cat", "'names' is 'cat'; expected a list or a mapping"),
        ("names: [a, b", r"begins with '\[', and no '\]' ends it"),
        ("names:\n  - a\n  1: b", "'- a' below 'names' is neither"),
        ("names:\n  0: a\n  2: b", "index 1 is missing"),
        ("names: [a, ~]", "entry 1 has no name"),
    ],
)
def test_what_makes_no_sense(text, said):
    with pytest.raises(UsageError, match=said):
        names_of_yaml(text, "file")
