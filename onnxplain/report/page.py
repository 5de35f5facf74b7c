"""Fill the templates: HTML that needs nothing but itself, and Markdown."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache
from html import escape
from typing import Any

import jinja2

from onnxplain.audit.records.pictures import PROBABILITY, Scored
from onnxplain.render.embedded import bar_uri
from onnxplain.report.chart import path
from onnxplain.report.words import meaning
from onnxplain.text import shown

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~])")


def html(template: str, **values: Any) -> str:
    """Fill a template of a page, with every value escaped.

    The page's security policy allows its own style and script, by their digests, and
    pictures inside of it: a name that was smuggled in could load or run nothing.

    Parameters
    ----------
    template : str
        Name of the template.
    **values
        What it speaks of.
    """
    style, script = (_environment().get_template(n).render() for n in ("style.css", "script.js"))
    policy = (
        "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; "
        f"style-src {_digest(style)}; script-src {_digest(script)}"
    )
    page = _environment().get_template(template)
    return page.render(**values, style=style, script=script, policy=policy)


def markdown(template: str, **values: Any) -> str:
    """Fill a template of Markdown; names pass through its filter ``plain``."""
    return _environment().get_template(template).render(**values)


def plain(value: Any) -> str:
    """One line of Markdown without markup: names come from files."""
    return escape(_SPECIAL.sub(r"\\\1", shown(str(value))), quote=False)


def number(value: Any, digits: int = 3) -> str:
    """Write a number with some significant digits; text and whole numbers as they are."""
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return f"{value:.{digits}g}"


def scored(entry: Scored) -> str:
    """Write the score of an entry; only a probability or an area is a percentage."""
    unit, score = entry.unit, entry.value
    if unit == PROBABILITY:
        return f"{100 * score:.1f} %"
    if unit == "area":
        return f"{100 * score:.1f} % of the places"
    return f"{score:.4g} ({unit})"


def sentence(text: str) -> str:
    """Write a statement as a sentence of its own; names at its start keep their letters."""
    first, _, _ = text.partition(" ")
    plain_word = first.isalpha() and first.islower()
    return (text[:1].upper() + text[1:] if plain_word else text) + "."


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@lru_cache(maxsize=1)
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("onnxplain.report"),
        autoescape=jinja2.select_autoescape(["html"]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        plain=plain,
        number=number,
        path=path,
        scored=scored,
        sentence=sentence,
        meaning=meaning,
        bar=bar_uri,
    )
    return environment
