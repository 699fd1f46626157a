"""Deferred calls: jobs, the provider batches that they join, and the times by which all is done."""
