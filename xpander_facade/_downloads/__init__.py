"""Downloads: the guarded fetch of a task's files."""
