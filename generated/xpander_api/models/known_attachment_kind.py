# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

from typing import Literal

KnownAttachmentKind = Literal["archive", "audio", "document", "image", "pdf", "text", "unknown", "video"]

KNOWN_ATTACHMENT_KIND_VALUES: set[KnownAttachmentKind] = {
    "archive",
    "audio",
    "document",
    "image",
    "pdf",
    "text",
    "unknown",
    "video",
}


def check_known_attachment_kind(value: str) -> KnownAttachmentKind:
    if value in KNOWN_ATTACHMENT_KIND_VALUES:
        return value
    raise TypeError(f"Unexpected value {value!r}. Expected one of {KNOWN_ATTACHMENT_KIND_VALUES!r}")
