"""The budget guard's door: alarms from their topic, and the clock."""
