"""Text that comes from files is one line that every output can hold."""

import pytest

from onnxplain.text import shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a cat", "a cat"),
        ("a\ncat\x1b[31m", "a cat [31m"),
        ("caf\u00e9 \u732b", "caf\u00e9 \u732b"),
        ("\udcff.png", "\\udcff.png"),
        ("\u202egnp", " gnp"),
    ],
)
def test_what_is_shown(text, said):
    assert shown(text) == said
    shown(text).encode("utf-8")
