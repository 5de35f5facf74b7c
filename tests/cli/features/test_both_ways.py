"""What Python can ask of a view, the command line can ask, and the other way round.

Every parameter of the functions behind a command is an option of it, and every option is a
parameter, or is named here with what it stands for.
"""

import inspect
from dataclasses import fields, is_dataclass

import click
import numpy as np
import pytest

import onnxplain
from onnxplain.cli import main
from onnxplain.evaluate.filter_ablation import filter_ablation
from onnxplain.evaluate.protocol import protocol
from onnxplain.features import class_model as of_class_model
from onnxplain.features import inversion as of_inversion
from onnxplain.features.ascent import Ascent
from onnxplain.features.atlas import Atlas, activation_atlas
from onnxplain.features.class_model import class_model
from onnxplain.features.concepts.craft import concept_examples, craft
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.prototypes import judge, prototypes
from onnxplain.features.concepts.relmax import references, relevant_samples
from onnxplain.features.concepts.tcav import tcav
from onnxplain.features.data_matrix import data_matrix
from onnxplain.features.dream import Dream, dream
from onnxplain.features.enriched import enrich
from onnxplain.features.inversion import invert
from onnxplain.features.kernels import kernels
from onnxplain.features.layer_response import layer_response
from onnxplain.features.maco import Maco, data_spectrum, maco
from onnxplain.features.maps import feature_maps
from onnxplain.features.relevant import relevant_features
from onnxplain.features.similarity import likeness_to, similarity
from onnxplain.features.top_patches import channel_patches, top_patches
from onnxplain.inputs.image import open_image
from onnxplain.render.features import draw_kernels

# What a view is of is its arguments; the command itself says where its work is and shows progress.
GIVEN = {"model", "image", "samples", "progress"}
# Whatever the view: the file, its data and where results go.
OF_EVERY_COMMAND = {"model", "images", "data", "bundle", "folder", "quiet", "budget", "debug",
                    "isolate", "limit", "seed"}  # fmt: skip

# Command: functions behind it, names that differ (option: parameter), options that stand for
# something else, and parameters that the command fills in itself.
VIEWS = {
    "weights": ([kernels, draw_kernels], {"channels": "filters", "scale": "scaling"},
                {"count": "Kernels.strongest(count)"}, {"kernels", "name"}),
    "maps": ([feature_maps], {}, {"everything": "count=None"}, set()),
    "layer-response": ([layer_response], {}, {}, set()),
    "top-patches": ([top_patches, channel_patches], {"images": "count"},
                    {"count": "TopPatches.strongest(count)"}, {"state", "found"}),
    "relevant": ([relevant_features], {}, {}, {"folder"}),
    "enriched": ([enrich], {}, {}, {"bundle"}),
    "class-model": ([class_model, Ascent], {"targets": "target"}, {}, {"how"}),
    "dream": ([dream, Dream], {}, {}, {"how"}),
    "atlas": ([activation_atlas, Atlas.cells, invert, Ascent],
              {"embedding": "layout", "cells": "side"},
              {"inversion": "invert", "allow_mismatch": "checked before invert"},
              {"how", "wanted", "self"}),
    "responses": ([data_matrix], {}, {}, set()),
    "ablation": ([filter_ablation], {}, {"draws": "seeds=range(draws)"},
                 {"x", "labels", "bundle", "seeds"}),
    "protocol": ([protocol, relevant_features], {},
                 {"select": "which samples", "examples": "which samples"}, {"features", "folder"}),
    "crp": ([concept_relevance, relevant_samples, references], {"references_by": "own",
            "images_per_channel": "count"}, {}, {"found", "state"}),
    "tcav": ([tcav], {"targets": "examples", "random_data": "random", "per_run": "size"}, {},
             set()),
    "craft": ([craft, concept_examples], {"shown_crops": "crops", "shown_pictures": "pictures"},
              {}, {"found"}),
    "prototypes": ([prototypes, judge], {"prototypes": "count"}, {}, {"found"}),
    "maco": ([maco, data_spectrum, Maco], {"targets": "aim", "channels": "aim"}, {},
             {"spectrum", "how"}),
    "similarity": ([similarity, likeness_to], {"reference": "other"}, {},
                   {"first", "vector", "words"}),
}  # fmt: skip


def command(name):
    return main.commands["features"].commands[name]


def options(name):
    return {p.name for p in command(name).params}


