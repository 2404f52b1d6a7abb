"""YAML as people mean it, with the place of everything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import FileError
from pipeline.yaml_places import Document, read
from tests.chance import examples

quick = examples(60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.yml"


def document(file: Path, text: str) -> Document:
    file.write_text(text, "utf-8")
    return read(file)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("12", 12), ("-3", -3), ("+3", 3), ("0", 0), ("1.5", 1.5), (".5", 0.5), ("1e3", 1000.0), ("0.10", 0.1),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ('""', ""), ("'no'", "no"),
        ("web", "web"), ("24h", "24h"), ("2026-01-01", "2026-01-01"), ("2026-01-01T09:00:00Z", "2026-01-01T09:00:00Z"),
        ("<= 6", "<= 6"), ("=", "="), ("y", "y"), ("nope", "nope"), ("1.2.3", "1.2.3"), ("+31 20 123", "+31 20 123"),
        ("|\n  two\n  lines\n", "two\nlines\n"), ('"12"', "12"), ("[1, web]", [1, "web"]), ("{a: 1}", {"a": 1}),
        ("9" * 5000, "9" * 5000),
    ],
)  # fmt: skip
def test_a_value_is_what_people_mean_by_it(written: str, meant: Any, file: Path) -> None:
    found = document(file, f"key: {written}\n")
    assert not found.mistakes
    assert found.data == {"key": meant}
    assert type(found.data["key"]) is type(meant)


@pytest.mark.parametrize(
    "written",
    ["no", "Yes", "ON", "012", "0o14", "0x1F", "1_000", "1:30", "190:20:30.15", ".inf", "-.INF", ".NaN"],
)
def test_a_value_that_readers_understand_differently_is_refused(written: str, file: Path) -> None:
    found = document(file, f"key: {written}\n")
    assert [(one.line, one.column) for one in found.mistakes] == [(1, 6)]
    assert f'"{written}" in quotes' in found.mistakes[0].text


def test_keys_values_and_items_have_places(file: Path) -> None:
    found = document(file, "first: 1\nlist:\n  - a\n  -   {b: 2}\nempty:\n")
    assert found.keys == {
        (): (1, 1), ("first",): (1, 1), ("list",): (2, 1), ("list", 0): (3, 5), ("list", 1): (4, 7),
        ("list", 1, "b"): (4, 8), ("empty",): (5, 1),
    }  # fmt: skip
    assert found.values == {
        (): (1, 1), ("first",): (1, 8), ("list",): (3, 3), ("list", 0): (3, 5), ("list", 1): (4, 7),
        ("list", 1, "b"): (4, 11), ("empty",): (5, 1),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        (("list", 1, "b"), False, (4, 11)),
        (("list", 1, "b"), True, (4, 8)),
        (("list", 1, "c"), False, (4, 7)),
        (("list", 7, "c"), False, (2, 1)),
        (("none",), True, (1, 1)),
        ((), False, (1, 1)),
    ],
)
def test_a_mistake_points_to_its_value_or_key_or_to_what_is_nearest(
    path: tuple[str | int, ...], key: bool, place: tuple[int, int], file: Path
) -> None:
    found = document(file, "first: 1\nlist:\n  - a\n  -   {b: 2}\n").mistake(path, "is wrong", key=key)
    assert (found.line, found.column) == place
    assert str(found) == f"{file}:{place[0]}:{place[1]}: is wrong"


def test_half_a_character_is_refused(file: Path) -> None:
    found = document(file, 'one: "\\ud83d\\ude00"\ntwo: "\\ud83d"\n"\\ude00": three\n')
    assert found.data == {"one": "😀", "two": ""}
    assert [str(one).removeprefix(f"{file}:") for one in found.mistakes] == [
        "2:6: an escape here is half a character; write the character itself",
        "3:1: an escape here is half a character; write the character itself",
    ]


def test_a_byte_order_mark_is_no_part_of_the_first_key(file: Path) -> None:
    assert document(file, "\ufeffrules: []\n").data == {"rules": []}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('a: "x\n', (1, 4)),
        ('a: "x\nb: "y"\n', (1, 4)),
        ('a: "x\n# A comment.\n\nb: "y"\n', (1, 4)),
        ('a: "x\nb: {c: "y"}\nd: z\n', (1, 4)),
        ('a: "x\nb: {c: "> 3"}\n', (1, 4)),
        ('a: "x\nb: {c: "!= 3"}\n', (1, 4)),
        ('a: "x\nb: {c: "*"}\n', (1, 4)),
        ("a: 'x\nb: 'y'\n", (1, 4)),
        ('a:\n  - b: "x\n    c: d\n  - b: "y"\n', (2, 8)),
        ('a: {b: "x}\nc: "y"\n', (1, 8)),
        ('a: ["x, y]\nc: ["y"]\n', (1, 5)),
        ('"a: x\nb: "y"\n', (1, 1)),
        ('a: "x\nb: ""\n', (1, 4)),
    ],
)
def test_a_quote_that_is_never_closed_is_told_where_it_begins(
    text: str, place: tuple[int, int], file: Path
) -> None:
    found = document(file, text)
    assert [str(one) for one in found.mistakes] == [
        f"{file}:{place[0]}:{place[1]}: the quote is never closed"
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a: ["x\n  y"', '2:5: a comma or "]" is missing before this'),
        ('a: ["x\n  y"}', '2:5: a comma or "]" is missing before this'),
        (
            'a: "x\n  y"\n b: z\n',
            "3:2: this does not stand in line with what it belongs to; mend the indentation",
        ),
    ],
)
def test_a_text_over_lines_that_is_closed_is_not_blamed(text: str, said: str, file: Path) -> None:
    assert [str(one) for one in document(file, text).mistakes] == [f"{file}:{said}"]


@pytest.mark.parametrize("name", ["gone.yml", "."])
def test_a_file_that_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot be read: (No such file|Is a directory)"):
        read(tmp_path / name)


plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**15), 10**15) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@quick
@given(plain)
def test_json_is_read_as_it_is(file: Path, data: Any) -> None:
    found = document(file, json.dumps(data))
    assert found.data == data
    assert not found.mistakes


@quick
@given(
    st.text(
        st.characters(categories=["Cc", "Zs", "P", "S", "N"]) | st.sampled_from("ab:-#[]{}&*!|>\n\t\"'"),
        max_size=40,
    )
)
def test_whatever_is_written_there_is_an_answer(file: Path, text: str) -> None:
    found = document(file, text)
    for mistake in found.mistakes:
        assert mistake.line >= 1
        assert mistake.column >= 1
        assert len(mistake.text) < 300


@quick
@given(st.binary(max_size=40))
def test_whatever_bytes_there_are_there_is_an_answer(file: Path, raw: bytes) -> None:
    file.write_bytes(raw)
    read(file)
