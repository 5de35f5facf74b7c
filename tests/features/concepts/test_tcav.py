"""Concept tests: a planted concept is found, random ones are not, scores by transcription."""

import numpy as np
import pytest
import scipy
from features.small import opened
from PIL import Image

from onnxplain.errors import NoSlopeError, UsageError
from onnxplain.features.archive import read_archive
from onnxplain.features.concepts.examples import examples_of
from onnxplain.features.concepts.tcav import mean_against_others, one_of_p, t_test, tcav
from onnxplain.inputs.dataset import Sample

# Class a reads what is red, class b what is green; class c reads nothing. Six channels distract.
BODY = """
    a = Conv(image, k, t) d = Relu(a) g = GlobalAveragePool(d) f = Flatten(g) m = MatMul(f, w)
    scores = Add(m, b)
"""
RNG = np.random.default_rng(5)
COLORS = np.concatenate([[[1, -0.5, -0.5], [-0.5, 1, -0.5]], RNG.normal(size=(6, 3)) / 2])
WEIGHTS = np.zeros((8, 3), np.float32)
WEIGHTS[0, 0] = WEIGHTS[1, 1] = 1


@pytest.fixture(scope="module")
def model():
    return opened(
        BODY, labels=("a", "b", "c"), precision="double", w=WEIGHTS,
        k=COLORS[:, :, None, None].astype(np.float32), t=np.full(8, -20, np.float32),
        b=np.array([0, 0, 1], np.float32),
    )  # fmt: skip


def drawn(folder, count, seed, paint=None):
    """Noisy pictures with a square of some colour, or of the paint."""
    rng = np.random.default_rng(seed)
    samples = []
    folder.mkdir()
    for k in range(count):
        pixels = rng.integers(60, 190, (12, 12, 3))
        row, column = rng.integers(0, 6, 2)
        color = rng.integers(0, 256, 3) if paint is None else paint
        pixels[row : row + 6, column : column + 6] = color
        path = folder / f"{k:02d}.png"
        Image.fromarray(pixels.astype(np.uint8)).save(path)
        samples.append(Sample(path.name, path))
    return samples


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("concepts")
    return {
        "red": drawn(folder / "red", 12, 1, (250, 40, 40)),
        "nothing": drawn(folder / "nothing", 12, 2),
        "random": drawn(folder / "random", 120, 3),
        "pictures": drawn(folder / "pictures", 15, 4),
    }


@pytest.fixture(scope="module")
def found(model, sets):
    target, pictures = examples_of(model, sets["pictures"], "a")
    concepts = {name: sets[name] for name in ("red", "nothing")}
    return tcav(model, concepts, sets["random"], {target: pictures}, "d")


def test_a_planted_concept_is_found_and_random_pictures_are_not(found):
    red, nothing = found.tests
    assert red.matters()
    assert red.sensitivity > 0.1 > abs(nothing.sensitivity)
    assert (red.scores == 1).all()
    assert red.accuracy > 0.8
    assert not nothing.matters()
    assert found.record["settings"]["runs"] == 10
    assert red.corrected_p == min(1, 2 * red.p)


def test_a_class_that_reads_another_colour_is_opposed_or_left_alone(model, sets):
    aims = dict(examples_of(model, sets["pictures"], name) for name in ("a", "b"))
    tests = tcav(model, {"red": sets["red"]}, sets["random"], aims, "d", places="mean").tests
    strong = {t.target.name: t.sensitivity for t in tests}
    assert strong["a"] > 0.3 > strong["b"]


def test_scores_by_transcription(model, sets):
    """Slopes by hand (the head is a matrix), directions by scikit-learn, runs as they are told."""
    from sklearn.linear_model import LogisticRegression

    target, pictures = examples_of(model, sets["pictures"], "a")
    found = tcav(
        model, {"red": sets["red"]}, sets["random"], {target: pictures}, "f", runs=5, seed=7
    )
    x = {n: np.concatenate([model.read(s.path).x for s in own]) for n, own in sets.items()}
    ort = model.network.ort
    f = {n: ort.activations(v, ["f"])["f"].astype(np.float64) for n, v in x.items()}
    slope = WEIGHTS[:, 0].astype(np.float64) - WEIGHTS[:, 1:].mean(axis=1)
    rng = np.random.default_rng(7)
    parts = f["random"][rng.permutation(120)[:60].reshape(5, 12)]
    own = [f["red"][rng.permutation(12)[:12]] for _ in range(5)]
    for k in range(5):
        held = np.zeros(24, bool)
        for start in (0, 12):
            held[start + rng.permutation(12)[:4]] = True
        vectors, positive = np.concatenate([own[k], parts[k]])[~held], np.arange(24)[~held] < 12
        centre = vectors.mean(axis=0)
        scale = np.sqrt(((vectors - centre) ** 2).sum(axis=1).mean())
        fitted = LogisticRegression(C=1 / (0.01 * 16), tol=1e-13, max_iter=10000)
        fitted.fit((vectors - centre) / scale, positive)
        direction = fitted.coef_[0] / np.linalg.norm(fitted.coef_[0])
        assert found.tests[0].scores[k] == float(direction @ slope > 0)
    assert np.sign(found.tests[0].sensitivity) == np.sign(np.mean(found.tests[0].scores) - 0.5)


