"""One Sigmoid output is two classes everywhere: no and yes; NumPy knows what is right."""

import csv
import json

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner
from yes_no import NAMES, features_of, make_yes_no, pooled

import onnxplain
from onnxplain import Explanation
from onnxplain.audit.config import AuditConfig
from onnxplain.audit.record import read_record
from onnxplain.audit.shortcuts.transplant import mean_rise
from onnxplain.cli import main
from onnxplain.compare.compare import compare
from onnxplain.errors import UsageError
from onnxplain.evaluate.cases import Plan
from onnxplain.evaluate.filter_ablation import Ablated
from onnxplain.evaluate.run import evaluate
from onnxplain.evaluate.strong_features import strongest
from onnxplain.inputs.dataset import read_dataset


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = make_yes_no(tmp_path_factory.mktemp("yes-no"))
    assert 0.5 < found.accuracy < 1.0  # else nothing is tested
    return found


@pytest.fixture(scope="module")
def model(made):
    return onnxplain.load(made.model, labels=NAMES)


@pytest.fixture(scope="module")
def samples(made):
    return read_dataset(made.data)


def rows_of(found, measure):
    return {row.sample: row.value for row in found.rows if row.measure == measure}


def sides(logit):
    return [1 / (1 + np.exp(logit)), 1 / (1 + np.exp(-logit))]


def run(*arguments):
    found = CliRunner().invoke(main, [str(a) for a in arguments])
    assert found.exit_code == 0, found.output
    return found


def test_what_is_predicted_is_the_side_of_the_logit(model, made):
    for name, logit in made.logits.items():
        said = model.predict(made.data / name)
        assert said.winner == (logit > 0)
        assert said.logits == pytest.approx([-logit, logit], rel=0, abs=made.noise)
        assert said.unit == "probability"
        assert said.scores == pytest.approx(sides(logit), rel=0, abs=made.noise)


def test_the_default_target_is_what_is_predicted(model, made):
    for side in (False, True):
        name = next(n for n, z in made.logits.items() if (z > 0) == side)
        found = model.explain(made.data / name, "gradient")
        assert (found.target.index, found.target.name) == (side, NAMES[side])


def test_evaluate_counts_what_is_right(model, samples, made):
    plan = Plan(
        {"gradient": {}},
        ("accuracy", "accuracy-strong-only", "accuracy-without-strong"),
        controls=False,
    )
    found = evaluate(model, samples, plan)
    assert rows_of(found, "accuracy") == made.right
    # The same of pictures that are black but for the strongest pixels, by NumPy alone.
    session, (weights, bias) = pooled(), made.head
    for sample in samples:
        heatmap = model.explain(sample.path, "gradient", sample.label).heatmap()
        strong = strongest(heatmap, plan.settings.strong)
        pixels = model.read(sample.path).pixels
        for measure, kept in (
            ("accuracy-strong-only", strong),
            ("accuracy-without-strong", ~strong),
        ):
            logit = (features_of(session, np.where(kept[..., None], pixels, 0)) @ weights).item()
            right = (logit + bias > 0) == (sample.label == NAMES[1])
            assert rows_of(found, measure)[sample.name] == right


def test_the_map_of_another_class_says_nothing_and_is_refused(model, samples):
    with pytest.raises(UsageError, match="the maps of yes and no come from one score"):
        evaluate(model, samples, Plan({"gradient": {}}, ("other-class",)))


def test_an_audit_is_right_about_accuracy_and_classes(made, tmp_path):
    config = tmp_path / "audit.toml"
    config.write_text('methods = ["grad-cam", "lrp"]\nmeasures = ["deletion"]\nsanity_pictures = 1')
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps(NAMES))
    run("audit", made.model, made.data, "--config", config, "--labels", labels, "-q",
        "-o", tmp_path / "out")  # fmt: skip
    record = read_record(tmp_path / "out" / "record.json").to_dict()
    assert record["model"]["task"] == "yes-no"
    assert record["model"]["classes"] == 2
    assert record["predictions"]["accuracy"] == made.accuracy
    for entry in record["pictures"]:
        logit = made.logits[entry["name"]]
        assert entry["predicted"] == entry["explained"] == (logit > 0)
        assert entry["probability"] == pytest.approx(max(sides(logit)), rel=0, abs=made.noise)
        assert [c["index"] for c in entry["top"]] == ([1, 0] if logit > 0 else [0, 1])
    # Wrong answers are those that NumPy calls wrong, the surest first.
    wrong = {n: abs(z) for n, z in made.logits.items() if not made.right[n]}
    listed = [e["name"] for e in record["predictions"]["most_confident_errors"]]
    assert listed == sorted(wrong, key=lambda n: -wrong[n])[: AuditConfig().examples]
    assert {(c["index"], c["method"]) for c in record["classes"]} == {
        (k, m) for k in (0, 1) for m in ("grad-cam", "lrp")
    }
    assert "other_class" not in record["sanity"][0]
    page = (tmp_path / "out" / "report.html").read_text()
    assert f"{100 * made.accuracy:.1f} %" in page
    assert all(name in page for name in NAMES)


