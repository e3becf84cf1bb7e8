"""The table of models: every architecture there is, in one literal place."""

from __future__ import annotations

from ambidex.arch.architecture import Architecture
from ambidex.arch.linear import LinearSettings, build_linear
from ambidex.arch.mlp import MlpSettings, build_mlp
from ambidex.arch.recurrent import RecurrentSettings, recurrent_builder
from ambidex.errors import UsageError, expected, one_of

MLP = Architecture(
    name="mlp",
    domain="table",
    summary="Tables of any kind: embedded categories and scaled numbers into dense layers. The default for tables.",
    settings=MlpSettings,
    build=build_mlp,
)

MODELS: dict[str, Architecture] = {
    model.name: model
    for model in (
        MLP,
        Architecture(
            name="mlp_plain",
            domain="table",
            summary="The same plain network under a name that stays when `mlp` grows.",
            settings=MLP.settings,
            build=MLP.build,
        ),
        Architecture(
            name="linear",
            domain="series",
            summary="One linear map, solved in seconds and hard to beat. The default for series.",
            settings=LinearSettings,
            build=build_linear,
            is_solved=True,
        ),
        Architecture(
            name="lstm",
            domain="series",
            summary="Long short-term memory: long nonlinear dependence on the past; slower to train.",
            settings=RecurrentSettings,
            build=recurrent_builder("lstm"),
            has_free_time=True,
        ),
        Architecture(
            name="gru",
            domain="series",
            summary="Gated recurrent unit: like lstm with a quarter fewer weights.",
            settings=RecurrentSettings,
            build=recurrent_builder("gru"),
            has_free_time=True,
        ),
    )
}
AUTO: dict[str, str] = {"table": "mlp", "series": "linear"}


def find_model(name: str, domain: str) -> Architecture:
    """The architecture of that name for tables or series; `auto` is the default one."""
    chosen = MODELS.get(AUTO[domain] if name == "auto" else name)
    if chosen is None or chosen.domain != domain:
        names = [model.name for model in MODELS.values() if model.domain == domain] + ["auto"]
        is_series = chosen is not None and chosen.domain == "series"
        fix = "A forecast also needs --time and --horizon." if is_series else ""
        message = expected(one_of(names, name), got=f"model {name!r}", where="--model", fix=fix)
        raise UsageError(message, where="--model")
    return chosen
