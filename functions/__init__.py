"""The doors: each function translates, calls one use case and translates back."""
