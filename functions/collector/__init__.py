"""The function that the clock starts: it fetches what batches answered, and tends what waits."""
