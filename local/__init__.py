"""The same stack on this machine: the program's resources in moto, its functions as processes.

Nothing here is deployed, and nothing that is deployed imports it.
"""
