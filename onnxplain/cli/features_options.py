"""Arguments and options that views of features share; nothing heavy is imported here."""

from __future__ import annotations

import click

layer_option = click.option(
    "--layer", metavar="TENSOR", help="Where to look; `inspect` lists layers. Default: found."
)
channels_option = click.option(
    "--channels", metavar="N,N,...", help="Which channels. Default: the strongest."
)
count_option = click.option(
    "--count",
    default=64,
    show_default=True,
    type=click.IntRange(min=1),
    help="How many of the strongest.",
)
mismatch_option = click.option(
    "--allow-mismatch",
    is_flag=True,
    help="Go on although the converted model differs from the deployed one.",
)
model_argument = click.argument("model", type=click.Path(readable=False))
data_argument = click.argument("data", type=click.Path(readable=False))
images_argument = click.argument(
    "images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path(readable=False)
)
