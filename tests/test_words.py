"""Sentences that people read keep to docs/guides/style.md."""

import re

import pytest

from onnxplain.methods import registered
from tests.words import BANNED, ROOT, found_in, messages, pages, prose, templates


@pytest.mark.parametrize(
    "page", [*pages(), *templates()], ids=lambda page: str(page.relative_to(ROOT))
)
def test_pages(page):
    found = [f"{k}: {said}" for k, line in enumerate(prose(page), 1) for said in found_in(line)]
    assert found == []


def test_messages_and_help():
    found = [
        f"{path.relative_to(ROOT)}:{line}: {said}"
        for path in sorted((ROOT / "onnxplain").rglob("*.py"))
        for line, text in messages(path)
        for said in found_in(text)
    ]
    assert found == []


@pytest.mark.parametrize("name", registered())
def test_cards(name):
    card = registered()[name]
    for text in (card.summary, card.meaning, card.failures, card.promises):
        assert found_in(text) == []


def test_each_pattern_finds_something():
    """Examples that each of them must find, so that none is mistyped."""
    examples = [
        "0 threads are not possible; it must be 1 or more", "are answered rightly",
        "Tests that need minutes", "where it really works", "explains behind that",
        "behind the name", "layers behind attention", "a habit from a chance",
        "Fit what stands in a window usually", "make it the class when copied",
        "the logit in front of a Softmax", "that is no option", "It is to be noted that",
        "Obviously", "simply call", "leverages", "seamlessly", "goes on from here",
        "The numbers stand in the table", "What speaks for it", "It runs in a process of its own",
        "it needs more memory than there is", "the steps stand in record.json",
        "no word about preprocessing", "changed or went meanwhile",
        "but for two times of a loaded machine",
    ]  # fmt: skip
    assert len(examples) == len(BANNED)
    for pattern in BANNED:
        assert any(re.search(pattern, text, re.IGNORECASE) for text in examples), pattern
    assert found_in("There is no such file, it is no longer there, and no evidence is lost.") == []
