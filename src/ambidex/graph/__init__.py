"""The neutral description of a model: a graph of layer-level nodes, and its float64 NumPy edition."""

from ambidex.graph.builder import Builder
from ambidex.graph.graph import Graph, Node, Parameter, Value
from ambidex.graph.infer import infer_values, network_values, parameters, read_node
from ambidex.graph.initial import initial_weights
from ambidex.graph.reference import decode, encode, predict, prepare, run_network, run_nodes
from ambidex.graph.table import OPS

__all__ = [
    "OPS",
    "Builder",
    "Graph",
    "Node",
    "Parameter",
    "Value",
    "decode",
    "encode",
    "infer_values",
    "initial_weights",
    "network_values",
    "parameters",
    "predict",
    "prepare",
    "read_node",
    "run_network",
    "run_nodes",
]
