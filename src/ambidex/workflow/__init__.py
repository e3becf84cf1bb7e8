"""Straight-line composition: train, evaluate, predict, load, verify."""
