"""The simulator's process, for the contracts that are held against it."""

from tests.unit.simulator.conftest import simulator, simulator_process

__all__ = ["simulator", "simulator_process"]
