"""Serialization: JSON and attrs classes, jsonable values, redaction. Pure."""
