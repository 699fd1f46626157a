"""The order of steps: each use case speaks to the world through ``shared.ports`` only."""
