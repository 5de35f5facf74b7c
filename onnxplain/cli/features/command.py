"""``onnxplain features``: what the network has learned, one command for each view of it."""

from __future__ import annotations

from typing import Any

import click

from onnxplain.cli.features.concept_commands import COMMANDS
from onnxplain.cli.features.options import (
    ascent_options,
    at_least_one,
    channels_option,
    count_option,
    images_argument,
    jitter_option,
    layer_option,
    layers_option,
    mismatch_option,
    model_argument,
    mu_option,
    projection_option,
    resample_option,
    top_option,
    view_options,
)
from onnxplain.cli.features.tested import ablation, protocol, responses
from onnxplain.cli.options import data_argument, debug_option, seed_option
from onnxplain.cli.walled import Walled

_HELP = """Show what MODEL has learned.

\b
One model alone:
  onnxplain features weights MODEL
  onnxplain features maco MODEL
One picture:
  onnxplain features maps MODEL IMAGE...
  onnxplain features layer-response MODEL IMAGE...
  onnxplain features similarity MODEL IMAGE IMAGE
  onnxplain features crp MODEL IMAGE... [--data DATA]
\b
Data sets (folders whose subfolders name the classes, patterns, tables or pictures; the word
'flowers' stands for a built-in one, drawn when it is needed):
  onnxplain features top-patches MODEL DATA...
  onnxplain features relevant MODEL DATA...
  onnxplain features enriched MODEL FEATURES.npz IMAGE...
  onnxplain features atlas MODEL DATA...
  onnxplain features responses MODEL DATA...
  onnxplain features ablation MODEL FEATURES.npz DATA...
  onnxplain features protocol MODEL DATA...
  onnxplain features craft MODEL DATA... -t CLASS
  onnxplain features prototypes MODEL DATA... -t CLASS
  onnxplain features tcav MODEL DATA... --concept FOLDER --random FOLDER
"""


class _Views(click.Group):
    command_class = Walled


@click.group(cls=_Views, help=_HELP, short_help="Show what a model has learned.")
@debug_option
def features() -> None:
    """Group of the views."""


@features.command(short_help="Show the kernels of a convolution as images.")
@model_argument
@layer_option
@channels_option
@count_option
@click.option(
    "--scale",
    type=click.Choice(["each", "shared"]),
    default="each",
    show_default=True,
    help="Scale the colours to each filter's largest magnitude, or to that of all filters.",
)
@view_options
def weights(**options: Any) -> None:
    """Show the kernels of a convolution: the first layer in colour, others in slices.

    Writes MODEL.weights.LAYER.png and .npz (array ``weights``).
    """
    from onnxplain.cli.features.picture_views import run_weights

    run_weights(**options)


@features.command(short_help="Show the activations of a layer for images.")
@model_argument
@images_argument
@layer_option
@channels_option
@count_option
@click.option(
    "--all", "everything", is_flag=True, help="Show all channels, not only the strongest."
)
@view_options
def maps(**options: Any) -> int:
    """Show the activations of any tensor for each IMAGE, computed in ONNX Runtime.

    Writes NAME.maps.LAYER.png (a grid), NAME.maps.LAYER.photo.png (over the photo, if the
    tensor has height and width) and NAME.maps.LAYER.npz (all channels).
    """
    from onnxplain.cli.features.picture_views import run_maps

    return run_maps(**options)


@features.command(
    "layer-response", short_help="Show the response of a layer in the pixels of images."
)
@model_argument
@images_argument
@layer_option
@channels_option
@at_least_one("--count", 16, "Number of kernels to show alone, the strongest first.")
@click.option(
    "--relu",
    type=click.Choice(["none", "gradient", "deconvnet", "guided"]),
    default="gradient",
    show_default=True,
    help="How responses pass activations on the way back, as for the method clear.",
)
@mismatch_option
@view_options
def layer_response(**options: Any) -> int:
    """Carry the response of a layer to each IMAGE back to the pixels, as CLEAR does (R_l).

    Shows the whole layer and single kernels, and prints how sparse the kernels' maps are. Writes
    NAME.response.LAYER.png and .npz.
    """
    from onnxplain.cli.features.picture_views import run_layer_response

    return run_layer_response(**options)


