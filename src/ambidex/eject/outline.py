"""How a person would lay a network out: repeated nodes as blocks and lists, the rest line by line.

Names tell what repeats: the nodes `blocks.0.dense`, `blocks.0.activation`, `blocks.1.dense`, … are a block that occurs
twice, `embeddings.0`, `embeddings.1`, … are a list. What the names promise is checked against the nodes themselves.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ambidex.eject.text import identifier
from ambidex.graph import Graph, Node

_NUMBERED = re.compile(r"([A-Za-z_]\w*)\.(\d+)(?:\.(.+))?")


@dataclass(frozen=True, kw_only=True)
class Single:
    """One node."""

    node: Node

    @property
    def inputs(self) -> tuple[str, ...]:
        """The values it takes."""
        return self.node.inputs

    @property
    def output(self) -> str:
        """The value it makes."""
        return self.node.name


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Blocks of a group, one after the other: `members[i]` are the nodes of one, each fed by the one before."""

    group: str
    first: int
    members: tuple[tuple[Node, ...], ...]
    source: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one value that the first block takes."""
        return (self.source,)

    @property
    def output(self) -> str:
        """What the last block makes."""
        return self.members[-1][-1].name


@dataclass(frozen=True, kw_only=True)
class Fan:
    """A list of layers, each on its own column of one value, side by side in one list: embeddings."""

    group: str
    members: tuple[Node, ...]
    source: str
    output: str

    @property
    def inputs(self) -> tuple[str, ...]:
        """The value whose columns they take."""
        return (self.source,)


Step = Single | Chain | Fan


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The steps of a forward run, and the groups that are blocks (the nodes of each) or lists of layers."""

    steps: tuple[Step, ...]
    blocks: dict[str, tuple[tuple[Node, ...], ...]]
    lists: dict[str, tuple[Node, ...]]

    def path(self, name: str) -> tuple[str, ...]:
        """Where the layer of a node lives: its parts, of which a number counts the members of a list."""
        match = _NUMBERED.fullmatch(name)
        if match and match[1] in self.blocks:
            return match[1], match[2], identifier(match[3])
        if match and match[1] in self.lists:
            return match[1], match[2]
        if match and match[2] == "0":  # the only one of its kind
            name = ".".join(part for part in (match[1], match[3]) if part)
        return (identifier(name),)


def outline(graph: Graph) -> Outline:
    """The outline of a graph's network."""
    blocks = {name: members for name, members in _groups(graph, has_parts=True).items() if _is_block(graph, members)}
    single = _groups(graph, has_parts=False)
    lists = {name: tuple(nodes[0] for nodes in members) for name, members in single.items()}
    return Outline(steps=tuple(_steps(graph, blocks, lists)), blocks=blocks, lists=lists)


def _groups(graph: Graph, *, has_parts: bool) -> dict[str, tuple[tuple[Node, ...], ...]]:
    """Numbered nodes by group and number, for groups of at least two that are numbered from 0 without a gap."""
    found: dict[str, dict[int, list[Node]]] = {}
    for node in graph.network:
        match = _NUMBERED.fullmatch(node.name)
        if match and bool(match[3]) == has_parts:
            found.setdefault(match[1], {}).setdefault(int(match[2]), []).append(node)
    return {
        name: tuple(tuple(by_number[number]) for number in range(len(by_number)))
        for name, by_number in found.items()
        if len(by_number) > 1 and set(by_number) == set(range(len(by_number)))
    }


def _is_block(graph: Graph, members: Sequence[Sequence[Node]]) -> bool:
    """Whether the members are the same nodes, wired alike, with one way in and one way out."""
    forms = {_form(nodes) for nodes in members}
    if len(forms) != 1 or None in forms:
        return False
    position = {node.name: place for place, node in enumerate(graph.network)}
    for nodes in members:
        places = [position[node.name] for node in nodes]
        if places != list(range(places[0], places[0] + len(places))):
            return False
        inner = {node.name for node in nodes}
        others = [name for node in graph.network if node.name not in inner for name in node.inputs]
        if (inner - {nodes[-1].name}) & {*others, *graph.raw_outputs}:
            return False
    return True


