"""Curves of few points in an audit: how close, how many passes, and that `verify` repeats them."""

import copy

import pytest

import onnxplain
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import examine
from onnxplain.audit.record import read_record, write_record
from onnxplain.audit.records.plain import build
from onnxplain.audit.records.record import Record
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.audit.verify.verify import verify
from onnxplain.evaluate.built_in import flower_samples

MODEL, ROWS = "models/flowers-gap.onnx", 128
FITTED = AuditConfig(methods=("cam",), sanity_pictures=0)
EARLIER = AuditConfig(methods=("cam",), sanity_pictures=0, curves="fitted")
FULL = AuditConfig(methods=("cam",), sanity_pictures=0, curves="full")


@pytest.fixture(scope="module")
def model():
    return onnxplain.load(MODEL, batch_size=FITTED.batch_size)


@pytest.fixture(scope="module")
def samples():
    with flower_samples(count=3) as found:
        yield found


@pytest.fixture
def passed(monkeypatch):
    """Inputs that the model is asked for."""
    counts, run = [], OrtAdapter._run

    def counted(self, session, names, batch):
        counts.append(len(batch))
        return run(self, session, names, batch)

    monkeypatch.setattr(OrtAdapter, "_run", counted)
    return counts


def test_areas_are_those_of_all_points_with_fewer_passes(model, samples, passed):
    examine(model, samples[0], ("cam",), FULL)
    few_inputs = 0
    for sample in samples:
        found, inputs = [], []
        for config in (FULL, FITTED):
            passed.clear()
            found.append(examine(model, sample, ("cam",), config)[0].methods["cam"])
            inputs.append(sum(passed))
        full, few = found
        assert set(full.measures) == set(few.measures) == {"deletion", "insertion"}
        for measure, area in full.measures.items():
            assert few.measures[measure] == pytest.approx(area, abs=0.005)
            # The grid of the curves that are kept is measured.
            assert few.curves[measure] == pytest.approx(full.curves[measure], abs=1e-5)
        # Two curves, and the passes that are no part of them.
        assert inputs[0] - 2 * (ROWS + 1) < 10
        few_inputs += inputs[1]
    assert few_inputs < len(samples) * ROWS


@pytest.mark.parametrize("config", [FITTED, EARLIER, FULL])
def test_a_record_says_which_and_is_verified_so(model, samples, passed, tmp_path, config):
    with open_audit(tmp_path, model, samples[:1], config) as audit:
        run_audit(audit)
        write_record(tmp_path / "record.json", audit, {"model": MODEL, "data": "flowers"})
    record = read_record(tmp_path / "record.json").to_dict()
    assert record["questions"]["curves"] == config.curves
    ways = {"as written": record, "of an earlier version": copy.deepcopy(record)}
    del ways["of an earlier version"]["questions"]["curves"]
    inputs = {}
    for way, data in ways.items():
        passed.clear()
        found = verify(build(Record, data), model, samples[:1], 1)
        inputs[way] = sum(passed)
        curves = [c for c in found.checks if "deletion" in c.figure or "insertion" in c.figure]
        assert len(curves) == 4
        if config is FULL or way == "as written":
            assert all(check.reproduces for check in found.checks)
            assert max(check.largest for check in curves) < 1e-5
    # Earlier versions measured all points.
    assert inputs["of an earlier version"] - 2 * (ROWS + 1) in range(40)
    assert (inputs["as written"] < 2 * ROWS) == (config is not FULL)
