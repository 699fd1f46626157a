"""The providers' prompt caches: what a prompt reads from them and writes to them.

``rules`` holds each family's rule as data, ``layout`` finds the places of a prompt where it may
read and write, ``shelf`` remembers what was written and works out the tokens of each class.
"""
