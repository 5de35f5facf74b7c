"""An audit of a detector as a whole: sums, suspects, and the record that holds them."""

import json

import pytest
from audit.boxes.drawn import CONFIG, audited, barred, model

from models.build.scenes import STAR
from onnxplain.audit.boxes.sums import count_again
from onnxplain.audit.run import open_store
from onnxplain.audit.verify.recorded import Recorded
from onnxplain.errors import UsageError
from onnxplain.evaluate.boxes.count import Count
from onnxplain.evaluate.boxes.truth import truth_of
from onnxplain.evaluate.cases import Plan


def test_sums_are_those_of_an_evaluation():
    record, samples, truth, _ = audited("scenes-detector")
    count = Count(model("scenes-detector"), truth)
    for sample in samples:
        list(count.looks(sample, Plan({}, ())))
    assert record.boxes.to_dict() == count.score().to_dict()
    assert (record.boxes.pictures, record.boxes.empty) == (8, 1)
    assert not record.failures


def test_a_record_can_be_counted_again_and_lies_show():
    record, *_ = audited("scenes-detector")
    results = Recorded(record)
    assert count_again(results, record.boxes).to_dict() == record.boxes.to_dict()
    hits = sum(b.verdict == "hit" for p in record.pictures for b in p.boxes)
    assert sum(c.hits for c in record.boxes.classes) == hits > 10


@pytest.mark.parametrize("stem", ["scenes-shortcut", "scenes-detector"])
def test_the_planted_shortcut_is_found_and_no_other(stem):
    record, *_ = audited(stem)
    found = [(s.index, s.kind) for s in record.suspects]
    assert found == ([(STAR, "beside the object")] if stem == "scenes-shortcut" else [])
    for suspect in record.suspects:
        assert suspect.strength > 0.8
        assert suspect.recurs > 0.8
        assert set(suspect.where.split(" or ")) <= {"below", "right"}


def test_weak_boxes_and_times_stay_out_of_the_record():
    _, _, _, folder = audited("scenes-detector")
    data = json.loads((folder / "record.json").read_text())
    assert not {"weighed", "seconds"} & set(data["pictures"][0])
    assert data["data"]["boxes"] == "drawn"
    assert data["data"]["with_mask"] == 7


def test_other_annotations_are_another_audit():
    _, samples, truth, folder = audited("scenes-detector")
    fewer = [*samples[:-1], samples[0]]
    for changed, of in ((samples, None), (fewer, truth)):
        with pytest.raises(UsageError, match="holds the results of another audit"):
            open_store(folder, model("scenes-detector"), changed, CONFIG, of)
    again = truth_of(barred(), model("scenes-detector").task)
    open_store(folder, model("scenes-detector"), samples, CONFIG, again).__exit__(None, None, None)
