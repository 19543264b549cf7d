"""What a process is to this package: its threads, its late imports, and what a fork does to both."""
