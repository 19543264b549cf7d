#!/usr/bin/env bash
# openapi-python-client: a `discriminator` is not read; a union's value becomes the first model that does not refuse it.
#
# A stream of events, told apart by "type" with a mapping, is generated without a word of warning. A "finished" event is
# then read as a Progress, whose properties are all optional, and its own ones end among the additional properties: a
# program that asks isinstance(event, Finished) waits forever.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openapi-python-client==0.29.1
cat > "$folder/spec.json" <<'JSON'
{
  "openapi": "3.1.0",
  "info": {"title": "Oven", "version": "1"},
  "paths": {"/event": {"get": {"operationId": "next_event", "responses": {"200": {
    "description": "The next event.",
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Event"}}}}}}}},
  "components": {"schemas": {
    "Event": {"type": "object", "required": ["event"], "properties": {"event": {
      "oneOf": [{"$ref": "#/components/schemas/Progress"}, {"$ref": "#/components/schemas/Finished"}],
      "discriminator": {"propertyName": "type", "mapping": {
        "progress": "#/components/schemas/Progress", "finished": "#/components/schemas/Finished"}}}}},
    "Progress": {"type": "object", "properties": {"type": {"type": "string"}, "percent": {"type": "integer"}}},
    "Finished": {"type": "object", "required": ["type", "loaves"], "properties": {
      "type": {"type": "string"}, "loaves": {"type": "integer"}}}}}
}
JSON
cat > "$folder/check.py" <<'PY'
import importlib.metadata
import sys

from client.oven_client.models import Event

event = Event.from_dict({"event": {"type": "finished", "loaves": 12}}).event
print("openapi-python-client", importlib.metadata.version("openapi-python-client"))
print(f"an event of type {event.type_!r} was read as a {type(event).__name__} with additional properties {event.additional_properties}")
sys.exit(0 if type(event).__name__ == "Progress" and event.additional_properties == {"loaves": 12} else 1)
PY
printf 'post_hooks: []\n' > "$folder/config.yaml"
cd "$folder"
said="$(venv/bin/openapi-python-client generate --path spec.json --config config.yaml --output-path client 2>&1)"
if grep --quiet --ignore-case --extended-regexp 'warning|discriminator' <<< "$said"; then
    printf 'the generator says something now: %s\n' "$said"
    exit 1
fi
PYTHONPATH="$folder" venv/bin/python check.py
