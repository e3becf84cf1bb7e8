"""Reads other people's models: what they take, how they answer, and what they are as ONNX.

A file is read in a process of its own (`process.py`, `worker.py`): reading loads its library, and with `--trust` it may
run code. What comes back is data: ONNX, rows, and the original's answers to them.
"""
