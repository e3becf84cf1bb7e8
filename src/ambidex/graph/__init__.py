"""The neutral description of a model: a graph of layer-level nodes, and its float64 NumPy edition."""

from ambidex.graph.builder import Builder
from ambidex.graph.graph import Graph, Node, Parameter, Value
from ambidex.graph.infer import infer_values, parameters
from ambidex.graph.initial import initial_weights
from ambidex.graph.reference import encode, predict, prepare, run_network, run_nodes
from ambidex.graph.table import OPS

__all__ = [
    "OPS",
    "Builder",
    "Graph",
    "Node",
    "Parameter",
    "Value",
    "encode",
    "infer_values",
    "initial_weights",
    "parameters",
    "predict",
    "prepare",
    "run_network",
    "run_nodes",
]
