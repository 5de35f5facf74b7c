"""Forms of operators that the conversion's own forms leave out."""

from tests.convert.forms import f

EXTRA: list = []
_ = f
