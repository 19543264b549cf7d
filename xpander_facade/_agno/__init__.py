"""What is made for Agno: the arguments of its `Agent` for an agent of the platform.

Imported late, by `Backend.get_args`.
"""
