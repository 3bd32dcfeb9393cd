"""Bodies of several parts (RFC 2046) as DICOMweb uses them: one instance a part, and here one part a body."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from email.message import Message
from typing import BinaryIO

import requests
from requests.exceptions import ChunkedEncodingError, InvalidHeader

__all__ = ["one_part", "write_one_part"]

_CHUNK = 1 << 18
_HEADERS_END = b"\r\n\r\n"
_MOST_HEADERS = 1 << 16


def one_part(data: bytes) -> tuple[bytes, str]:
    """Return a body of one part, and its Content-Type.

    Parameters
    ----------
    data : bytes
        One DICOM file.
    """
    boundary = secrets.token_hex(16)
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    return head + data + f"\r\n--{boundary}--\r\n".encode(), kind


def write_one_part(response: requests.Response, stream: BinaryIO) -> None:
    """Write the one part of an answer as it arrives.

    Parameters
    ----------
    response : requests.Response
        Made with ``stream=True``; a body that is the file itself, against the standard, is taken too.
    stream : binary file
        Gets the part's bytes as they were sent.

    Raises
    ------
    requests.RequestException
        If the body ends before its part does, or is none of this kind.
    """
    kind = Message()
    kind["Content-Type"] = response.headers.get("Content-Type", "")
    chunks: Iterator[bytes] = response.iter_content(_CHUNK)
    if kind.get_content_type() == "application/dicom" and _tells_its_end(response):
        for chunk in chunks:
            stream.write(chunk)
        return
    boundary = kind.get_boundary()
    if kind.get_content_type() != "multipart/related" or not (boundary and boundary.isascii()):
        raise InvalidHeader("no multipart/related answer", response=response)
    _write_until(b"\r\n--" + boundary.encode(), _after_headers(chunks), stream)


def _tells_its_end(response: requests.Response) -> bool:
    """Whether a body that was cut off would be noticed: nothing in a DICOM file says where it ends."""
    return "Content-Length" in response.headers or response.headers.get("Transfer-Encoding", "").lower() == "chunked"


def _after_headers(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Leave out the preamble, the first boundary and the part's headers."""
    head = b""
    for chunk in chunks:
        head += chunk
        _, found, rest = head.partition(_HEADERS_END)
        if found:
            yield rest
            yield from chunks
            return
        if len(head) > _MOST_HEADERS:
            break
    raise ChunkedEncodingError("the answer ends within its headers")


def _write_until(delimiter: bytes, chunks: Iterator[bytes], stream: BinaryIO) -> None:
    held = b""
    for chunk in chunks:
        held += chunk
        part, found, _ = held.partition(delimiter)
        if found:
            stream.write(part)
            # What follows is short; read to its end, the connection can serve the next request.
            for _rest in chunks:
                pass
            return
        # The delimiter may be cut in two by the chunks.
        sure = max(0, len(held) - len(delimiter) + 1)
        stream.write(held[:sure])
        held = held[sure:]
    raise ChunkedEncodingError("the answer ends within its part")
