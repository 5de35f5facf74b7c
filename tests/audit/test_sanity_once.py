"""Networks that lose their weights are opened once in an audit, and judge as if opened alone."""

from onnxplain.audit.config import AuditConfig
from onnxplain.audit.examine import examine_sanity
from onnxplain.audit.run import open_audit, run_audit
from onnxplain.evaluate import randomise
from onnxplain.evaluate.sanity import randomisation_check
from onnxplain.inputs.dataset import read_dataset
from onnxplain.model.load import load

MODEL = "models/digits-gap.onnx"
CONFIG = AuditConfig(methods=("grad-cam", "lrp"), measures=(), sanity_pictures=3)
SAMPLES = read_dataset("examples/digits")[:3]


def test_they_are_opened_once_and_say_the_same(tmp_path, monkeypatch):
    drawn, real = [], randomise.randomised

    def counted(graph, layers, seed):
        drawn.append(len(layers))
        return real(graph, layers, seed)

    monkeypatch.setattr(randomise, "randomised", counted)
    model = load(MODEL, batch_size=CONFIG.batch_size)
    with open_audit(tmp_path, model, SAMPLES, CONFIG) as audit:
        run_audit(audit)
        together = list(audit.store.sanity())
    assert len(drawn) == len(set(drawn))
    assert len(together) == 3
    once = len(drawn)
    for picture, sample in zip(together, SAMPLES, strict=True):
        alone = examine_sanity(load(MODEL), sample, CONFIG.methods, CONFIG, picture.number)
        for method, found in alone.methods.items():
            assert picture.methods[method].spearman == found.spearman
            assert picture.methods[method].other_class == found.other_class
    assert len(drawn) == 4 * once
    check = randomisation_check(load(MODEL), load(MODEL).read(SAMPLES[0].path), "lrp", None)
    assert check.layers == tuple(together[0].methods["lrp"].layers)
