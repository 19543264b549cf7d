"""Test the decoder of event streams: any stream in any pieces, beside httpx-sse, and where the two differ."""

import itertools

import httpx
import httpx_sse
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xpander_facade._client import event_frames
from xpander_facade._client.event_frames import Frame, FrameDecoder
from xpander_facade._transport.exceptions import RemoteProtocolError

MARK = b"\xef\xbb\xbf"


def decoded(pieces, last_id=""):
    decoder = FrameDecoder(last_id)
    return [frame for piece in pieces for frame in decoder.decode(piece)]


def frames(stream, last_id=""):
    return decoded([stream], last_id)


def data_of(found):
    return [frame.data for frame in found]


def of_httpx_sse(stream):
    """Return what httpx-sse reads, without the frames that it makes of comments once there was an id."""
    response = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=stream)
    return [(frame.event, frame.data, frame.id, frame.retry) for frame in httpx_sse.EventSource(response).iter_sse()]


def in_pieces(stream, cuts):
    edges = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    return [stream[start:end] for start, end in itertools.pairwise(edges)]


values = st.text(st.sampled_from("ab {}:é😀\u2028\u0085\x0b\x0c"), max_size=6)
lines = st.one_of(
    values.map("data: {}".format),
    values.map("data:{}".format),
    st.sampled_from(["data", "event: note", "event:", "color: red", ": a comment", ":", "", "", "", "data: x: y"]),
    values.map("id: {}".format),
    st.sampled_from(["id", "id: with\0null", "retry: 10", "retry: soon", "retry:"]),
)
streams = st.lists(st.tuples(lines, st.sampled_from(["\n", "\r", "\r\n"])), max_size=12).map(
    lambda parts: "".join(line + end for line, end in parts).encode()
)
cuts = st.lists(st.integers(0, 200), max_size=6)


@settings(max_examples=150)
@given(streams, cuts)
@example(b"data: a\r\n\r\ndata: b\r\n\r\n", [8, 9, 10, 11])
@example(b"data: a\n\r\ndata: b\r\r", [8, 9, 10])
def test_any_stream_is_read_the_same_in_any_pieces_and_as_httpx_sse_reads_it(stream, cuts):
    found = frames(stream)
    assert decoded(in_pieces(stream, cuts)) == found
    assert decoded([bytes([byte]) for byte in stream]) == found
    # httpx-sse makes a frame of each empty line once there was an id, and of an event without data.
    told = [tuple(frame) for frame in found if frame.data]
    assert told == [frame for frame in of_httpx_sse(stream) if frame[1]]


@given(st.binary(max_size=60), cuts)
def test_any_bytes_are_read_the_same_in_any_pieces(stream, cuts):
    assert decoded(in_pieces(stream, cuts)) == frames(stream)


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_an_event_is_complete_with_its_empty_line_whatever_comes_next(ending):
    decoder = FrameDecoder()
    assert decoder.decode(b"data: a" + ending) == []
    assert not decoder.is_between_events
    assert data_of(decoder.decode(ending)) == ["a"]
    assert decoder.is_between_events
    assert data_of(decoder.decode(b"data: b" + ending + ending)) == ["b"]
    assert decoder.is_between_events


def test_an_event_without_its_empty_line_is_none():
    assert frames(b"data: a\n\ndata: b\n") == [Frame("message", "a", "", None)]


def test_lines_of_data_are_joined_and_a_kind_holds_for_its_event_only():
    found = frames(b"event: note\ndata: a\ndata\ndata:  b\n\ndata: c\n\n")
    assert found == [Frame("note", "a\n\n b", "", None), Frame("message", "c", "", None)]


def test_an_id_holds_on_until_another_one_or_an_empty_one_takes_its_place():
    found = frames(b"data: a\n\nid: 2\ndata: b\n\ndata: c\n\nid\ndata: d\n\nid: 5\n\ndata: e\n\n", last_id="1")
    assert [(frame.data, frame.id) for frame in found] == [
        ("a", "1"), ("b", "2"), ("c", "2"), ("d", ""), ("", "5"), ("e", "5"),
    ]  # fmt: skip


def test_an_id_with_a_null_is_passed_over():
    assert frames(b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n")[1] == Frame("message", "b", "1", None)


@pytest.mark.parametrize(
    ("told", "retry"), [("10", 10), ("0", 0), ("-5", None), ("+5", None), ("1.5", None), ("٣", None), ("", None)]
)
def test_a_time_until_the_next_try_is_digits(told, retry):
    assert frames(f"retry: {told}\ndata: a\n\n".encode()) == [Frame("message", "a", "", retry)]


def test_a_time_of_any_length_is_read():
    assert frames(b"retry: " + b"9" * 5000 + b"\n\n")[0].retry >= 10**8


def test_comments_and_empty_lines_are_no_frames_after_an_id_either():
    decoder = FrameDecoder("1")
    assert decoder.decode(b": ping\n\n\n\n: ping\r\n\r\n") == []
    assert decoder.is_between_events
    assert decoder.decode(b"event: note\n\n") == []


def test_a_byte_order_mark_counts_at_the_start_only():
    assert data_of(frames(MARK + b"data: a\n\n")) == ["a"]
    assert data_of(decoded([MARK[:1], MARK[1:2], MARK[2:] + b"data: a\n\n" + MARK + b"data: b\n\n"])) == ["a"]


def test_what_is_no_utf_8_is_replaced_and_what_is_cut_within_a_character_is_whole():
    assert data_of(frames(b"data: \xff\xc3\n\ndata: b\n\n")) == ["\ufffd\ufffd", "b"]
    text = "data: é😀\n\n".encode()
    assert data_of(decoded([text[:7], text[7:10], text[10:]])) == ["é😀"]


def test_an_event_that_never_ends_is_a_broken_stream(monkeypatch):
    monkeypatch.setattr(event_frames, "MAX_EVENT_BYTES", 1000)
    decoder = FrameDecoder()
    for number in range(50):
        assert data_of(decoder.decode(b"data: %03d" % number + b"x" * 600 + b"\n\n")) == [f"{number:03d}" + "x" * 600]
    decoder.decode(b"data: " + b"x" * 900)
    with pytest.raises(RemoteProtocolError, match="an event is larger than 1000 bytes"):
        decoder.decode(b"x" * 100)


def test_a_large_event_is_copied_once_and_not_with_each_piece():
    decoder = FrameDecoder()
    piece = b"x" * 1000
    decoder.decode(b"data: ")
    for _ in range(5000):
        decoder.decode(piece)
    assert len(decoder._pieces) == 5001
    assert data_of(decoder.decode(b"\n\n")) == ["x" * 5_000_000]
