"""Requests: the arguments of the verbs become generated requests. The only importer of `xpander_api.api`."""
