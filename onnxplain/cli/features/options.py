"""Arguments and options that views of features share; nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Callable

import click

from onnxplain.cli.options import (
    CommandT,
    at_option,
    batch_size_option,
    debug_option,
    engine_option,
    model_options,
    out_option,
    precision_option,
    quiet_option,
    threads_option,
)


def at_least_one(name: str, default: int, said: str) -> Callable[[CommandT], CommandT]:
    """Return an option for a count; `said` is its help."""
    return click.option(
        name, default=default, show_default=True, type=click.IntRange(min=1), help=said
    )


def jitter_option(default: int, of: str = "") -> Callable[[CommandT], CommandT]:
    """Return the option for the shifts of gradient ascent."""
    return click.option(
        "--jitter",
        default=default,
        show_default=True,
        type=click.IntRange(min=0),
        help=f"{of}Maximum random shift per step, in pixels.",
    )


def ascent_options(
    *,
    steps: int,
    rate: float,
    decay: float,
    variation: float,
    jitter: int,
    blur: float,
    of: str = "",
) -> Callable[[CommandT], CommandT]:
    """Return the options of gradient ascent on a picture; `of` starts each help.

    The defaults are those of an `onnxplain.features.ascent.Ascent`, which is heavy; a test compares
    them.
    """

    def number(
        name: str, default: float, metavar: str, said: str
    ) -> Callable[[CommandT], CommandT]:
        return click.option(
            name, default=default, show_default=True, metavar=metavar, help=of + said
        )

    options = (
        at_least_one("--steps", steps, f"{of}Steps of gradient ascent."),
        number("--decay", decay, "NUMBER", "Weight of the penalty |I|^2."),
        number("--variation", variation, "NUMBER", "Weight of the penalty on total variation."),
        jitter_option(jitter, of),
        number("--blur", blur, "PIXELS", "Standard deviation of the blur after every few steps; 0 "
               "for none."),
        at_least_one("--blur-every", 4, f"{of}Steps from one blur to the next."),
        number("--rate", rate, "SHARE", "Length of the first steps, as a share of the range of "
               "inputs."),
        click.option(
            "--bounded/--unbounded",
            default=True,
            show_default=True,
            help=f"{of}Whether the image stays within what a picture can hold; the published "
            "equation has no such limit.",
        ),
    )  # fmt: skip

    def add(command: CommandT) -> CommandT:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def view_options(command: CommandT) -> CommandT:
    """Add what every view has: where files go, how the model is opened, how much is said."""
    options = (
        out_option("features"),
        model_options,
        at_option,
        batch_size_option,
        threads_option,
        engine_option,
        precision_option,
        quiet_option,
        debug_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def projection_option(*more: str) -> Callable[[CommandT], CommandT]:
    """Return the option for projections; `more` are choices beside the usual ones."""
    return click.option(
        "--projection",
        type=click.Choice(["guided", "deconvnet", "gradient", *more]),
        default="guided",
        show_default=True,
        help="How responses are projected back to the pixels.",
    )


resample_option = click.option(
    "--resample/--no-resample",
    default=True,
    show_default=True,
    help="Whether projections leave out the grid that strided convolutions draw.",
)
layer_option = click.option(
    "--layer",
    metavar="last|early|N|TENSOR",
    help="Layer to look at, from `inspect --layers`. Default: chosen automatically.",
)
layers_option = click.option(
    "--layer",
    "layers",
    multiple=True,
    metavar="TENSOR",
    help="Only filters of this layer. Default: all convolutions and linear layers. Repeatable.",
)
mu_option = click.option(
    "--mu",
    default=10.0,
    show_default=True,
    metavar="NUMBER",
    help="Upper limit of the sum of a class's weights. Larger values select more features.",
)
top_option = click.option(
    "--top",
    type=click.IntRange(min=1),
    help="Number of patches in an average image. Default: 100, or as many as each class has.",
)
channels_option = click.option(
    "--channels", metavar="N,N,...", help="Channels to show. Default: the strongest."
)
count_option = at_least_one("--count", 64, "Number of channels, the strongest first.")
mismatch_option = click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Continue even if the converted model differs from the deployed one.",
)
model_argument = click.argument("model", type=click.Path(readable=False))
images_argument = click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(readable=False)
)
