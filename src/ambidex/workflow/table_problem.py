"""From a table and an experiment to a problem: schema, split, preparation, network, feeds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ambidex.arch.architecture import Architecture
from ambidex.arch.table import find_model
from ambidex.config import Experiment
from ambidex.data.encode import encode_column, missing_mask, pack
from ambidex.data.fingerprint import table_fingerprint
from ambidex.data.infer import infer_schema_columns
from ambidex.data.read import read_table
from ambidex.data.split import split_table
from ambidex.data.table import Table
from ambidex.errors import DataError, expected
from ambidex.graph import Builder, Graph, encode, prepare
from ambidex.graph.inputs import TableInputs
from ambidex.losses.loss import make_loss
from ambidex.prep.answer import add_class_answer, add_number_answer
from ambidex.prep.category import mask_codes
from ambidex.prep.table import add_table_preparation, add_target_scaling, table_values, target_value
from ambidex.schema import Role, Schema, packed_layout
from ambidex.training.feed import Feed, Source
from ambidex.workflow.judge import judge_table
from ambidex.workflow.problem import Predict, Problem, Report
from ambidex.workflow.profile import input_profile
from ambidex.workflow.reference import Reference
from ambidex.workflow.target import chosen_loss, class_codes, table_task, target_numbers

Array = npt.NDArray[Any]
Arrays = dict[str, Array]


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """The rows to fit on and those to validate on."""

    train: Table
    validation: Table
    notes: tuple[str, ...]


def table_problem(experiment: Experiment, table: Table) -> Problem:
    """Builds the problem. Raises `DataError` where the table cannot be learnt from."""
    fingerprint = table_fingerprint(table)
    schema, reason, notes = _schema(experiment, table)
    table, dropped = _with_target(schema, table)
    parts = _split(experiment, schema, table)
    train = pack(schema, parts.train)
    validation = pack(schema, parts.validation)
    _check_learnable(schema, parts.train, train)
    graph, inputs = _graph(experiment, schema, parts.train, train)
    loss_name = chosen_loss(experiment, schema.task)

    def judge(predict: Predict) -> Report:
        return judge_table(schema, reference, parts.validation, predict)

    reference = _reference(schema, parts.train, train)
    return Problem(
        schema=schema,
        graph=graph,
        train=_feed(experiment, schema, graph, _masked(graph, inputs, train, experiment.plan.seed), parts.train),
        validation=_feed(experiment, schema, graph, prepare(graph, validation), parts.validation),
        loss=make_loss(loss_name, experiment.quantiles),
        loss_name=loss_name,
        reference=reference,
        examples=validation,
        target_scale=np.asarray(reference.deviations),
        solve=dict,
        notes=(f"task: {reason}", *notes, *dropped, *parts.notes),
        fingerprint=fingerprint,
        judge=judge,
    )


def _schema(experiment: Experiment, table: Table) -> tuple[Schema, str, tuple[str, ...]]:
    roles: dict[str, Role] = {experiment.weight: "weight"} if experiment.weight else {}
    inference = infer_schema_columns(
        table, targets=experiment.targets, roles=roles, overrides=experiment.columns, drop=experiment.drop
    )
    task, reason = table_task(experiment, inference.columns, table)
    schema = Schema(columns=inference.columns, task=task)
    if not schema.by_role("feature"):
        left_out = ", ".join(inference.dropped) or "none"
        got = f"none (left out: {left_out})"
        raise DataError(expected("at least one column to learn from besides the target", got=got))
    return schema, reason, inference.notes


def _with_target(schema: Schema, table: Table) -> tuple[Table, tuple[str, ...]]:
    """Rows whose target is known."""
    gone = np.zeros(table.num_rows, dtype=bool)
    for column in schema.by_role("target"):
        gone |= missing_mask(encode_column(column, table))
    if not gone.any():
        return table, ()
    note = f"{int(gone.sum())} rows without a target are left out"
    return table.take(np.flatnonzero(~gone)), (note,)


def _split(experiment: Experiment, schema: Schema, table: Table) -> _Parts:
    if isinstance(experiment.validation, str):
        validation, _ = _with_target(schema, read_table(experiment.validation))
        return _Parts(train=table, validation=validation, notes=(f"validation: {experiment.validation}",))
    task = schema.task
    labels = class_codes(task, schema.column(task.targets[0].name), table) if task.is_classification else None
    stamps = _split_times(experiment, schema, table)
    split = split_table(
        table, experiment.split, fraction=experiment.validation, seed=experiment.plan.seed, labels=labels, times=stamps
    )
    return _Parts(train=table.take(split.train), validation=table.take(split.validation), notes=split.notes)


def _split_times(experiment: Experiment, schema: Schema, table: Table) -> npt.NDArray[np.int64] | None:
    """The column that `--time` names, else the first one of times; None where there is none."""
    if experiment.split != "time":
        return None
    named = experiment.series.time
    for column in [schema.column(named)] if named else schema.by_role("feature"):
        if column.kind == "time":
            return encode_column(column, table)
    return None


def _check_learnable(schema: Schema, train: Table, packed: Arrays) -> None:
    if train.num_rows < 2:
        raise DataError(expected("at least 2 rows to fit on", got=train.num_rows))
    if schema.task.is_classification:
        return
    numbers = target_numbers(schema.task, schema.columns, train)
    for target, column in zip(schema.task.targets, numbers.T, strict=True):
        if np.ptp(column) == 0:
            got = f"only {column[0]:g} in the {len(column)} rows to fit on"
            fix = "A constant needs no model."
            raise DataError(expected(f"a target {target.name!r} that varies", got=got, fix=fix), where=target.name)


def _graph(experiment: Experiment, schema: Schema, train: Table, packed: Arrays) -> tuple[Graph, TableInputs]:
    task = schema.task
    architecture = find_model(experiment.model, "table")
    targets = () if task.is_classification else (target_value(task),)
    builder = Builder(table_values(packed_layout(schema)), targets)
    inputs = add_table_preparation(builder, packed)
    if task.is_classification:
        raw = _network(
            architecture, builder, inputs, experiment, 1 if task.kind == "binary" else len(task.targets[0].classes)
        )
        outputs = add_class_answer(builder, raw, task)
        encoded: list[str] = []
    else:
        center, scale = add_target_scaling(builder, target_numbers(task, schema.columns, train))
        width = len(task.targets) * max(1, len(task.quantiles))
        raw = _network(architecture, builder, inputs, experiment, width)
        outputs = add_number_answer(builder, raw, task, center, scale)
        encoded = ["encoded"]
    graph = builder.build(prepared=inputs.prepared, raw_outputs=[raw], outputs=outputs, encoded=encoded)
    return graph, inputs


def _network(
    architecture: Architecture, builder: Builder, inputs: TableInputs, experiment: Experiment, outputs: int
) -> str:
    settings = msgspec.convert(experiment.settings, architecture.settings)
    return architecture.build(builder, inputs, outputs, settings)  # type: ignore[call-arg,arg-type]


def _masked(graph: Graph, inputs: TableInputs, packed: Arrays, seed: int) -> Arrays:
    """The prepared training rows, some of their categories hidden so that the reserved codes are trained."""
    values = prepare(graph, packed)
    if inputs.codes is not None:
        values[inputs.codes] = mask_codes(values[inputs.codes], seed)
    return values


def _feed(experiment: Experiment, schema: Schema, graph: Graph, prepared: Arrays, table: Table) -> Feed:
    return Feed(
        num_samples=table.num_rows,
        inputs={name: Source(array=prepared[name]) for name in graph.prepared},
        target=Source(array=_encoded_target(schema, graph, table)),
        weight=_weights(experiment, schema, table),
    )


def _encoded_target(schema: Schema, graph: Graph, table: Table) -> Array:
    if not schema.task.is_classification:
        return encode(graph, {"targets": target_numbers(schema.task, schema.columns, table)})["encoded"]
    column = schema.column(schema.task.targets[0].name)
    codes = class_codes(schema.task, column, table)
    if (codes < 0).any():
        where = table.place(int(np.argmax(codes < 0)))
        raise DataError(
            expected(f"a class of the training rows in {column.name!r}", got="another one", where=where), where=where
        )
    return codes


def _weights(experiment: Experiment, schema: Schema, table: Table) -> npt.NDArray[np.float32] | None:
    """Row weights times class weights, float32, or None where all are equal."""
    weight: npt.NDArray[np.float64] | None = None
    for column in schema.by_role("weight"):
        weight = encode_column(column, table)
        if not (weight > 0).any():
            fix = "Check the column, or give --validation rows that count."
            got = f"only zeros or none in {len(weight)} of them"
            raise DataError(
                expected("a weight above zero in the rows to fit on and to validate on", got=got, fix=fix),
                where=column.name,
            )
        if np.isnan(weight).any() or (weight < 0).any():
            where = table.place(int(np.argmax(~(weight >= 0))))
            raise DataError(expected("weights of at least 0", got="another value", where=where), where=column.name)
    if experiment.class_weight == "balanced" and schema.task.is_classification:
        codes = class_codes(schema.task, schema.column(schema.task.targets[0].name), table)
        counts = np.bincount(codes, minlength=len(schema.task.targets[0].classes))
        balanced = len(codes) / (len(counts) * np.maximum(counts, 1))
        weight = balanced[codes] * (1.0 if weight is None else weight)
    return None if weight is None else weight.astype(np.float32)


def _reference(schema: Schema, train: Table, packed: Arrays) -> Reference:
    task, profile = schema.task, input_profile(schema, packed)
    if task.is_classification:
        codes = class_codes(task, schema.column(task.targets[0].name), train)
        counts = np.bincount(codes, minlength=len(task.targets[0].classes))
        shares = tuple((counts / counts.sum()).tolist())
        return Reference(train_rows=train.num_rows, class_shares=shares, profile=profile)
    numbers = target_numbers(task, schema.columns, train)
    means, deviations = numbers.mean(axis=0).tolist(), numbers.std(axis=0).tolist()
    return Reference(train_rows=train.num_rows, means=tuple(means), deviations=tuple(deviations), profile=profile)
