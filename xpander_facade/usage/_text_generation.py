"""Generated text with counts around it: Hugging Face, watsonx, Aleph Alpha, LM Studio, Reka, vLLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xpander_facade.usage._counts import Counts, added, count, counts_in, counts_of
from xpander_facade.usage._fields import field, first_item, first_of, get_path, is_list, text
from xpander_facade.usage._fragments import UsageFragment
from xpander_facade.usage._openai_chat import message_tools

if TYPE_CHECKING:
    from xpander_facade.usage._reader import Reader


def hugging_face(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a text generation with details: whole, or an item of a stream, whose last has them."""
    details, token, whole = field(thing, "details"), field(thing, "token"), field(thing, "generated_text")
    is_chunk = token is not None and isinstance(field(token, "text"), str)
    made = count(field(details, "generated_tokens"))
    if not is_chunk and (made is None or not isinstance(whole, str)):
        return None
    prompt = count(field(details, "input_length"))
    # A server that does not tell the length of the prompt may list its tokens.
    if prompt is None and is_list(prefill := field(details, "prefill")) and len(prefill):
        prompt = len(prefill)
    said = read.take_text(whole) or (
        # A special token, such as the one that ends the text, is not part of it.
        read.take_text(field(token, "text")) if field(token, "special") is not True else []
    )
    return UsageFragment(
        Counts(prompt, made), texts=said, chunk=is_chunk, whole=isinstance(whole, str), ends=made is not None
    )


def watsonx(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a text generation of watsonx: the prompt is counted once, the answer so far in each item of a stream."""
    results = field(thing, "results")
    model = text(first_of(thing, "model_id"))
    if not is_list(results) or model is None:
        return None
    kept = list(read.items(results))
    if not any(field(one, "generated_token_count") is not None for one in kept):
        return None
    return UsageFragment(
        added(map(counts_in, kept)),
        model=model,
        provider="watsonx",
        texts=[said for one in kept for said in read.take_text(field(one, "generated_text"))],
        chunk=True,
        ends=not any(field(one, "stop_reason") in (None, "not_finished", "NOT_FINISHED") for one in kept),
    )


def aleph_alpha(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a completion of Aleph Alpha."""
    completions = field(thing, "completions")
    if not is_list(completions) or not (counts := counts_in(thing)):
        return None
    first = first_item(completions)
    return UsageFragment(
        counts, model=text(field(thing, "model_version")), texts=read.take_text(field(first, "completion"))
    )


def lm_studio(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a prediction of LM Studio."""
    counts = counts_in(field(thing, "stats"))
    if not counts or field(thing, "content") is None:
        return None
    model = first_of(thing, "model_info", "modelInfo")
    return UsageFragment(
        counts, model=text(first_of(model, "model_key", "modelKey")), texts=read.texts(field(thing, "content"))
    )


def reka(thing: Any, read: Reader) -> UsageFragment | None:
    """Read an answer of Reka, or a chunk, which has text and usage so far."""
    responses = field(thing, "responses")
    first = first_item(responses) if is_list(responses) else None
    chunk, message = field(first, "chunk"), field(first, "message")
    if chunk is None and message is None:
        return None
    return UsageFragment(
        counts_of(thing),
        model=text(field(thing, "model")),
        tools=message_tools(chunk if message is None else message, read),
        texts=read.texts(field(chunk if message is None else message, "content")),
        key=text(field(thing, "id")),
        chunk=message is None,
        whole=True,
    )


def vllm(thing: Any, read: Reader) -> UsageFragment | None:
    """Read a RequestOutput of vLLM, which lists the tokens themselves."""
    prompt, outputs = field(thing, "prompt_token_ids"), field(thing, "outputs")
    if not hasattr(prompt, "__len__") or not is_list(outputs):
        return None
    kept = list(read.items(outputs))
    made = [len(ids) for one in kept if hasattr(ids := field(one, "token_ids"), "__len__")]
    if not made:
        return None
    counts = Counts(len(prompt), sum(made), count(field(thing, "num_cached_tokens")))
    return UsageFragment(
        counts, texts=read.take_text(field(kept[0], "text")), key=text(field(thing, "request_id")), chunk=True,
        whole=True, ends=field(thing, "finished") is True,
    )  # fmt: skip


def embedding_statistics(thing: Any, read: Reader) -> UsageFragment | None:
    """Read embeddings of Vertex, each of which has its tokens counted."""
    embeddings = field(thing, "embeddings")
    if not is_list(embeddings):
        return None
    each = [count(get_path(one, "statistics.token_count")) for one in read.items(embeddings)]
    told = [number for number in each if number is not None]
    return UsageFragment(Counts(prompt=sum(told)), provider="google") if told else None
