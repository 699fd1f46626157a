"""Callers' batches: checked, held for, split over providers' batches, and merged again.

``money`` holds and settles. The order of the others is that of a batch's life.
"""
