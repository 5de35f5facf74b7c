"""Commands of ``onnxplain features`` that look for concepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from onnxplain.cli.features.options import (
    at_least_one,
    images_argument,
    layer_option,
    mismatch_option,
    model_argument,
    view_options,
)
from onnxplain.cli.options import (
    CommandT,
    data_argument,
    limit_option,
    parameter_option,
    seed_option,
)
from onnxplain.cli.walled import Walled


def places_option(default: str) -> Callable[[CommandT], CommandT]:
    """Return the option for how the places of a layer make a vector."""
    return click.option(
        "--places",
        type=click.Choice(["all", "mean"]),
        default=default,
        show_default=True,
        help="Take the whole layer as one vector, or the mean over its places.",
    )


composite_option = click.option(
    "--composite",
    default="auto",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="Rules of the relevance, as in the method lrp.",
)
_TARGET = click.option(
    "-t",
    "--target",
    metavar="TARGET",
    help="Class to explain, or another target as in `explain`. Default: the predicted class.",
)


@click.command(cls=Walled, short_help="Show which channels a prediction uses, and where.")
@model_argument
@images_argument
@click.option(
    "--data",
    multiple=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="Data set from which reference pictures are chosen. Default: none are shown. Repeatable.",
)
@layer_option
@click.option("--channels", metavar="N,N,...", help="Channels to show. Default: the most relevant.")
@at_least_one("--count", 5, "Number of channels, the most relevant first.")
@click.option(
    "--images",
    "images_per_channel",
    default=6,
    show_default=True,
    type=click.IntRange(min=1),
    help="Reference pictures per channel.",
)
@_TARGET
@click.option(
    "--references",
    "references_by",
    type=click.Choice(["own", "target"]),
    default="own",
    show_default=True,
    help="Rank reference pictures by relevance for their own predicted class, or for the target.",
)
@composite_option
@mismatch_option
@view_options
def crp(**options: Any) -> int:
    """Show how much each channel of a layer contributes to a target, and where.

    Relevance is propagated through one channel at a time. With --data, each channel is shown with
    the pictures in which it is most relevant (Achtibat et al. 2023). Takes one pass over the data,
    which you can interrupt and resume; other images reuse it. Writes NAME.crp.LAYER.png and .npz
    for each IMAGE, and MODEL.crp-references.LAYER.npz, which keeps the pass.
    """
    from onnxplain.cli.features.concept_views import run_crp

    return run_crp(**options)


@click.command(cls=Walled, short_help="Test whether classes depend on concepts that you show.")
@model_argument
@data_argument
@click.option(
    "--concept",
    "concepts",
    multiple=True,
    required=True,
    metavar="[NAME=]FOLDER",
    help="Pictures that show a concept. Repeatable.",
)
@click.option(
    "--random",
    "random_data",
    multiple=True,
    required=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="Pictures with nothing in common: at least five times as many as a concept has. "
    "Repeatable.",
)
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class, or another target as in `explain`. Default: the classes of DATA. Repeatable.",
)
@layer_option
@places_option("all")
@click.option(
    "--runs",
    default=10,
    show_default=True,
    type=click.IntRange(min=5),
    help="Maximum number of runs, each with other random pictures.",
)
@click.option(
    "--per-run",
    type=click.IntRange(min=6),
    help="Pictures of each set in a run. Default: as many as a concept has.",
)
@click.option(
    "--ridge",
    default=0.01,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Strength of the penalty on the direction that separates pictures.",
)
@seed_option
@mismatch_option
@view_options
def tcav(**options: Any) -> int:
    """Test whether the scores of pictures in DATA depend on concepts (Kim et al. 2018).

    A concept is a direction in a layer: from random pictures to those of the concept. It matters
    if the score rises in that direction more than it does for random pictures. Takes one pass over
    all pictures. Writes MODEL.tcav.LAYER.png and .npz.
    """
    from onnxplain.cli.features.concept_views import run_tcav

    return run_tcav(**options)


@click.command(cls=Walled, short_help="Find the parts that a class is made of.")
@model_argument
@data_argument
@click.option("-t", "--target", required=True, metavar="TARGET", help="Class, or another target.")
@layer_option
@at_least_one("--concepts", 8, "Number of concepts.")
@click.option(
    "--crop",
    default=0.3,
    show_default=True,
    metavar="SHARE",
    help="Side of a crop, as a share of the picture's.",
)
@click.option(
    "--designs",
    default=32,
    show_default=True,
    metavar="N",
    type=click.IntRange(min=2),
    help="Points of each Sobol design, a power of two. Larger values give more exact importances.",
)
@at_least_one("--shown-crops", 5, "Crops to show of each concept.")
@at_least_one("--shown-pictures", 2, "Pictures in which to locate each concept.")
@limit_option
@seed_option
@view_options
def craft(**options: Any) -> int:
    """Find the concepts of a class in its pictures in DATA, and how much each counts.

    Activations of crops are factorised into non-negative parts (Fel et al. 2023, CRAFT). The layer
    must not have negative values, as after a ReLU. Takes two passes over the pictures of the class.
    Writes MODEL.craft.TARGET.LAYER.png and .npz.
    """
    from onnxplain.cli.features.concept_views import run_craft

    return run_craft(**options)


@click.command(cls=Walled, short_help="Show typical decisions for a class, and unusual ones.")
@model_argument
@data_argument
@click.option("-t", "--target", required=True, metavar="TARGET", help="Class, or another target.")
@layer_option
@at_least_one("--prototypes", 3, "Number of prototypes.")
@click.option(
    "--image",
    "images",
    multiple=True,
    metavar="IMAGE",
    type=click.Path(readable=False),
    help="Say how usual the decision for this picture is. A file, folder or pattern. Repeatable.",
)
@composite_option
@limit_option
@seed_option
@mismatch_option
@view_options
def prototypes(**options: Any) -> int:
    """Show typical decisions for a class (prototypes), and how usual those for other pictures are.

    The relevance of a layer's channels over the pictures of the class in DATA is described by a
    mixture of Gaussians (Dreyer et al. 2024, PCX). Takes one pass over the pictures of the class.
    Writes MODEL.prototypes.TARGET.LAYER.png and .npz.
    """
    from onnxplain.cli.features.concept_views import run_prototypes

    return run_prototypes(**options)


@click.command(cls=Walled, short_help="Make pictures that a class or channel responds to.")
@model_argument
@click.option(
    "-t",
    "--target",
    "targets",
    multiple=True,
    metavar="TARGET",
    help="Class, or another target as in `explain`. Default: the first six classes. Repeatable.",
)
@layer_option
@click.option(
    "--channels", metavar="N,N,...", help="Raise these channels of the layer instead of a target."
)
@click.option(
    "--data",
    multiple=True,
    metavar="FOLDER|PATTERN|TABLE|IMAGE",
    type=click.Path(readable=False),
    help="Take the magnitudes of frequencies from up to 200 of these pictures. Default: one over "
    "the frequency. Repeatable.",
)
@at_least_one("--count", 1, "Pictures of each target.")
@click.option(
    "--diversity",
    default=1.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="How much several pictures of a target must differ, in units of the target.",
)
@at_least_one("--steps", 128, "Steps of gradient ascent.")
@at_least_one("--crops", 4, "Random crops per step.")
@click.option(
    "--largest",
    default=0.9,
    show_default=True,
    metavar="SHARE",
    help="Mean side of a crop in the first step, as a share of the picture's.",
)
@click.option(
    "--smallest",
    default=0.5,
    show_default=True,
    metavar="SHARE",
    help="The same in the last step.",
)
@click.option(
    "--noise",
    default=0.05,
    show_default=True,
    metavar="SHARE",
    help="Standard deviation of noise on each crop, as a share of the range of inputs.",
)
@click.option(
    "--rate",
    default=0.3,
    show_default=True,
    metavar="RADIANS",
    help="Length of the first steps.",
)
@click.option(
    "--zoom",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0.5, 4),
    help="Side of the picture, in units of the model's input.",
)
@seed_option
@mismatch_option
@view_options
def maco(**options: Any) -> None:
    """Make pictures that raise a target or channels, with the frequencies of natural pictures.

    The magnitude of every frequency is fixed and only phases change (Fel et al. 2023, MaCo). The
    network sees random crops with noise. Writes MODEL.maco.png and MODEL.maco.TARGET.npz for each
    target or channel.
    """
    from onnxplain.cli.features.maco_view import run_maco

    run_maco(**options)


@click.command(cls=Walled, short_help="Show on both pictures why they are alike.")
@model_argument
@images_argument
@click.option(
    "--reference",
    metavar="VECTOR.npy|IMAGE",
    type=click.Path(readable=False),
    help="Compare one picture with this vector, such as the embedding of a text.",
)
@click.option(
    "--against",
    multiple=True,
    metavar="VECTOR.npy|IMAGE",
    type=click.Path(readable=False),
    help="Explain the likeness to the reference rather than to this. Repeatable.",
)
@click.option(
    "--layer",
    metavar="early|N|TENSOR",
    help="Compare the values of this tensor. Default: the embedding, else the vector before the "
    "scores.",
)
@click.option(
    "-m",
    "--method",
    default="occlusion",
    show_default=True,
    metavar="METHOD",
    help="Method that explains the cosine; see `onnxplain methods`.",
)
@parameter_option
@seed_option
@mismatch_option
@view_options
def similarity(**options: Any) -> None:
    """Explain the cosine between the vectors of two pictures, on both of them.

    With --reference, one picture is compared with a given vector. Writes
    FIRST.similarity.SECOND.METHOD.png, and one .npz for each picture.
    """
    from onnxplain.cli.features.similarity_view import run_similarity

    run_similarity(**options)


COMMANDS = (crp, tcav, craft, prototypes, maco, similarity)
