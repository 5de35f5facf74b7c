"""What a person writes for a class."""

import pytest

from onnxplain.errors import UnknownNameError, UsageError
from onnxplain.targets.request import TargetRequest, class_index, read_target, split_file

LABELS = ("cat", "not-a-dog", "dog", "Tiger Cat", "dog", "a@b")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (None, TargetRequest()),
        (2, TargetRequest(2)),
        ("tiger cat", TargetRequest(3)),
        ("top-3", TargetRequest(top=3)),
        ("TOP-99", TargetRequest(top=6)),  # there are no more classes
        ("not-cat", TargetRequest(0, negative=True)),
        ("not-a-dog", TargetRequest(1)),  # a class of that name comes first
        ("a@b", TargetRequest(5)),
        ("cat@4, 5", TargetRequest(0, position=(4, 5))),
        ("@4,5", TargetRequest(position=(4, 5))),
        ("not-0@everywhere", TargetRequest(0, negative=True, region="everywhere")),
        ("cat@Mask.PNG", TargetRequest(0, region="Mask.PNG")),
    ],
)
def test_every_form(said, expected):
    assert read_target(said, LABELS, 6) == expected


def test_a_place_that_is_none():
    with pytest.raises(UsageError, match="place 'here' is not understood"):
        read_target("cat@here", LABELS, 6)


@pytest.mark.parametrize("index", [-1, 6])
def test_an_index_beyond_the_classes(index):
    with pytest.raises(UsageError, match=rf"index {index} is out of range: the model has 0\.\.5"):
        class_index(index, LABELS, 6)


def test_a_name_of_two_classes_and_of_none():
    with pytest.raises(UsageError, match=r"has several indices, \[2, 4\]"):
        class_index("Dog", LABELS, 6)
    with pytest.raises(UnknownNameError, match=r"tiger.*an index 0\.\.5 works as well"):
        class_index("tiger", LABELS, 6)
    with pytest.raises(UnknownNameError, match="the model has no class names"):
        class_index("cat", (), 6)


@pytest.mark.parametrize("said", ["9" * 5000, "top-" + "9" * 5000, "0@" + "9" * 5000], ids=len)
def test_a_number_that_is_too_long_for_python(said):
    with pytest.raises(UsageError):
        read_target(said, (), 3)


@pytest.mark.parametrize(
    ("said", "parts"),
    [
        ("like=a/b.png", ("like=", "a/b.png", True)),
        (" LIKE=b.npy", ("LIKE=", "b.npy", True)),
        ("3@masks/m.PNG", ("3@", "masks/m.PNG", False)),
        ("a@b @ m.npy", ("a@b @", "m.npy", False)),
        ("3@everywhere", ("3@everywhere", "", False)),
        ("3@1,2", ("3@1,2", "", False)),
        ("tiger cat", ("tiger cat", "", False)),
    ],
)
def test_the_file_of_a_target(said, parts):
    assert split_file(said) == parts