@features.command(
    "top-patches", short_help="Show the patches of a data set that excite each channel."
)
@model_argument
@data_argument
@layer_option
@channels_option
@at_least_one("--count", 12, "Number of channels, the strongest first.")
@at_least_one("--images", 9, "Pictures per channel.")
@projection_option("none")
@resample_option
@mismatch_option
@view_options
def top_patches(**options: Any) -> int:
    """Show the patches of DATA that excite the channels of a layer most.

    Takes one pass over the data, which you can interrupt and resume; other channels reuse it.
    Writes MODEL.top-patches.LAYER.png and .npz (responses, pictures, places).
    """
    from onnxplain.cli.features.data_views import run_top_patches

    return run_top_patches(**options)


@features.command(short_help="Select the few features that tell classes apart.")
@model_argument
@data_argument
@mu_option
@layers_option
@top_option
@view_options
def relevant(**options: Any) -> int:
    """Select the few filters that tell the classes of DATA apart, and show what excites them.

    Every picture in DATA needs a class. Takes one pass over the data, which you can interrupt
    and resume. Writes MODEL.relevant.png, .json and .npz; `onnxplain features enriched` explains
    pictures with the .npz.
    """
    from onnxplain.cli.features.data_views import run_relevant

    return run_relevant(**options)


@features.command(short_help="Show a prediction with the features that led to it.")
@model_argument
@click.argument("bundle", metavar="FEATURES.npz", type=click.Path(readable=False))
@images_argument
@click.option(
    "-t", "--target", metavar="NAME|INDEX", help="Class to explain. Default: the predicted class."
)
@at_least_one("--count", 3, "Maximum number of features to show.")
@projection_option()
@resample_option
@mismatch_option
@view_options
def enriched(**options: Any) -> int:
    """Explain the prediction for each IMAGE with the features that `relevant` selected.

    Writes NAME.enriched.png and .npz (heatmaps).
    """
    from onnxplain.cli.features.data_views import run_enriched

    return run_enriched(**options)


@features.command("class-model", short_help="Make the image that a class responds to most.")
@model_argument
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class, or another target as in `explain`. Default: the first twelve classes. Repeatable.",
)
@ascent_options(steps=200, rate=0.02, decay=1e-4, variation=1e-4, jitter=8, blur=0.5)
@seed_option
@mismatch_option
@view_options
def class_model(**options: Any) -> None:
    """Make the image that maximises a target, such as a class's logit (Simonyan et al. 2013).

    Writes MODEL.class-model.png and MODEL.class-model.INDEX.npz for each class.
    """
    from onnxplain.cli.features.made_views import run_class_model

    run_class_model(**options)


@features.command(short_help="Amplify what a layer sees in images.")
@model_argument
@images_argument
@layer_option
@click.option("--channel", type=click.IntRange(min=0), help="Channel to amplify. Default: all.")
@at_least_one("--octaves", 4, "Number of sizes, starting with the model's own.")
@click.option(
    "--scale", default=1.4, show_default=True, help="Ratio of each size to the previous one."
)
@at_least_one("--steps", 10, "Steps of gradient ascent at each size.")
@click.option(
    "--rate",
    default=0.01,
    show_default=True,
    help="Mean change of a pixel per step, as a share of the input range.",
)
@jitter_option(32)
@seed_option
@mismatch_option
@view_options
def dream(**options: Any) -> int:
    """Amplify what a layer sees in each IMAGE (inceptionism).

    Writes NAME.dream.LAYER.png, which is larger than the model's input.
    """
    from onnxplain.cli.features.made_views import run_dream

    return run_dream(**options)


@features.command(short_help="Lay out a data set as a layer sees it.")
@model_argument
@data_argument
@layer_option
@click.option(
    "--embedding",
    type=click.Choice(["tsne", "umap"]),
    default="tsne",
    show_default=True,
    help="Layout: t-SNE, or UMAP (pip install umap-learn).",
)
@click.option(
    "--cells",
    default=14,
    show_default=True,
    type=click.IntRange(min=2, max=40),
    help="Cells along each side.",
)
@at_least_one("--per-image", 1, "Activation vectors per picture.")
@click.option("--inversion", is_flag=True, help="Also make a picture for each cell (slow).")
@ascent_options(
    steps=60, rate=0.03, decay=0.0, variation=1e-3, jitter=4, blur=0.5, of="Of --inversion: "
)
@seed_option
@mismatch_option
@view_options
def atlas(**options: Any) -> int:
    """Lay out DATA as a layer sees it, with similar things side by side.

    Writes MODEL.atlas.LAYER.png (patches), .npz (vectors and places) and, on request,
    .inversion.png.
    """
    from onnxplain.cli.features.data_views import run_atlas

    return run_atlas(**options)


for _view in (responses, ablation, protocol, *COMMANDS):
    features.add_command(_view)
