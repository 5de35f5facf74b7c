"""No figure without a word of what it is."""

from onnxplain.evaluate.measures import MEASURES
from onnxplain.report.words import GLOSSARY, is_own, meaning


def test_every_measure_is_explained():
    for name, measure in MEASURES.items():
        assert measure.summary in meaning(name)
        assert not is_own(name)
        if measure.better != "neither":
            assert f"{measure.better} is better" in meaning(name)


def test_what_methods_say_of_themselves_is_explained():
    for name in ("parity_error", "conservation", "completeness_gap", "warnings"):
        assert is_own(name)
        assert meaning(name)
    assert meaning("of another version") == ""


def test_the_glossary_has_the_words_of_the_report():
    assert {"sanity check", "rank correlation", "deletion", "insertion"} <= set(GLOSSARY)
