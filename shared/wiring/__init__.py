"""Joins ports to adapters: a module for each function, and for what several of them share."""
