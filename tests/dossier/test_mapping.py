"""The table of laws and standards claims nothing that the dossier does not hold."""

from onnxplain.dossier.mapping import NOT_COVERED, STATES, as_markdown, mapping

ALL = {"labels", "use", "data_note", "groups"}
NAMED = ["Art. 11", "Art. 12", "Art. 13", "Art. 15", "Annex IV", "6254", "24029", "42001", "FDA"]


def test_every_row_says_where_or_what_is_lacking():
    for row in mapping(ALL)["rows"]:
        assert row["status"] in STATES
        assert bool(row["where"]) == (row["status"] != NOT_COVERED)
        assert row["lacking"] or row["status"] == "covered"
        assert "|" not in "".join(row.values())


def test_the_texts_that_auditors_cite():
    said = as_markdown(mapping(ALL))
    assert all(name in said for name in NAMED)
    assert "no statement of conformity" in said


def test_what_nobody_told_is_not_covered():
    full, bare = mapping(ALL)["rows"], mapping(set())["rows"]
    lost = [f for f, b in zip(full, bare, strict=True) if f["status"] != b["status"]]
    assert {r["status"] for r in lost} == {"partly"}
    accuracy = next(r for r in bare if r["part"].startswith("Art. 15(1)"))
    assert accuracy["status"] == NOT_COVERED
    assert "no labels" in accuracy["lacking"]


def test_training_data_and_training_are_not_claimed():
    """Annex IV 2(d) asks about training data; a dossier holds test pictures alone."""
    rows = {r["part"]: r for r in mapping(ALL)["rows"]}
    for part in ("Annex IV 2(a) to (c)", "Annex IV 2(d)", "Annex IV 2(f)", "Art. 12", "Art. 86"):
        assert rows[part]["status"] == NOT_COVERED


def test_groups_of_persons_need_a_column():
    part = "Art. 13(3)(b)(v)"
    with_groups, without = (
        next(r for r in mapping(there)["rows"] if r["part"] == part)
        for there in (ALL, ALL - {"groups"})
    )
    assert with_groups["status"] == "partly"
    assert without["status"] == NOT_COVERED
    assert "no column" in without["lacking"]


def test_files_that_it_names_are_in_a_dossier(signed):
    named = {
        part.partition(":")[0]
        for row in mapping(ALL)["rows"] if row["where"] != "the whole dossier"
        for part in row["where"].split("; ") if part
    }  # fmt: skip
    assert named
    assert all((signed / name).exists() for name in named), named
