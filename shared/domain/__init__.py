"""Pure decisions and values: no AWS, no SDK, no environment, no clock, no randomness."""
