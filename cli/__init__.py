"""``sluice``: the command line. One file per command; ``main.py`` names them all."""
