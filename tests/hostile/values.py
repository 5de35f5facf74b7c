"""Values that programs trip over, and bytes with something wrong in them."""

from __future__ import annotations

import math
import random
from typing import Any

INTS = (
    0, 1, -1, 2, 3, -2, 7, 8, 16, 64, 127, 128, 255, 256, 1000, 4096, 65535, 65536, 10**6, 10**9,
    2**31 - 1, 2**31, -(2**31), 2**32, 2**40, 2**53, 2**62, 2**63 - 1, -(2**63),
)  # fmt: skip
FLOATS = (
    0.0, -0.0, 1.0, -1.0, 0.5, 255.0, 1e-45, 1e-8, 1e9, 1e30, 3.4e38, -3.4e38,
    math.nan, math.inf, -math.inf,
)  # fmt: skip
STRINGS = (
    "", " ", "a", "x", "\n", "a\nb", "\x00", "a\x00b", "\x1b[31mred", "\x1b]0;title\x07", "\u202e",
    "\ud800", "é", "日本", "😀", "../../x", "/etc/passwd", "/dev/zero", "C:\\x", "%s%n", "{0}",
    "$\\frac{", "<script>alert(1)</script>", "nan", "1e999", "-1", "0", "None", "true", "NOTSET",
    "SAME_UPPER", "linear", "A" * 300, "A" * 10_000, "/" * 300, "(" * 500, "9" * 5_000,
)  # fmt: skip
# What the text of a JSON file may hold and Python's parser reads as something surprising.
JSON_TEXTS = (
    "1e999", "-1e999", "NaN", "Infinity", "9" * 5_000, "1" + "0" * 400, "-0", "1e-999", "0.1e1",
    '"\\ud800"', '"\\u0000"', "[" * 3_000, "[" * 200 + "]" * 200, '{"a":' * 500 + "1" + "}" * 500,
    "[]", "{}", "null", "true", '""', "[[]]", "[null]", "2147483648", "-9223372036854775809",
)  # fmt: skip
Rng = random.Random


def whole(rng: Rng) -> int:
    """A number of 64 bits, mostly at the ends of some range."""
    return rng.choice(INTS) if rng.random() < 0.8 else rng.randint(-20, 300)


def floating(rng: Rng) -> float:
    """A floating-point number, mostly an odd one."""
    return rng.choice(FLOATS) if rng.random() < 0.8 else rng.uniform(-10, 10)


def text(rng: Rng) -> str:
    """A text that something may take for more than a text."""
    return rng.choice(STRINGS)


def changed_bytes(content: bytes, rng: Rng) -> tuple[bytes, str]:
    """Change some bytes of a file; also says what was done."""
    data = bytearray(content)
    if not data:
        return bytes(rng.randrange(256) for _ in range(16)), "bytes:made"
    how = rng.choice(("flip", "flip", "set", "cut", "zeros", "twice", "noise", "drop", "swap"))
    place, length = rng.randrange(len(data)), rng.randint(1, 64)
    if how in ("flip", "set"):
        for _ in range(rng.choice((1, 1, 2, 4, 16))):
            k = rng.randrange(len(data) if rng.random() < 0.5 else min(len(data), 256))
            data[k] = data[k] ^ (1 << rng.randrange(8)) if how == "flip" else rng.choice(
                (0, 255, 127, 128, rng.randrange(256))
            )  # fmt: skip
    elif how == "cut":
        del data[place:]
    elif how == "zeros":
        data[place : place + length] = bytes(length)
    elif how == "twice":
        data[place:place] = data[place : place + rng.randint(1, 2000)]
    elif how == "noise":
        data[place : place + length] = bytes(rng.randrange(256) for _ in range(length))
    elif how == "drop":
        del data[place : place + length]
    else:
        other = rng.randrange(len(data))
        a, b = data[place : place + 8], data[other : other + 8]
        data[place : place + 8], data[other : other + 8] = b, a
    return bytes(data), f"bytes:{how}"


def odd_value(value: Any, rng: Rng) -> Any:
    """A value of plain data in the place of another, of the same type or not."""
    if rng.random() < 0.35:
        return rng.choice(
            (None, True, False, [], {}, [[]], [None], whole(rng), floating(rng), text(rng))
        )
    if isinstance(value, int) and abs(value) > 1 << 64:
        return 0
    if isinstance(value, bool) or value is None:
        return rng.choice((0, 1, "true", None, [], not value))
    if isinstance(value, int):
        return rng.choice((whole(rng), -value, value + 1, value / 3, str(value)[:99], 10**400))
    if isinstance(value, float):
        return rng.choice((floating(rng), -value, int(value) if math.isfinite(value) else 0))
    if isinstance(value, str):
        return rng.choice((text(rng), value + text(rng), value.upper(), value[:-1], 3))
    if isinstance(value, list):
        return rng.choice(
            (value + value, value[:-1], value * 40, value[::-1], [value], [*value, None])
        )
    if isinstance(value, dict):
        return rng.choice(({}, list(value), {**value, text(rng): 1}, {"a": value}))
    return None


def changed_data(data: Any, rng: Rng) -> tuple[Any, str]:
    """Change one place in plain data (of JSON), wherever it is; also says where."""
    if not isinstance(data, (dict, list)):
        return odd_value(data, rng), "whole"
    places: list[tuple[Any, Any]] = []
    waiting = [data]
    while waiting:
        at = waiting.pop()
        items = at.items() if isinstance(at, dict) else enumerate(at)
        for key, value in items:
            places.append((at, key))
            if isinstance(value, (dict, list)):
                waiting.append(value)
    if not places or rng.random() < 0.02:
        return odd_value(data, rng), "whole"
    # Long lists of numbers are one kind of place, or they would be nearly all.
    seen: dict[tuple[int, str], list[tuple[Any, Any]]] = {}
    for at, key in places:
        seen.setdefault((id(at), key if isinstance(key, str) else ""), []).append((at, key))
    at, key = rng.choice(rng.choice(list(seen.values())))
    what = rng.random()
    if what < 0.12 and isinstance(at, dict):
        at[text(rng)] = at.pop(key)
        return data, f"key {key}"
    if what < 0.24:
        del at[key]
        return data, f"without {key}"
    at[key] = odd_value(at[key], rng)
    return data, f"value {key}"
