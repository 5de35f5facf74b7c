"""Class names in text files: lines, tables and YAML."""

import csv
import io

import pytest

from onnxplain.errors import UsageError
from onnxplain.inputs.label_text import names_of_file

NAMES = ["tench, Tinca tinca", "goldfish", "hen 3"]
WNIDS = ["n01440764", "n01443537", "n01514859"]


def lines(*found):
    return "\n".join(found) + "\n"


TEXTS = {
    "plain": lines(*NAMES),
    "carriage returns, blank lines": "\r\n".join(["", *NAMES, "", ""]),
    "marked as UTF-8": "\ufeff" + lines(*NAMES),
    "0 name": lines(*(f"{k} {n}" for k, n in enumerate(NAMES))),
    "0: name": lines(*(f"{k}: {n}" for k, n in enumerate(NAMES))),
    "0,name": lines(*(f"{k},{n}" for k, n in enumerate(NAMES))),
    "tab": lines(*(f"{k}\t{n}" for k, n in enumerate(NAMES))),
    "quoted": lines(*(f'{k},"{n}"' for k, n in enumerate(NAMES))),
    "any order": lines(*(f"{k} {NAMES[k]}" for k in (2, 0, 1))),
    "synset": lines(*(f"{w} {n}" for w, n in zip(WNIDS, NAMES, strict=True))),
    "index and synset": lines(*(f"{k}: {WNIDS[k]} {n}" for k, n in enumerate(NAMES))),
    "synset and index": lines(*(f"{WNIDS[k]} {k} {n}" for k, n in enumerate(NAMES))),
    "number in brackets": lines(*(f"[{k}] {n}" for k, n in enumerate(NAMES))),
    "number and dash": lines(*(f"{k} - {n}" for k, n in enumerate(NAMES))),
    "name 0, any order": lines(*(f"{NAMES[k]} {k}" for k in (2, 0, 1))),
    "name: 0, any order": lines(*(f"{NAMES[k]}: {k}" for k in (2, 0, 1))),
    "name,0, any order": lines(*(f"{NAMES[k]},{k}" for k in (2, 0, 1))),
    "name = 0, any order": lines(*(f"{NAMES[k]} = {k}" for k in (2, 0, 1))),
    "name, tab, 0, any order": lines(*(f"{NAMES[k]}\t{k}" for k in (2, 0, 1))),
    "JSON": '["tench, Tinca tinca", "goldfish", "hen 3"]',
    "a Python mapping": str(dict(enumerate(NAMES))),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_lines(text):
    assert names_of_file(text, "labels.txt") == NAMES


def table(rows, delimiter=","):
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()


ROWS = {
    ("index", "label"): [(k, n) for k, n in enumerate(NAMES)],
    ("id", "name"): [(k, NAMES[k]) for k in (1, 2, 0)],
    ("name", "id"): [(n, k) for k, n in enumerate(NAMES)],
    ("label", "name"): [(k, n) for k, n in enumerate(NAMES)],
    ("class", "label"): [(k, n) for k, n in enumerate(NAMES)],
    ("class", "description"): [(k, n) for k, n in enumerate(NAMES)],
    ("Class_ID", "Class_Name", "colour"): [(k, n, "red") for k, n in enumerate(NAMES)],
    ("index", "mid", "display_name"): [(k, f"/m/{k}", n) for k, n in enumerate(NAMES)],
    ("id", "name", "x"): [(w, n, "y") for w, n in zip(WNIDS, NAMES, strict=True)],
    ("", "class"): [(k, n) for k, n in enumerate(NAMES)],  # as pandas writes them
    ("Nummer", "Art"): [(k, NAMES[k]) for k in (2, 1, 0)],
    ("name",): [(n,) for n in NAMES],
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(("heading", "rows"), ROWS.items(), ids=map("+".join, ROWS))
def test_tables(heading, rows, delimiter):
    ending = "tsv" if delimiter == "\t" else "csv"
    assert names_of_file(table([heading, *rows], delimiter), f"x.{ending}") == NAMES


@pytest.mark.parametrize(
    "rows",
    [
        [(k, n) for k, n in enumerate(NAMES)],
        [(n, k) for k, n in enumerate(NAMES)],
        [(w, n) for w, n in zip(WNIDS, NAMES, strict=True)],
        [(k, WNIDS[k], NAMES[k]) for k in (2, 0, 1)],
        [(n,) for n in NAMES],
    ],
)
def test_tables_without_a_heading(rows):
    assert names_of_file(table(rows), "x.csv") == NAMES


def test_a_table_in_a_text_file():
    assert names_of_file("id,name\n1,dog\n0,cat\n", "labels.txt") == ["cat", "dog"]


def test_names_that_look_like_numbers():
    digits = [str(k) for k in range(10)]
    assert names_of_file(lines(*digits), "x.txt") == digits
    assert names_of_file(table([("index", "name"), *enumerate("572")]), "x.csv") == ["5", "7", "2"]


YAML = {
    "list": "path: data\nnc: 3\nnames: ['tench, Tinca tinca', \"goldfish\", hen 3]  # classes\n",
    "list over lines": "names: [\n  'tench, Tinca tinca', # a\n goldfish,\n  hen 3,\n]\nnc: 3\n",
    "entries": "names:\n  - tench, Tinca tinca  # a fish\n  - 'goldfish'\n\n  - hen 3\nnc: 3\n",
    "entries at the margin": "names:\n- tench, Tinca tinca\n- goldfish\n- hen 3\ntrain: images\n",
    "mapping": '# a comment\nnames:\n  2: hen 3\n  0: "tench, Tinca tinca" # x\n  1: goldfish\n',
    "mapping in braces": "names: {0: 'tench, Tinca tinca', 1: goldfish, 2: hen 3}\n",
}


@pytest.mark.parametrize("file", ["data.yaml", "data.YML", "data.txt"])
@pytest.mark.parametrize("text", YAML.values(), ids=YAML)
def test_yaml(text, file):
    assert names_of_file(text, file) == NAMES


def test_yaml_quotes_hold_their_signs():
    text = 'names:\n  0: "a # b"\n  1: \'it\'\'s\'\n  2: c#d\n  3: "say \\"x\\""\n'
    assert names_of_file(text, "d.yaml") == ["a # b", "it's", "c#d", 'say "x"']


REFUSED = {
    "a gap": ("x.txt", "0: a\n1: b\n3: d", "index 2 is missing"),
    "a gap behind spaces": ("x.txt", "0 a\n1 b\n3 d", "index 2.*numbers belong to the names"),
    "cards": ("x.txt", "2 of clubs\n2 of hearts", "index 2 appears twice.*write a .json list"),
    "from 1": ("x.txt", "1: a\n2: b", "count from 1 to 2"),
    "negative": ("x.txt", "-1: a\n0: b", "negative"),
    "some lines": ("x.txt", "0: a\n1: b\nc", "'c' has no index in front"),
    "uneven": ("x.csv", "n01440764,tench, Tinca\nn01443537,goldfish", "line 2 has 2 cells"),
    "no name": ("x.csv", "id,colour,sort\n0,red,a\n1,blue,b", "known to hold names; call it"),
    "two texts": ("x.csv", "cat,Katze\ndog,Hund", "it is not clear which of its"),
    "a bad index": ("x.csv", "index,name\n0,a\nx,b", "row 2 has 'x' as an index"),
    "a table's gap": ("x.csv", "index,name\n0,a\n2,b", "index 1 is missing"),
    "no key": ("x.yaml", "train: a\n", "no key 'names'"),
    "a value": ("x.yaml", "names: tench\n", "expected a list or a mapping"),
    "an open list": ("x.yaml", "names: [a, b\n", "no ']' ends it"),
    "a nested entry": ("x.yaml", "names:\n  a: b\n", "neither '- name' nor 'index: name'"),
    "an empty entry": ("x.yaml", "names: [a, , b]\n", "entry 1 has no name"),
    "a YAML gap": ("x.yaml", "names:\n  0: a\n  2: b\n", "index 1 is missing"),
    "a damaged file": ("x.json", '["a", ', "not valid JSON"),
    "a long cell": ("x.csv", "index,name\n0," + "a" * 200_000, "field larger|characters"),
}


@pytest.mark.parametrize(("file", "text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_makes_no_sense_is_named(file, text, said):
    with pytest.raises(UsageError, match=said) as raised:
        names_of_file(text, file)
    assert file in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "names",
    [
        ["digit 0", "digit 1", "digit 2"],  # one name with numbers
        ["Boeing 737", "Airbus 320", "Airbus 321"],  # no indices
        ["class 1", "other 1", "third 0"],  # not each once
        ["cat", "dog 1", "hen 0"],  # not all
    ],
)
def test_numbers_that_belong_to_the_names_stay(names):
    assert names_of_file(lines(*names), "labels.txt") == names
