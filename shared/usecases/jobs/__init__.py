"""The use cases of deferred calls."""
