"""A part of a body comes out as it went in, however the network cuts it, or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from requests.exceptions import ChunkedEncodingError, InvalidHeader

from marrowsignal.pacs.multipart import one_part, write_one_part


def answer(body: bytes, kind: str, *, sizes: list[int]) -> requests.Response:
    """An answer whose body comes in pieces of the given sizes, over and over."""

    class _Stream:
        def stream(self, _size: int, *, decode_content: bool) -> Iterator[bytes]:
            assert decode_content
            at = turn = 0
            while at < len(body):
                size = sizes[turn % len(sizes)]
                yield body[at : at + size]
                at, turn = at + size, turn + 1

    made = requests.Response()
    made.status_code, made.raw = 200, _Stream()
    made.headers["Content-Type"] = kind
    return made


def part_of(response: requests.Response) -> bytes:
    stream = io.BytesIO()
    write_one_part(response, stream)
    return stream.getvalue()


# Bytes that look like boundaries are the hard ones.
payloads = st.one_of(
    st.binary(max_size=200), st.lists(st.sampled_from([b"\r", b"\n", b"-", b"--", b"a"])).map(b"".join)
)
pieces = st.lists(st.integers(1, 40), min_size=1, max_size=5)


@given(payload=payloads, sizes=pieces)
def test_what_went_in_comes_out(payload: bytes, sizes: list[int]) -> None:
    body, kind = one_part(payload)
    assert part_of(answer(body, kind, sizes=sizes)) == payload


@given(payload=payloads, sizes=pieces, data=st.data())
def test_a_body_cut_anywhere_before_its_boundary_ends_is_an_error(
    payload: bytes, sizes: list[int], data: st.DataObject
) -> None:
    body, kind = one_part(payload)
    whole = len(body) - len(b"--\r\n")
    cut = data.draw(st.integers(0, whole - 1))
    with pytest.raises(ChunkedEncodingError):
        part_of(answer(body[:cut], kind, sizes=sizes))


def test_a_bare_instance_is_taken_although_it_is_against_the_standard() -> None:
    bare = answer(b"DICM", "application/dicom", sizes=[2])
    bare.headers["Content-Length"] = "4"
    assert part_of(bare) == b"DICM"


def test_a_bare_instance_that_may_be_cut_off_unnoticed_is_refused() -> None:
    with pytest.raises(InvalidHeader):
        part_of(answer(b"DICM", "application/dicom", sizes=[2]))


@pytest.mark.parametrize(
    "kind", ["text/html", "multipart/related", "", "multipart/related; boundary*=utf-8''%E2%82%AC"]
)
def test_another_kind_of_answer_is_refused(kind: str) -> None:
    with pytest.raises(InvalidHeader):
        part_of(answer(b"<html>", kind, sizes=[6]))


def test_headers_that_do_not_end_are_refused() -> None:
    with pytest.raises(ChunkedEncodingError):
        part_of(answer(b"x" * (1 << 18), "multipart/related; boundary=b", sizes=[1 << 12]))