def defaults(name):
    """What a command takes if an option is not given; None if nothing."""
    own = (p for p in command(name).params if isinstance(p, click.Option))
    found = {p.name: p.default for p in own if not p.required}
    return {k: v if isinstance(v, (bool, int, float, str)) else None for k, v in found.items()}


def parameters(function):
    if is_dataclass(function):
        return {f.name for f in fields(function)}
    return set(inspect.signature(function).parameters)


OPENING = set(inspect.signature(onnxplain.load).parameters) - {"path"}


def test_every_view_is_compared():
    assert set(main.commands["features"].commands) == set(VIEWS)


@pytest.mark.parametrize("name", VIEWS)
def test_options_and_parameters_are_the_same(name):
    functions, renamed, otherwise, filled = VIEWS[name]
    own = options(name) - OPENING - OF_EVERY_COMMAND - set(otherwise)
    asked = set().union(*map(parameters, functions)) - GIVEN - filled - OF_EVERY_COMMAND
    said = {renamed.get(option, option) for option in own | (options(name) & set(renamed))}
    assert said - asked == set(), "options that no function takes"
    assert asked - said - (set(otherwise) & asked) == set(), "parameters without an option"
    # Nothing is listed here that is not there.
    assert set(renamed) | set(otherwise) <= options(name)
    assert set(renamed.values()) | filled <= set().union(*map(parameters, functions))


@pytest.mark.parametrize("name", [*VIEWS, "explain"])
def test_models_are_opened_with_what_load_takes(name):
    there = options(name) if name != "explain" else {p.name for p in main.commands[name].params}
    assert there >= OPENING


@pytest.mark.parametrize("name", VIEWS)
def test_functions_that_draw_at_random_have_a_seed(name):
    functions = VIEWS[name][0]
    assert ("seed" in options(name)) >= any("seed" in parameters(f) for f in functions)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("class-model", of_class_model.DEFAULT), ("atlas", of_inversion.DEFAULT)],
)
def test_ascent_has_the_defaults_of_python(name, settings):
    given = defaults(name)
    assert {f.name: given[f.name] for f in fields(Ascent)} == {
        f.name: getattr(settings, f.name) for f in fields(Ascent)
    }


@pytest.mark.parametrize(
    ("name", "functions"), [(n, v[0]) for n, v in VIEWS.items()], ids=list(VIEWS)
)
def test_other_defaults_are_those_of_python(name, functions):
    """Where an option has the name of its parameter; what commands mean to differ is named."""
    differ = {
        ("top-patches", "projection"), ("maco", "diversity"), ("ablation", "counts"),
        ("crp", "count"),
    }  # fmt: skip
    given = defaults(name)
    for function in functions:
        if function is Ascent:
            continue
        for key, parameter in inspect.signature(function).parameters.items():
            if parameter.default is inspect.Parameter.empty or key not in given:
                continue
            if key in OPENING | OF_EVERY_COMMAND | set(VIEWS[name][2]) or (name, key) in differ:
                continue
            # A flag that is not given may have no default of its own.
            assert given[key] == parameter.default or not (given[key] or parameter.default), key


def test_explain_takes_what_the_method_takes():
    """Parameters of methods go through -p; all others are options."""
    asked = set(inspect.signature(onnxplain.Model.explain_targets).parameters)
    asked -= {"self", "image", "progress", "parameters", "method"}
    there = {p.name for p in main.commands["explain"].params}
    assert asked <= there


def test_options_that_python_had_alone_do_something(run, tmp_path):
    """Other settings make other pictures, and settings that cannot be are refused."""
    model, picture = "models/digits-gap.onnx", {}
    for name, given in {"": (), "large": ("--largest", "0.6")}.items():
        view = ("features", "maco", model, "-t", "3", "--steps", "2", *given)
        found = run(*view, "-o", tmp_path / name)
        assert found.exit_code == 0, found.stderr
        picture[name] = np.asarray(open_image(tmp_path / name / "digits-gap.maco.png"))
    assert (picture[""] != picture["large"]).any()
    for wrong in (("--noise", "nan"), ("--rate", "inf"), ("--largest", "2")):
        assert run("features", "maco", model, "-t", "3", *wrong).exit_code == 2
    for wrong in (("--decay", "nan"), ("--variation", "inf"), ("--engine", "onnxruntime")):
        found = run("features", "class-model", model, "-t", "3", *wrong, "-o", tmp_path / "no")
        assert (found.exit_code, found.stderr.count("\n")) == (2, 1), found.stderr
