"""What a record says of model and questions, of this version and of earlier ones."""

import pytest

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.records.about import DataEntry, ModelEntry, QuestionsEntry, RecipeEntry
from onnxplain.audit.records.plain import build, plain
from onnxplain.errors import UsageError
from onnxplain.inputs.preprocess import Preprocess
from tests.report.conftest import made_record

RECIPE = Preprocess("made", "NCHW", (8, 8))
MODEL = made_record([], RECIPE)["model"]


def test_a_model_of_one_file_and_of_several():
    old = build(ModelEntry, MODEL)
    assert (old.files, old.task, dict(old.bound)) == (None, None, {})
    assert old.digests == {"model": MODEL["sha256"]}
    files = [{"location": name, "bytes": 1, "sha256": digit * 64}
             for name, digit in (("m.onnx", "1"), ("m.onnx.data", "2"))]  # fmt: skip
    new = build(ModelEntry, {**MODEL, "files": files})
    assert list(new.digests.values()) == ["1" * 64, "2" * 64]
    assert plain(new) == {**MODEL, "files": files}


def test_data_of_one_source_and_of_many():
    known = {"pictures": 9, "examined": 9, "with_mask": 0, "sha256": "0" * 64}
    one = build(DataEntry, {**known, "source": "photos"})
    assert (one.sources, one.described) == (["photos"], "photos")
    names = [f"{k}.png" for k in range(9)]
    many = build(DataEntry, {**known, "source": names})
    assert many.sources == names
    assert many.described == "0.png, 1.png, 2.png, 3.png, 4.png and 4 more"
    assert plain(many) == {**known, "source": names}


def test_the_recipe_is_the_one_that_was_written_down():
    entry = build(RecipeEntry, {"sha256": RECIPE.sha256, **RECIPE.to_dict()})
    assert entry.recipe == RECIPE
    assert plain(entry) == {"sha256": RECIPE.sha256, **RECIPE.to_dict()}
    with pytest.raises(UsageError, match="the record's preprocess"):
        _ = RecipeEntry("0", {"name": "made"}).recipe


def test_questions_that_were_none_then():
    asked = {"methods": ["lrp"], "measures": [], "explained": "label", "seed": 3}
    entry = build(QuestionsEntry, asked)
    assert (entry.methods, entry.explained, entry.seed) == (("lrp",), "label", 3)
    assert (entry.target, entry.examples) == (None, 12)
    assert plain(entry) == asked
    # Logits alone were explained, and curves had all of their points.
    before = AuditConfig(("lrp",), (), "label", seed=3, against_others=False, curves="full")
    assert entry.config == before
    assert QuestionsEntry({**asked, "against_others": True}).config.against_others
    assert QuestionsEntry({**asked, "curves": "fitted"}).config.curves == "fitted"


def test_questions_of_another_version_are_one_line():
    with pytest.raises(UsageError, match="the record's questions: unknown 'mood'"):
        _ = QuestionsEntry({"methods": ["lrp"], "mood": 1}).config
