"""The outside world behind ``shared.ports``: AWS, providers, and in-memory fakes."""
