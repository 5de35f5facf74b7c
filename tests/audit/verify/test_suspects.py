"""A suspected place is verified: what its mean map has there, and what it does elsewhere."""

import copy

import pytest
from audit.shortcuts.test_transplant import drawn, opened, sees

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.audit.verify.suspects import rises, strengths
from onnxplain.audit.verify.verify import verify

CONFIG = AuditConfig(methods=("occlusion",), measures=(), sanity_pictures=0, batch_size=4,
                     method={"occlusion": {"window": 2}})  # fmt: skip


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    """Record, model and data of a network that calls everything 1 whose corner is bright."""
    folder = tmp_path_factory.mktemp("audit")
    everywhere, corner = slice(0, 8), slice(0, 2)
    weights = sees(corner, corner, 3.5) + sees(everywhere, everywhere, -0.5)
    model = opened(folder / "model.onnx", weights)
    samples = drawn(folder, 6, bright=True) + drawn(folder, 7, bright=False)
    sources = {"model": str(folder / "model.onnx"), "data": str(folder)}
    with open_audit(folder, model, samples, CONFIG) as audit:
        run_audit(audit)
        write_record(folder / "record.json", audit, sources)
    return read_record(folder / "record.json").to_dict(), model, samples


@pytest.mark.parametrize(("count", "whole"), [(3, False), (13, True)])
def test_it_reproduces(audited, count, whole):
    record, model, samples = audited
    assert [(s["index"], s["kind"]) for s in record["suspects"]] == [(1, "fixed place")]
    found = verify(build(Record, record), model, samples, count)
    assert [c.figure for c in found.checks if not c.reproduces] == []
    by_figure = {c.figure: c for c in found.checks}
    assert by_figure["suspects by place: tried again"].compared == 6
    assert by_figure["suspects by place: tried again"].largest == 0.0
    assert by_figure["suspects by place (from mean maps)"].compared == 3
    assert ("suspects" in by_figure) == whole == (not found.not_checked)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda s: s.update(strength=s["strength"] + 0.1), "suspects[0].strength"),
        (lambda s: s.update(count=9), "suspects[0].count"),
        (lambda s: s.update(method="lrp"), "the class of suspects[0]"),
        (lambda s: s.update(box=[0.5, 0.5, 0.75, 0.75]), "suspects[0].strength"),
        (lambda s: s.update(box=[0.5, 0.5, 0.5, 0.5]), "suspects[0].strength"),
    ],
)
def test_what_does_not_fit_the_mean_map_is_named(audited, edit, where):
    record = copy.deepcopy(audited[0])
    edit(record["suspects"][0])
    found = strengths(build(Record, record))
    assert (found.differing, found.worst) == (1, where)


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda s: s["transplant"].update(rise=0.1), "suspects[0].transplant.rise"),
        (lambda s: s["transplant"].update(rise=None), "suspects[0].transplant.rise"),
        (lambda s: s["transplant"].update(same=0.2), "suspects[0].transplant.same"),
        (lambda s: s["transplant"].update(way=0.1), "suspects[0].transplant.way"),
        (lambda s: s["transplant"].update(steady=0.1), "suspects[0].transplant.steady"),
        (lambda s: s["transplant"].update(donors=[7]), "the donors of suspects[0]"),
        (lambda s: s["transplant"].update(donors=[]), "the donors of suspects[0]"),
        (lambda s: s["transplant"].update(hosts=[7, 1]), "the hosts of suspects[0]"),
        (lambda s: s["transplant"].update(hosts=[10**12]), "the hosts of suspects[0]"),
    ],
)
def test_what_the_place_does_not_do_is_named(audited, edit, where):
    record, model, samples = copy.deepcopy(audited[0]), *audited[1:]
    edit(record["suspects"][0])
    found = rises(build(Record, record), model, {s.name: s for s in samples})
    assert (found.differing, found.worst) == (1, where)


def test_a_class_that_the_model_has_not_is_no_crash(audited):
    record, model, samples = copy.deepcopy(audited[0]), *audited[1:]
    record["suspects"][0]["index"] = 10**9
    assert not rises(build(Record, record), model, {s.name: s for s in samples}).reproduces


def test_a_record_before_format_5_is_verified_for_what_it_says(audited):
    record, model, samples = copy.deepcopy(audited[0]), *audited[1:]
    record["format"] = 4
    for key in ("way", "steady", "by_content"):
        del record["suspects"][0]["transplant"][key]
    found = verify(build(Record, record), model, samples, 13)
    by_figure = {c.figure: c for c in found.checks}
    assert by_figure["suspects by place: tried again"].compared == 4
    assert "suspects" not in by_figure  # they had another definition
    assert any("has an earlier definition" in text for text in found.not_checked)


def test_a_record_of_format_1_says_nothing_of_other_classes(audited):
    record, model, samples = copy.deepcopy(audited[0]), *audited[1:]
    del record["suspects"][0]["transplant"]
    assert rises(build(Record, record), model, {s.name: s for s in samples}).compared == 0
