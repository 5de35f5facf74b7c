"""Which kinds of shortcut the search of an audit cannot find, with the rates that were measured."""

from __future__ import annotations

from onnxplain.audit.records.record import Head
from onnxplain.audit.shortcuts.places import LEAST

# Planted classes ranked first, of so many audits: the table of docs/audit.md, which a test
# compares with these.
MEASURED = {
    ("anywhere", "95 %"): (8, 8),
    ("anywhere", "50 %"): (8, 8),
    ("fill the picture", "95 %"): (5, 8),
    ("fill the picture", "50 %"): (0, 8),
}


def unseen(record: Head) -> list[str]:
    """Say what the search for shortcuts cannot see in an audit.

    Parameters
    ----------
    record : Head
        The record.
    """
    if record.boxes is not None:
        return [
            "a shortcut on the box itself: only places beside boxes were covered",
            "one that takes several places beside a box together: each was covered alone",
            f"any of a class with fewer than {LEAST} hits that were tried",
            "one that both all training pictures and all these pictures have",
        ]
    rate = {key: f"{found} of {tried}" for key, (found, tried) in MEASURED.items()}
    found = [
        "a mark on only some pictures of a class: planted on half of them, it was found in "
        f"{rate['anywhere', '50 %']} test networks where objects lie anywhere, and in "
        f"{rate['fill the picture', '50 %']} where they fill the picture; on nearly all of them, "
        f"in {rate['anywhere', '95 %']} and {rate['fill the picture', '95 %']}",
        "a cue that hardly moves other pictures by itself, because the model also needs the object",
    ]
    if record.data.with_mask < record.data.pictures:
        where = ", in pictures without a mask" if record.data.with_mask else ": there are no masks"
        found.append(f"a cue that looks different each time or moves around{where}")
    found += [
        f"any cue of a class with fewer than {LEAST} pictures",
        "a cue that every class shares, or that is not in these pictures at all: the search "
        "compares the classes of this data set",
        "a cue that is not a place: a colour cast, sharpness, noise or the size of the file",
    ]
    return found
