"""Running an audit: what is asked of each picture, in any order, with masks and labels."""

import shutil
from pathlib import Path

import pytest
from audit.long_runs import MODEL, without_times

import onnxplain
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import examine
from onnxplain.audit.record import write_record
from onnxplain.audit.records.plain import plain
from onnxplain.audit.run import is_complete, open_audit, run_audit, sanity_pictures
from onnxplain.audit.store import PICTURES, SANITY, TRANSPLANTS
from onnxplain.errors import UsageError
from onnxplain.inputs.dataset import Sample, read_dataset

CONFIG = AuditConfig(methods=("occlusion",), measures=(), sanity_pictures=1)
SOURCES = {"model": MODEL, "data": "data"}


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(MODEL, batch_size=CONFIG.batch_size)


@pytest.fixture
def samples(tmp_path):
    for path in sorted(Path("examples/digits").glob("*.png"))[:4]:
        target = tmp_path / "data" / path.stem[0] / path.name
        target.parent.mkdir(parents=True)
        shutil.copy(path, target)
    return read_dataset(tmp_path / "data")


def audit(folder, model, samples, config=CONFIG, **options):
    with open_audit(folder, model, samples, config) as audit:
        run_audit(audit, **options)
        write_record(folder / "record.json", audit, SOURCES)
        return list(audit.store.pictures()), list(audit.store.sanity())


def test_the_order_of_examination_does_not_matter(model, samples, tmp_path):
    def backwards(numbers):
        for number in sorted(numbers, reverse=True):
            yield examine(model, samples[number], CONFIG.methods, CONFIG, number)

    audit(tmp_path / "a", model, samples)
    audit(tmp_path / "b", model, samples, examiner=backwards)
    first, second = (without_times(tmp_path / name / "record.json") for name in "ab")
    assert first == second


@pytest.mark.parametrize("explained", ["label", "prediction"])
def test_which_class_is_explained(model, samples, tmp_path, explained):
    wrong = Sample(samples[0].name, samples[0].path, "7")
    config = AuditConfig(methods=("occlusion",), measures=(), explained=explained,
                         sanity_pictures=0)  # fmt: skip
    pictures, _ = audit(tmp_path, model, [wrong], config)
    assert pictures[0].predicted == 0
    assert pictures[0].label == 7
    assert pictures[0].explained == (7 if explained == "label" else 0)


def test_a_picture_that_went_before_its_sanity_check_says_so(model, samples, tmp_path):
    def examiner(numbers):
        for number in numbers:
            yield examine(model, samples[number], CONFIG.methods, CONFIG, number)
            samples[number].path.unlink()

    _, sanity = audit(tmp_path, model, samples, examiner=examiner)
    assert "no image file at" in sanity[0].problem
    assert sanity[0].methods == {}


def test_complete_is_only_what_is_done(model, samples, tmp_path):
    with open_audit(tmp_path, model, samples, CONFIG) as audit:
        assert not is_complete(audit)
        for number in range(len(samples)):
            found, maps = audit.examine(number)
            audit.store.add(PICTURES, number, plain(found), maps)
        assert not is_complete(audit)  # sanity is missing
        audit.store.add(SANITY, sanity_pictures(audit)[0].number, {})
        assert not is_complete(audit)  # places have not been tried
        run_audit(audit)
        assert is_complete(audit)


def test_places_are_tried_once(model, samples, tmp_path):
    def tried(store):
        return dict(store.results(TRANSPLANTS))

    with open_audit(tmp_path, model, samples, CONFIG) as audit:
        store = audit.store
        run_audit(audit)
        assert tried(store) == {0: {"transplants": []}}  # of one picture of each class: none
        store.add(TRANSPLANTS, 0, {"transplants": ["of a run that was stopped behind them"]})
        kept = tried(store)
        run_audit(audit)
        assert tried(store) == kept


def test_results_of_other_versions_are_not_mixed_in(model, samples, tmp_path, monkeypatch):
    audit(tmp_path, model, samples[:1])
    monkeypatch.setattr("onnxplain.audit.run.versions", lambda: {"numpy": "0.1"})
    with pytest.raises(UsageError, match="not the same versions"):
        audit(tmp_path, model, samples[:1])
