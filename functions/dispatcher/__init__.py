"""The function that brings deferred calls to providers when messages name them."""
