"""What Content-Encoding says, decoded in pieces: what httpx and curl read, and names that compress nothing."""

from __future__ import annotations

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpander_facade._transport.body import Body
from xpander_facade._transport.content_coding import ContentDecoder, UnreadableCodingError
from xpander_facade._transport.response import Failure, Response

PLAIN = b'{"id": "task_1", "result": "' + b"four words of text " * 500 + b'"}'
PACKED = gzip.compress(PLAIN, mtime=0)  # the time of today would be in the names of tests


def bare(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return compressor.compress(data) + compressor.flush()


def read(encoding: str, data: bytes, size: int = 1_000, limit: int = 1_000_000) -> Response | Failure:
    body = Body({"content-encoding": encoding}, limit)
    for start in range(0, len(data), size):
        if not body.feed(data[start : start + size]):
            break
    return body.response(200)


CODED = {
    "nothing": ("", PLAIN),
    "identity": ("identity", PLAIN),
    "utf-8, as object stores have it": ("utf-8", PLAIN),
    "none": ("none", PLAIN),
    "aws-chunked": ("aws-chunked", PLAIN),
    "a name that nobody knows": ("gzip-of-nothing-known", PLAIN),
    "gzip": ("gzip", gzip.compress(PLAIN)),
    "gzip in capitals, beside what compresses nothing": ("aws-chunked, GZIP", gzip.compress(PLAIN)),
    "x-gzip": ("x-gzip", gzip.compress(PLAIN)),
    "two members": ("gzip", gzip.compress(PLAIN[:700]) + gzip.compress(PLAIN[700:])),
    "three members, one empty": ("gzip", gzip.compress(PLAIN[:7]) + gzip.compress(b"") + gzip.compress(PLAIN[7:])),
    "a padded member": ("gzip", gzip.compress(PLAIN) + b"\0" * 100),
    "deflate": ("deflate", zlib.compress(PLAIN)),
    "bare deflate": ("deflate", bare(PLAIN)),
    "twice": ("gzip, gzip", gzip.compress(gzip.compress(PLAIN))),
    "deflate within gzip": ("deflate, gzip", gzip.compress(zlib.compress(PLAIN))),
}


@pytest.mark.parametrize("size", [1, 3, 10_000])
@pytest.mark.parametrize("what", CODED)
def test_a_body_is_read(what: str, size: int):
    encoding, data = CODED[what]
    response = read(encoding, data, size)
    assert isinstance(response, Response), response
    assert response.content == PLAIN


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, br", "BR"])
def test_a_compression_that_was_not_asked_for_is_an_error_that_names_it(encoding: str):
    response = read(encoding, PLAIN)
    assert isinstance(response, Failure)
    assert response.kind == "unreadable"
    assert encoding.rpartition(" ")[2].lower() in response.text


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_what_is_not_compressed_although_it_says_so_is_unreadable(encoding: str):
    response = read(encoding, PLAIN)
    assert isinstance(response, Failure)
    assert response.kind == "unreadable"


@pytest.mark.parametrize("data", [PACKED[:-4], PACKED[:50], PACKED + b"\x1f"])
def test_a_body_that_is_cut_off_is_a_broken_connection(data: bytes):
    response = read("gzip", data)
    assert isinstance(response, Failure)
    assert response.kind == "broken"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "gzip, gzip"])
def test_no_more_is_unpacked_than_shows_that_it_is_too_much(encoding: str):
    bomb = b"x" * 50_000_000
    packed = {
        "gzip": gzip.compress(bomb),
        "deflate": zlib.compress(bomb),
        "gzip, gzip": gzip.compress(gzip.compress(bomb)),
    }
    body = Body({"content-encoding": encoding}, 1_000)
    assert not body.feed(packed[encoding])
    assert len(body._content) < 200_000
    response = body.response(200)
    assert isinstance(response, Failure)
    assert "larger than max_response_bytes" in response.text


@given(st.sampled_from(["gzip", "deflate", "gzip, deflate", "x"]), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(encoding: str, data: bytes):
    assert isinstance(read(encoding, data, 7), Response | Failure)


def test_a_broken_stream_says_so():
    decoder = ContentDecoder("gzip")
    with pytest.raises(UnreadableCodingError, match="encoding is broken"):
        list(decoder.decode(b"plain text"))
