"""Preparation: steps that learn from training columns and leave what they learnt as constant nodes of the graph."""
