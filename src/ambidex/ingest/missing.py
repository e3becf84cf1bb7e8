"""Missing values in scikit-learn's trees: skl2onnx leaves out which way they go, so all went to the right."""

from __future__ import annotations

from typing import Any

from onnx import helper

_TREES = ("TreeEnsembleClassifier", "TreeEnsembleRegressor")


def follow_missing(model: Any, estimator: Any) -> None:
    """Writes the way of missing values into the model's trees, where they are those of `estimator`, node for node."""
    trees = [member.tree_ for member in _members(estimator) if hasattr(member, "tree_")]
    for node in model.graph.node:
        if node.op_type not in _TREES:
            continue
        attributes = {attribute.name: attribute for attribute in node.attribute}
        ids = list(zip(attributes["nodes_treeids"].ints, attributes["nodes_nodeids"].ints, strict=True))
        if len(ids) != sum(tree.node_count for tree in trees):
            continue  # trees of something else, or rewritten ones
        ways = [int(trees[tree].missing_go_to_left[number]) for tree, number in ids]
        if "nodes_missing_value_tracks_true" in attributes:
            node.attribute.remove(attributes["nodes_missing_value_tracks_true"])
        node.attribute.append(helper.make_attribute("nodes_missing_value_tracks_true", ways))


def has_trees(estimator: Any) -> bool:
    """Whether the estimator, or the last step of a pipeline, is made of scikit-learn's trees."""
    return any(hasattr(member, "tree_") for member in _members(estimator))


def _members(estimator: Any) -> list[Any]:
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    members = getattr(last, "estimators_", [last])
    return list(members.ravel()) if hasattr(members, "ravel") else list(members)
