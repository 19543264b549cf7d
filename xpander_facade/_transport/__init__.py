"""Transport: origins, pools, deadlines, bytes. The only place that makes connections."""
