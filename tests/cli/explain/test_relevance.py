"""What the command line says about relevance."""

import json
import re

from click.testing import CliRunner

from onnxplain.cli import main
from onnxplain.explanations.explanation import Explanation

MODEL, DIGIT = "models/digits-gap.onnx", "examples/digits/3-10.png"


def explain(tmp_path, *options):
    arguments = ["explain", MODEL, DIGIT, "-m", "lrp", "-o", str(tmp_path), *options]
    return CliRunner().invoke(main, arguments)


def test_sums_and_leaks_are_printed(tmp_path):
    result = explain(tmp_path, "-v", "-p", "composite=epsilon-plus")
    assert result.exit_code == 0
    found = re.search(
        r"relevance by lrp of .*, epsilon-plus: (\S+) of (\S+) arrives at the input; "
        r"absorbed most: (\S+) by (\w+) ",
        result.output,
    )
    assert found
    arrived, score, absorbed = (float(found[k]) for k in (1, 2, 3))
    assert 0 < arrived < score
    assert 0 < absorbed < score
    assert found[4] in ("Conv", "Gemm")


def test_channels_of_a_tensor_are_listed(tmp_path):
    listed = explain(tmp_path, "-p", "at=/6/Relu_output_0")
    assert listed.exit_code == 0, listed.output
    assert "channels of /6/Relu_output_0 that carry most relevance" in listed.output
    rows = re.findall(r"^(\d+) +(-?[\d.e-]+) +(-?[\d.]+) %$", listed.output, re.MULTILINE)
    assert len(rows) == 8
    shares = [abs(float(r[2])) for r in rows]
    assert shares == sorted(shares, reverse=True)
    best = rows[0][0]
    through = explain(tmp_path, "-p", "at=/6/Relu_output_0", "-p", f"channels={best}")
    assert re.search(rf"^{best} .* 100\.0 %$", through.output, re.MULTILINE)


def test_the_document_holds_leaks_and_channels(tmp_path):
    found = explain(tmp_path, "-p", "at=/6/Relu_output_0", "--json")
    (record,) = json.loads(found.stdout)["images"][0]["explanations"]
    saved = Explanation.load(tmp_path / "3-10.lrp.npz")
    assert record["notes"]["leaks"] == saved.notes["leaks"]
    assert {"tensor", "operator", "absorbed"} == set(record["notes"]["leaks"][0])
    assert len(record["channels"]) == 8
    for entry in record["channels"]:
        assert entry["relevance"] == saved.maps["channels"][entry["channel"]]
    strongest = max(abs(saved.maps["channels"]))
    assert abs(record["channels"][0]["relevance"]) == strongest
    plain = explain(tmp_path, "--json")
    assert json.loads(plain.stdout)["images"][0]["explanations"][0]["channels"] == []


def test_errors_are_one_line(tmp_path):
    wrong = explain(tmp_path, "-p", "composite=absent.toml")
    assert wrong.exit_code == 2
    assert "cannot read composite" in wrong.output
    assert "Traceback" not in wrong.output
