# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""Contains endpoint functions for accessing the API"""
