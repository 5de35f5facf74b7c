"""``onnxplain methods``: the table, and a method's card."""

from __future__ import annotations

import click

from onnxplain.cli.options import debug_option, json_option


@click.command()
@click.argument("name", required=False)
@json_option
@debug_option
def methods(name: str | None, as_json: bool) -> None:
    """List the methods, or show how to read the maps of one.

    NAME is a method, for example grad-cam.
    """
    from onnxplain.cli.cards import show_card, show_table

    if name is None:
        show_table(as_json)
    else:
        show_card(name, as_json)