def test_t_tests_by_hand(rng):
    one, other = rng.normal(size=6), rng.normal(size=4) + 1
    wanted = scipy.stats.ttest_ind(one, other, equal_var=False).pvalue
    assert t_test(one, other) == pytest.approx(wanted)
    assert t_test(np.ones(3), np.ones(4)) == 1
    assert t_test(np.ones(3), np.zeros(4)) == 0
    assert one_of_p(0.0, np.zeros(5)) == 1
    assert one_of_p(0.1, np.zeros(5)) == 0
    values = rng.normal(size=5)
    wanted = 2 * scipy.stats.t.sf(2 / np.sqrt((values**2).sum() / 4 * 6 / 5), 4)
    assert one_of_p(-2.0, values) == pytest.approx(wanted)


def test_pairs_are_turned_round():
    found = mean_against_others({(1, 0): 1.0, (2, 0): 2.0, (2, 1): 5.0}, 3)
    np.testing.assert_allclose(found, [-1.5, -2.0, 3.5])


@pytest.mark.slow
def test_random_pictures_are_found_as_rarely_as_the_level_says():
    """Of vectors: a twentieth of all random concepts, and planted ones mostly."""
    from onnxplain.features.concepts.tcav import _Fit

    def p_of(seed, planted):
        rng = np.random.default_rng(seed)
        base = rng.normal(size=(30, 30)) * np.exp(-np.arange(30) / 10)
        sets = rng.normal(size=(11, 15, 30)) @ base
        slope = rng.normal(size=30)
        seen = base.T @ base @ slope
        sets[0] += planted * seen / np.sqrt(slope @ seen)
        fit = _Fit([slope + rng.normal(size=(20, 30)) / 2], 0.01, rng)
        strength = np.mean([fit(sets[0], sets[k]).sensitivities[0] for k in range(1, 11)])
        pairs = [(i, j) for i in range(10) for j in range(i)]
        against = {(i, j): fit(sets[i + 1], sets[j + 1]).sensitivities[0] for i, j in pairs}
        return one_of_p(strength, mean_against_others(against, 10))

    random, planted = ([p_of(k, size) < 0.05 for k in range(60)] for size in (0.0, 1.5))
    assert np.mean(random) < 0.12
    assert np.mean(planted) > 0.5


def test_saved_and_read(found, tmp_path):
    found.save(tmp_path / "x.npz")
    record, arrays = read_archive(tmp_path / "x.npz", "concept tests")
    assert [t["concept"] for t in record["tests"]] == ["red", "nothing"]
    assert arrays["scores"].shape == (2, 10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"random": 30}, "the random set has 30 pictures; TCAV needs 60 or more"),
        ({"red": 3}, "concept 'red' has 3 pictures; TCAV needs 6 or more"),
        ({"size": 20}, "concept 'red' has 12 pictures; TCAV needs 20 or more"),
        ({"runs": 2}, "5 or more runs"),
    ],
)
def test_too_few_pictures_are_refused(model, sets, change, message):
    target, pictures = examples_of(model, sets["pictures"], "a")
    options = {k: v for k, v in change.items() if k in ("size", "runs")}
    red, random = (sets[n][: change.get(n)] for n in ("red", "random"))
    with pytest.raises(UsageError, match=message):
        tcav(model, {"red": red}, random, {target: pictures}, "f", **options)


def test_a_layer_that_the_score_does_not_read_is_refused(sets):
    idle = opened(
        BODY, labels=("a", "b", "c"), w=np.zeros((8, 3), np.float32),
        k=COLORS[:, :, None, None].astype(np.float32), t=np.full(8, -20, np.float32),
        b=np.array([0, 0, 1], np.float32),
    )  # fmt: skip
    target, pictures = examples_of(idle, sets["pictures"], "a")
    with pytest.raises(NoSlopeError, match="gradient is zero at layer 'f'"):
        tcav(
            idle, {"red": sets["red"]}, sets["random"], {target: pictures}, "f",
            allow_mismatch=True,
        )  # fmt: skip
