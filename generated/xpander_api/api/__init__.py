# Do not edit; run `make generate`. Written by openapi-python-client from openapi.yaml.

"""Contains methods for accessing the API"""
