"""Models that only their own framework can run, each in a process of its own behind the same protocols."""