def test_occlusion_shows_where_the_answer_turns(model, made):
    met = set()
    for name, logit in made.logits.items():
        found = model.explain(
            made.data / name, "occlusion", window=64, stride=32, fill_with="black"
        )
        winners, own = found.maps["predicted_class"], int(logit > 0)
        assert found.target.index == own
        np.testing.assert_array_equal(winners == own, found.maps["score"] > 0.5)
        met.add((own, len(np.unique(winners))))
    assert {count for _, count in met} == {1, 2}, "some cover must turn the answer, and not every"


@pytest.mark.parametrize("method", ["gradient", "gradient-x-input", "lrp", "integrated-gradients"])
def test_the_maps_of_yes_and_no_are_each_others_negative(model, made, method):
    for name in list(made.logits)[:2]:
        no, yes = (model.explain(made.data / name, method, side, kind="logit") for side in NAMES)
        assert no.score == -yes.score
        assert np.any(yes.attribution)
        np.testing.assert_array_equal(no.attribution, -yes.attribution)


def test_explain_takes_both_sides_by_either_name(made, tmp_path):
    picture = made.data / next(iter(made.logits))
    labels = tmp_path / "names.txt"
    labels.write_text("\n".join(NAMES))
    for k, (extra, sides) in enumerate([([], ("no", "yes")), (["--labels", labels], NAMES)]):
        for index, side in enumerate(sides):
            out = tmp_path / f"{k}{index}"
            run("explain", made.model, picture, "-m", "gradient", "-t", side, *extra, "-o", out)
            found = Explanation.load(next(out.glob("*.npz")))
            assert (found.target.index, found.labels[index]) == (index, side)


def test_filters_are_silenced_for_both_sides(model, samples, made):
    ablated = Ablated(model)
    for index, name in enumerate(NAMES):
        own = [s for s in samples if s.label == name]
        x = np.concatenate([model.read(s.path).x for s in own])
        right = np.mean([made.right[s.name] for s in own])
        assert ablated.accuracy(x, index, []) == pytest.approx(right)
        assert ablated.accuracy(x, 1 - index, []) == pytest.approx(1 - right)


def test_files_of_opposite_answers_never_agree(model, made, samples):
    import onnx
    from onnx import numpy_helper

    proto = onnx.load(made.model)
    for tensor in proto.graph.initializer:
        if tensor.name in ("w", "b"):
            tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), tensor.name))
    other = made.model.with_name("opposite.onnx")
    onnx.save(proto, other)
    opposite = onnxplain.load(other, labels=NAMES, preprocess=model.preprocess)
    found = compare([model, opposite], samples[:4], {"gradient": {}})
    assert [p.same_prediction for p in found.pairs] == [False] * 4
    same = compare([model, model], samples[:4], {"gradient": {}})
    assert [p.same_prediction for p in same.pairs] == [True] * 4
    assert [p.score_difference for p in same.pairs] == [0.0] * 4


def test_what_a_place_is_worth_for_no_it_costs_for_yes(model, made, samples):
    donors, hosts = ([s for s in samples if s.label == name] for name in NAMES)
    box = (0.25, 0.25, 0.75, 0.75)
    no, yes = (mean_rise(model, index, box, donors, hosts) for index in (0, 1))
    assert no == pytest.approx(-yes)
    assert abs(yes) > 0.01
    # One host by hand, with ONNX Runtime alone.
    session = onnxruntime.InferenceSession(made.model)
    inside = (slice(None), slice(None), slice(32, 96), slice(32, 96))
    changed = []
    for source in (donors[0], hosts[1]):
        x = model.read(hosts[0].path).x.copy()
        x[inside] = model.read(source.path).x[inside]
        changed.append(float(session.run(None, {"image": x})[0].item()))
    found = mean_rise(model, 1, box, donors[:1], hosts[:2])
    x = model.read(hosts[1].path).x.copy()
    both = []
    for source in (donors[0], hosts[0]):
        y = x.copy()
        y[inside] = model.read(source.path).x[inside]
        both.append(float(session.run(None, {"image": y})[0].item()))
    assert found == pytest.approx(
        np.mean([changed[0] - changed[1], both[0] - both[1]]), abs=made.noise
    )


def test_a_folder_whose_name_is_neither_side_is_refused_in_one_line(made, tmp_path):
    table = tmp_path / "labels.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows(
            [["file", "label"], *[[made.data / n, "root"] for n in made.logits]]
        )
    found = CliRunner().invoke(
        main, ["evaluate", str(made.model), str(table), "-m", "gradient", "-o", str(tmp_path / "o")]
    )
    assert found.exit_code == 2
    assert "unknown class 'root'" in found.stderr
    assert "Traceback" not in found.stderr
