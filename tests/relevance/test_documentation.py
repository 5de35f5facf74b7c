"""The page about composites says what works."""

import re
from pathlib import Path

from onnxplain.relevance.composite_file import load_composite
from onnxplain.relevance.composites import NAMES
from onnxplain.relevance.rule_table import WITH_WEIGHTS, WITHOUT_WEIGHTS

PAGE = Path("docs/relevance.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_the_python_of_the_page_runs(capsys):
    space = {}
    for block in blocks("python"):
        exec(block, space)
    assert "arrives" in capsys.readouterr().out
    whole, part = (space[k].attribution for k in ("inside", "concept"))
    assert 0 < abs(part).sum() < abs(whole).sum()


def test_the_file_of_the_page_is_read(tmp_path):
    (text,) = blocks("toml")
    (tmp_path / "mine.toml").write_text(text)
    found = load_composite(tmp_path / "mine.toml")
    assert [use.rule for _, use in found.rules] == ["z-box", "gamma", "norm"]


def test_every_name_is_on_the_page():
    for name in (*NAMES, *WITH_WEIGHTS, *WITHOUT_WEIGHTS):
        assert f"`{name}`" in PAGE
