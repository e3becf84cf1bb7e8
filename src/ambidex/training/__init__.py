"""Training: the plan, what is fed, and the one loop that drives every engine."""
