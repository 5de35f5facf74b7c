"""Model files with texts that are not UTF-8, and other content that the libraries choke on."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import onnxplain
from onnxplain.boundary import one_of_many
from onnxplain.errors import ModelFileError
from onnxplain.model.inspection import inspect_file
from tests.small_models import LINEAR, model_of

WORD = "Quixote"


def with_word(place):
    """A model that holds the word in one place."""
    if place == "tensor":
        return model_of(LINEAR.replace("f", WORD))
    if place == "output":
        return model_of(LINEAR.replace("y", WORD), outputs=f"float[N,3] {WORD}")
    if place == "input":
        return model_of(LINEAR.replace("(x)", f"({WORD})"), image=f"float[N,1,4,4] {WORD}")
    model = model_of(LINEAR)
    if place == "node":
        model.graph.node[0].name = WORD
    elif place == "operator":
        model.graph.node[0].op_type = WORD
    elif place == "domain":
        model.graph.node[0].domain = WORD
        model.opset_import.add(domain=WORD, version=1)
    elif place == "weight":
        model.graph.initializer[0].name = model.graph.node[1].input[1] = WORD
    elif place == "attribute":
        model.graph.node[0].attribute.append(helper.make_attribute(WORD, 1))
    elif place == "axis":
        model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = WORD
    elif place == "metadata key":
        model.metadata_props.add(key=WORD, value="v")
    elif place == "metadata value":
        model.metadata_props.add(key="onnxplain.labels", value=WORD)
    elif place == "producer":
        model.producer_name = WORD
    elif place == "description":
        model.doc_string = WORD
    else:
        assert place == "graph"
        model.graph.name = WORD
    return model


PLACES = (
    "tensor output input node operator domain weight attribute axis producer description graph"
).split()


@pytest.mark.parametrize("place", [*PLACES, "metadata key", "metadata value"])
def test_a_text_that_is_not_utf_8_is_one_line(tmp_path, place):
    content = with_word(place).SerializeToString()
    assert WORD.encode() in content
    path = tmp_path / "m.onnx"
    path.write_bytes(content.replace(WORD.encode(), b"Qui\xffote"))
    for read in (inspect_file, onnxplain.load):
        failures = []
        # What nobody reads, a description, may pass; nothing else may be raised.
        with one_of_many(failures.append, ModelFileError):
            read(path)
        for error in failures:
            assert error.exit_code == 3
            assert "\n" not in str(error)
            str(error).encode()  # fit for any output


def test_where_the_text_is_refused_it_is_shown(tmp_path):
    path = tmp_path / "m.onnx"
    content = with_word("node").SerializeToString()
    path.write_bytes(content.replace(WORD.encode(), b"Qui\xffote"))
    with pytest.raises(ModelFileError, match=r"the text b'Qui\\xffote' in it is not UTF-8"):
        onnxplain.load(path)


def test_an_output_that_nothing_computes(tmp_path):
    model = model_of(LINEAR)
    del model.graph.output[:]
    model.graph.output.append(helper.make_tensor_value_info("w", TensorProto.FLOAT, [16, 3]))
    path = tmp_path / "m.onnx"
    onnx.save(model, path)
    with pytest.raises(ModelFileError):
        onnxplain.load(path)


@pytest.mark.parametrize("number", [0, 99])
def test_an_element_type_that_does_not_exist(tmp_path, number):
    model = model_of(LINEAR)
    model.graph.initializer[0].data_type = number
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError):
        onnxplain.load(path)


def test_more_values_declared_than_there_are(tmp_path):
    model = model_of(LINEAR)
    model.graph.initializer[0].dims[0] = 1_000_000_000
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError):
        onnxplain.load(path)


def test_an_input_that_no_memory_holds(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(model_of(LINEAR, image="float[99999999999999,1,4,4] x").SerializeToString())
    with pytest.raises(ModelFileError, match="--budget picture-bytes=N allows more"):
        onnxplain.load(path).predict(np.zeros((4, 4), np.uint8))


@pytest.mark.parametrize("number", ["1e999", "1" + "0" * 400])
def test_numbers_without_end_in_metadata(tmp_path, number):
    model = model_of(LINEAR)
    recipe = f'{{"name": "p", "layout": "NCHW", "size": [4, {number}]}}'
    model.metadata_props.add(key="onnxplain.preprocess", value=recipe)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(onnxplain.errors.UsageError):
        onnxplain.load(path)


def test_a_model_file_that_is_no_file(tmp_path):
    (tmp_path / "folder.onnx").mkdir()
    for name, why in {"folder.onnx": "a folder", "n" * 300: "too long", "a\0b": "no file"}.items():
        with pytest.raises(ModelFileError, match=f"no model file at .*{why}"):
            onnxplain.load(tmp_path / name)
