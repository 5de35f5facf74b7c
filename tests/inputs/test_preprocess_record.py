"""Recipes as data: written, read, checked, and found beside or inside of the model."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
from graphs import SIDE, classifier
from onnx.helper import make_node as node

import onnxplain
from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.inputs.preprocess import PRESETS, Preprocess, preset


def recipe(**changes):
    return Preprocess(**{"name": "mine", "layout": "NCHW", "size": (6, 4), **changes})


class TestRecord:
    FULL = recipe(
        layout="NHWC",
        dtype="float16",
        color="BGR",
        resize="pad",
        crop_fraction=0.9,
        interpolation="lanczos",
        scale=0.5,
        mean=(1.0, 2.0, 3.0),
        std=(0.1, 0.2, 0.3),
    )

    def test_file_and_back(self, tmp_path):
        self.FULL.save(tmp_path / "p.json")
        assert Preprocess.load(tmp_path / "p.json") == self.FULL
        assert json.loads((tmp_path / "p.json").read_text())["version"] == 1

    def test_data_and_back(self):
        for name in PRESETS:
            made = preset(name, "NCHW", (6, 4))
            assert Preprocess.from_dict(json.loads(json.dumps(made.to_dict()))) == made

    def test_short_form(self):
        found = Preprocess.from_dict({"name": "p", "layout": "NCHW", "size": [6, 4]})
        assert found == recipe(name="p")

    def test_the_digest_follows_everything_but_the_name(self):
        changes = {
            "layout": "NCHW",
            "size": (6, 5),
            "color": "RGB",
            "dtype": "float32",
            "resize": "crop",
            "crop_fraction": 0.8,
            "interpolation": "box",
            "scale": 0.25,
            "mean": (1.0, 2.0, 3.5),
            "std": (0.1, 0.2, 0.4),
            "fill": (114.0,),
            "position": (0.0, 0.5),
        }
        of_others = {"resize_to", "bands", "white", "shown"}
        assert {*changes, *of_others, "name"} == {f.name for f in dataclasses.fields(Preprocess)}
        digests = {
            dataclasses.replace(self.FULL, **{key: value}).sha256 for key, value in changes.items()
        }
        assert len(digests - {self.FULL.sha256}) == len(changes)
        assert dataclasses.replace(self.FULL, name="other").sha256 == self.FULL.sha256

    def test_the_digest_of_bands(self):
        plain = recipe(color="bands")
        changed = [{"bands": (2, 1, 0)}, {"white": 4095.0}, {"resize_to": 9}, {"resize_to": (9, 9)}]
        digests = {dataclasses.replace(plain, **c).sha256 for c in changed}
        assert len(digests - {plain.sha256}) == len(changed)
        # What a person is shown changes no input.
        assert dataclasses.replace(plain, shown=(1,)).sha256 == plain.sha256

    def test_recipes_of_before_keep_their_digest(self):
        """Stored backgrounds and audits name it."""
        data = {"version": 1, "layout": "NCHW", "size": [6, 4], "color": "RGB", "dtype": "float32",
                "resize": "crop", "crop_fraction": 1.0, "interpolation": "bicubic", "scale": 1.0,
                "mean": [0.0] * 3, "std": [1.0] * 3}  # fmt: skip
        text = json.dumps(data, sort_keys=True).encode()
        assert recipe().sha256 == hashlib.sha256(text).hexdigest()

    def test_new_keys_in_a_file_and_back(self, tmp_path):
        made = recipe(
            color="bands", mean=(1.0, 2.0), std=(1.0, 2.0), resize_to=9, fill=(1.0, 2.0),
            position=(0.0, 1.0), bands=(4, 0), shown=(1,), white=4095.0,
        )  # fmt: skip
        made.save(tmp_path / "p.json")
        assert Preprocess.load(tmp_path / "p.json") == made
        short = {"name": "p", "layout": "NCHW", "size": [6, 4], "fill": 114, "resize_to": [8, 9]}
        found = Preprocess.from_dict(short)
        assert (found.fill, found.resize_to) == ((114.0,), (8, 9))

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"layout": "CHW"}, "layout is 'CHW', allowed: NCHW, NHWC"),
            ({"dtype": "complex64"}, "dtype is 'complex64', allowed"),
            ({"color": "rgb"}, "color is 'rgb', allowed: RGB, BGR, gray"),
            ({"resize": "fit"}, "resize is 'fit', allowed: crop, stretch, pad"),
            ({"interpolation": "cubic"}, "interpolation is 'cubic', allowed"),
            ({"color": "gray"}, "needs 1 values of mean and std, got 3 and 3"),
            ({"mean": (0.0,)}, "needs 3 values of mean and std, got 1 and 3"),
            ({"size": (8,)}, "is not"),
            ({"size": (8, 0)}, "is not"),
            ({"crop_fraction": 0.0}, "crop_fraction must be in"),
            ({"crop_fraction": 1.1}, "crop_fraction must be in"),
            ({"scale": 0.0}, "scale and std finite and above 0"),
            ({"scale": float("inf")}, "scale and std finite and above 0"),
            ({"std": (1.0, 0.0, 1.0)}, "scale and std finite and above 0"),
            ({"std": (1.0, float("nan"), 1.0)}, "scale and std finite and above 0"),
            ({"mean": (0.0, float("nan"), 0.0)}, "mean finite"),
            ({"resize_to": 256, "resize": "stretch"}, "resize_to goes with resize 'crop'"),
            ({"resize_to": 0}, "resize_to is 0"),
            ({"resize_to": (2, 3, 4)}, "resize_to is"),
            ({"resize_to": 8, "crop_fraction": 0.5}, "crop_fraction has no meaning"),
            ({"resize": "none", "crop_fraction": 0.5}, "crop_fraction has no meaning"),
            ({"position": (0.5, 1.5)}, "position is"),
            ({"fill": (1.0, 2.0)}, "give 1 or 3 values"),
            ({"fill": (256.0,)}, "from 0 to 255"),
            ({"bands": (0, 1, 2)}, "bands goes with color 'bands'"),
            ({"white": 4095.0}, "white goes with color 'bands'"),
            ({"color": "bands", "bands": (0, 1)}, "name 3 bands"),
            ({"color": "bands", "shown": (0, 3, 1)}, "name 1 or 3 of the 3 channels"),
            ({"color": "bands", "shown": (0, 1)}, "name 1 or 3 of the 3 channels"),
            ({"color": "bands", "white": 0.0}, "white"),
            ({"color": "bands", "mean": ()}, "needs 1 values of mean and std, got 0 and 3"),
        ],
    )
    def test_values_that_are_not_allowed(self, change, said):
        with pytest.raises(UsageError, match=said) as caught:
            recipe(**change)
        assert "'mine'" in str(caught.value)

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            ([], "expected a JSON object"),
            ({"name": "p", "layout": "NCHW"}, "missing: size"),
            ({"name": "p", "layout": "NCHW", "size": [6, 4], "crop": 1}, "unknown: crop"),
            ({"name": "p", "layout": "NCHW", "size": [6, 4], "version": 2}, "version 1 allows"),
            ({"name": "p", "layout": "NCHW", "size": 6}, "not iterable"),
            ({"name": "p", "layout": "NCHW", "size": ["a", 4]}, "invalid literal"),
            ({"name": "p", "layout": "NCHW", "size": [6, 4], "scale": "1"}, "must be real number"),
        ],
    )
    def test_data_that_is_not_allowed(self, data, said):
        with pytest.raises(UsageError, match=said) as caught:
            Preprocess.from_dict(data, "here.json")
        assert "\n" not in str(caught.value)

    def test_a_fractional_size_is_refused_rather_than_cut(self):
        data = {"name": "p", "layout": "NCHW", "size": [224.5, 224]}
        with pytest.raises(UsageError, match="not a whole number of pixels"):
            Preprocess.from_dict(data)

    @pytest.mark.parametrize("content", ["{", "", "\x00"])
    def test_a_file_that_is_no_json(self, tmp_path, content):
        (tmp_path / "p.json").write_text(content)
        with pytest.raises(UsageError, match=r"p\.json.*(not valid JSON|contains a NUL)"):
            Preprocess.load(tmp_path / "p.json")


class TestWhereItComesFrom:
    OWN = recipe(name="given", size=(SIDE, SIDE), scale=0.5)
    BESIDE = dataclasses.replace(OWN, name="beside", scale=0.25)
    INSIDE = dataclasses.replace(OWN, name="inside", scale=0.125)

    def write(self, folder, *, beside=False, inside=False):
        proto = classifier(final="Softmax")
        if inside:
            entry = proto.metadata_props.add()
            entry.key, entry.value = "onnxplain.preprocess", json.dumps(self.INSIDE.to_dict())
        path = folder / "net.v1.onnx"
        path.write_bytes(proto.SerializeToString())
        if beside:
            self.BESIDE.save(folder / "net.v1.preprocess.json")
        return path

    def test_what_is_given_comes_first(self, tmp_path):
        path = self.write(tmp_path, beside=True, inside=True)
        self.OWN.save(tmp_path / "own.json")
        for given, source in ((self.OWN, "given"), (tmp_path / "own.json", "own.json")):
            model = onnxplain.load(path, preprocess=given)
            assert model.preprocess == self.OWN
            assert model.sources["preprocess"].endswith(source)

    def test_a_preset(self, tmp_path):
        model = onnxplain.load(self.write(tmp_path, beside=True), preprocess="zero-one")
        assert model.preprocess == preset("zero-one", "NCHW", (SIDE, SIDE))
        assert model.sources["preprocess"] == "preset"

    def test_then_the_file_beside_the_model(self, tmp_path):
        model = onnxplain.load(self.write(tmp_path, beside=True, inside=True))
        assert model.preprocess == self.BESIDE
        assert model.sources["preprocess"] == "net.v1.preprocess.json"
        assert model.warnings == []

    def test_then_the_metadata(self, tmp_path):
        model = onnxplain.load(self.write(tmp_path, inside=True))
        assert model.preprocess == self.INSIDE
        assert model.sources["preprocess"] == "metadata of the model"
        assert model.warnings == []

    def test_then_a_guess_which_is_said(self, tmp_path):
        model = onnxplain.load(self.write(tmp_path))
        assert model.preprocess.name == "imagenet-torch"
        assert model.sources["preprocess"].startswith("a guess: ")
        (warning,) = model.warnings
        assert "guessed as 'imagenet-torch'" in warning
        assert "--preprocess" in warning

    def test_damaged_metadata(self):
        proto = classifier()
        entry = proto.metadata_props.add()
        entry.key, entry.value = "onnxplain.preprocess", "{"
        with pytest.raises(UsageError, match=r"metadata 'onnxplain\.preprocess' is not JSON"):
            onnxplain.load(proto)

    def test_a_name_that_is_neither_file_nor_preset(self):
        with pytest.raises(UnknownNameError, match="zero-one"):
            onnxplain.load(classifier(), preprocess="zero_one")

    def test_the_layout_of_the_recipe_must_fit(self):
        wrong = dataclasses.replace(self.OWN, layout="NHWC")
        with pytest.raises(UsageError, match="layout 'NHWC' does not fit"):
            onnxplain.load(classifier(), preprocess=wrong)

    def test_a_contradiction_is_a_warning(self):
        nodes = [node("Div", ["image", "k"], ["ready"])]
        proto = classifier(final="Softmax", before=nodes, constants={"k": np.float32(255)})
        assert onnxplain.load(proto, preprocess="raw").warnings == []
        (warning,) = onnxplain.load(proto, preprocess="zero-one").warnings
        assert "normalises its input itself" in warning

    def test_the_element_type_is_that_of_the_file(self):
        model = onnxplain.load(classifier(dtype=np.uint8), preprocess="raw")
        assert model.preprocess.dtype == "uint8"
        assert model.read(np.full((SIDE, SIDE, 3), 7, np.uint8)).x.dtype == np.uint8