def _form(nodes: Sequence[Node]) -> tuple[tuple[str, str, tuple[str, ...]], ...] | None:
    """Names within the block, ops and wiring; None where more than one value comes from outside."""
    inner = {node.name: part(node) for node in nodes}
    outside = {name for node in nodes for name in node.inputs if name not in inner}
    if len(outside) != 1:
        return None
    return tuple((part(node), node.op, tuple(inner.get(name, "") for name in node.inputs)) for node in nodes)


def part(node: Node) -> str:
    """What a node is called within its block."""
    match = _NUMBERED.fullmatch(node.name)
    return match[3] if match and match[3] else node.name


def _steps(
    graph: Graph, blocks: dict[str, tuple[tuple[Node, ...], ...]], lists: dict[str, tuple[Node, ...]]
) -> Iterable[Step]:
    fans = {fan.output: fan for name in lists if (fan := _fan(graph, name, lists[name]))}
    hidden = {name for fan in fans.values() for node in fan.members for name in (node.name, node.inputs[0])}
    in_block = {
        node.name: (name, number) for name, all_ in blocks.items() for number, m in enumerate(all_) for node in m
    }
    steps: list[Step] = []
    for node in graph.network:
        if node.name in hidden:
            continue
        if node.name in fans:
            steps.append(fans[node.name])
        elif node.name not in in_block:
            steps.append(Single(node=node))
        else:
            name, number = in_block[node.name]
            if node is blocks[name][number][0]:
                _append_block(steps, name, number, blocks[name][number])
    return steps


def _append_block(steps: list[Step], group: str, number: int, nodes: tuple[Node, ...]) -> None:
    """Adds a block, to the chain before it where that one feeds it."""
    inner = {node.name for node in nodes}
    source = next(name for node in nodes for name in node.inputs if name not in inner)
    last = steps[-1] if steps else None
    if isinstance(last, Chain) and last.group == group and last.output == source:
        steps[-1] = Chain(group=group, first=last.first, members=(*last.members, nodes), source=last.source)
    else:
        steps.append(Chain(group=group, first=number, members=(nodes,), source=source))


def _fan(graph: Graph, group: str, members: Sequence[Node]) -> Fan | None:
    """The fan of a list whose every member takes its own column of one value, all of them joined in order."""
    by_name = {node.name: node for node in graph.network}
    users: dict[str, list[Node]] = {}
    for node in graph.network:
        for name in node.inputs:
            users.setdefault(name, []).append(node)
    cuts = [by_name.get(node.inputs[0]) for node in members]
    sources = {cut.inputs[0] for cut in cuts if cut is not None}
    if len(sources) != 1 or not all(
        cut is not None
        and cut.op == "slice"
        and (cut.attrs["axis"], cut.attrs["start"], cut.attrs["stop"]) == (1, column, column + 1)
        and len(users[cut.name]) == 1
        for column, cut in enumerate(cuts)
    ):
        return None
    joins = {user.name for node in members for user in users.get(node.name, [])}
    if len(joins) != 1 or by_name[min(joins)].op != "concat":
        return None
    join = by_name[min(joins)]
    if join.inputs != tuple(node.name for node in members) or join.attrs["axis"] != -1:
        return None
    return Fan(group=group, members=tuple(members), source=min(sources), output=join.name)


@dataclass
class Scope:
    """Names of variables while steps are written: `x` for what flows on, a node's own name for what is kept aside."""

    names: dict[str, str]
    last_use: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, steps: Sequence[Step], names: dict[str, str], outputs: Sequence[str]) -> Scope:
        """The scope at the beginning, in which the inputs are known under `names`."""
        last_use = {name: number for number, step in enumerate(steps) for name in step.inputs}
        return cls(names=dict(names), last_use=last_use | dict.fromkeys(outputs, len(steps)))

    def taken(self, step: Step) -> list[str]:
        """The variables that a step reads."""
        return [self.names[name] for name in step.inputs]

    def made(self, number: int, step: Step) -> str:
        """The variable for the result of a step, which may take the place of one that nobody reads any more."""
        live = {name for value, name in self.names.items() if self.last_use.get(value, -1) > number}
        own = identifier(re.sub(r"[._]\d+$", "", step.output).rpartition(".")[2])
        name = "x" if "x" not in live else own
        while name in live:
            name += "_"
        for value in [value for value, known in self.names.items() if known == name]:
            del self.names[value]
        self.names[step.output] = name
        return name
