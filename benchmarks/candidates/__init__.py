"""What is measured: one module per candidate. See worker.py for what each may define."""
