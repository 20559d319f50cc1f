import gzip
from hashlib import sha256
from pathlib import Path

import pytest

from bus.errors import ConfigError
from market.sources.delimited import read_delimited

TEXT = "timestamp,open,high,low,close,volume\n2008-09-15,10,12,9,11,1000\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        gzip.compress(TEXT.encode(), mtime=0),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.rstrip("\n").encode(),
    ],
    ids=["plain", "gzip", "byte order mark", "windows", "old mac", "no last newline"],
)
def test_the_same_rows_whatever_the_wrapping(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "any.name"
    path.write_bytes(content)
    table = read_delimited(path, "any.name")
    assert list(table.rows) == [(2, ["2008-09-15", "10", "12", "9", "11", "1000"])]
    assert table.columns == (0, 1, 2, 3, 4, 5)
    assert table.width == 6
    assert table.source == f"csv any.name sha256 {sha256(content).hexdigest()[:12]}"


def test_quoted_fields_are_read_and_blank_lines_are_not_rows(tmp_path: Path) -> None:
    path = tmp_path / "quoted.csv"
    path.write_text('\n"Date","Open","High","Low","Close","Volume"\n\n"2008-09-15","1","1","1","1","0"\n\n')
    assert list(read_delimited(path, "q").rows) == [(4, ["2008-09-15", "1", "1", "1", "1", "0"])]


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "broken.csv:1: empty file; the first line must name the columns"),
        (b"\n\n", "broken.csv:1: empty file"),
        (b"timestamp,open,high,low,close\n", "broken.csv:1: no column volume in the header"),
        (b"\nday,open,high,low,close,volume\n", "broken.csv:2: no column timestamp/date/time in the header"),
        (b"timestamp;open;high;low;close;volume\n", "no column timestamp/date/time .*separated by commas"),
        (
            b"date,time,open,high,low,close,volume\n",
            "broken.csv:1: 2 columns could be timestamp/date/time .date, time.",
        ),
        (b"date,open,high,low,close,Close,volume\n", "2 columns could be close .close, close.; keep one"),
        (b"date,open\xe9\n", "broken.csv:1: byte 9 is not UTF-8 text; save the file as UTF-8"),
        (TEXT.encode() + b"x\xff\n", "broken.csv:3: byte 65 is not UTF-8"),
        (gzip.compress(TEXT.encode(), mtime=0)[:-4], "broken.csv: broken gzip: .*; fetch or write the file again"),
        (b"\x1f\x8bnothing of the kind", "broken.csv: broken gzip"),
        (gzip.compress(TEXT.encode(), mtime=0)[:12] + b"\xff" * 40, "broken.csv: broken gzip"),
        (b'"timestamp\nopen', "broken.csv:1: a quoted field runs on to line 2; close its quote"),
        (b"a" * 200_000, "broken.csv:1: field larger than field limit"),
    ],
)
def test_a_broken_file_is_one_clear_line(tmp_path: Path, content: bytes, complaint: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=complaint) as caught:
        read_delimited(path, "broken.csv")
    assert "\n" not in str(caught.value)


def test_an_open_quote_does_not_swallow_the_rest_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "quote.csv"
    path.write_text(TEXT + '2008-09-16,"11,13,10,12,1100\n' + "2008-09-17,1,1,1,1,1\n" * 3)
    with pytest.raises(ConfigError, match=r"quote.csv:3: a quoted field runs on to line 6"):
        list(read_delimited(path, "quote.csv").rows)


def test_an_oversized_field_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    path.write_text(TEXT + "9" * 200_000 + "\n")
    with pytest.raises(ConfigError, match=r"big.csv:3: field larger"):
        list(read_delimited(path, "big.csv").rows)


def test_a_missing_file_says_where_it_was_looked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"data/no.csv: no such file \(looked at .*no.csv\); correct market.paths"):
        read_delimited(tmp_path / "no.csv", "data/no.csv")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="here: cannot be read: Is a directory"):
        read_delimited(tmp_path, "here")
