"""What the estimators share: settings that are read from the constructor's signature, and a model after `fit`.

scikit-learn's contract is kept without its classes: it is imported only when it asks for tags, so already there.
"""

from __future__ import annotations

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from ambidex.errors import UsageError, expected, one_of

if TYPE_CHECKING:
    from ambidex.config import Experiment
    from ambidex.data.table import Table
    from ambidex.losses.loss import Loss
    from ambidex.workflow.load import Artifact
    from ambidex.workflow.seal import Draft

Certify = Literal["all", "backend"]
"""What the certificate of a saved model covers. `all`: ONNX Runtime and the training engine in `fit`, the other
installed engines in `save`, since each costs seconds in a process of its own and a search over settings fits many
models of which one is kept. `backend`: ONNX Runtime and the training engine only."""


class Estimator:
    """A constructor that stores its arguments untouched, and a fitted `artifact_`."""

    kind: ClassVar[str] = ""
    artifact_: Artifact
    certify: Certify
    verbose: bool
    _draft: Draft | None

    @classmethod
    def _parameters(cls) -> dict[str, inspect.Parameter]:
        """The settings by name, `self` apart."""
        found = inspect.signature(cls.__init__).parameters
        return {name: parameter for name, parameter in found.items() if name != "self"}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The settings as they were given; `deep` changes nothing, since none of them is an estimator."""
        return {name: getattr(self, name) for name in self._parameters()}

    def set_params(self, **params: Any) -> Self:
        """Changes settings; what was fitted stays until the next `fit`. Raises `UsageError` for an unknown name."""
        known = self._parameters()
        for name in params:
            if name not in known:
                raise UsageError(expected(one_of(known, name), got=f"parameter {name!r}"), where=name)
        for name, value in params.items():
            setattr(self, name, value)
        return self

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the model as one file for `ambidex.load`, `ambidex predict` and `ambidex serve`.

        Completes the certificate first where `certify` is `all`. Raises `CertificateError`, having written nothing,
        where an engine disagrees with the reference. An estimator that was pickled or copied keeps the certificate
        that it had, because the rows do not travel with it.
        """
        from ambidex.artifact.store import check_writable, write_whole
        from ambidex.workflow.load import load_bytes
        from ambidex.workflow.seal import seal

        self._require_fitted()
        check_writable(path)
        if self._draft is not None:
            self.artifact_ = load_bytes(seal(self._draft).data)
            self._draft = None
        write_whole(path, [self.artifact_.opened.data])

    def _train(self, table: Table, experiment: Experiment, loss: Loss | None) -> None:
        """Fits, and certifies what costs no process of its own."""
        from ambidex.estimators.progress import make_session
        from ambidex.workflow.load import load_bytes
        from ambidex.workflow.seal import SOLVED, seal
        from ambidex.workflow.train import fit

        if self.certify not in ("all", "backend"):
            raise UsageError(expected(one_of(("all", "backend"), str(self.certify)), got=f"certify={self.certify!r}"))
        draft = fit(table, experiment, session=make_session(experiment.plan.epochs, self.verbose), loss=loss)
        backend, is_alone = draft.record.backend, experiment.editions == "onnx"
        sealed = seal(draft, engines=() if is_alone or backend == SOLVED else (backend,))
        self.artifact_ = load_bytes(sealed.data)
        self._draft = draft if self.certify == "all" and not is_alone else None

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise _not_fitted(type(self).__name__)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "artifact_")

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self.kind or None,
            target_tags=TargetTags(required=bool(self.kind), multi_output=self.kind == "regressor"),
            classifier_tags=ClassifierTags() if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
            input_tags=InputTags(allow_nan=True, categorical=True, string=True),
        )

    def __repr__(self) -> str:
        parameters = self._parameters()
        given = {name: value for name, value in self.get_params().items() if value is not parameters[name].default}
        changed = [f"{name}={value!r}" for name, value in given.items() if value != parameters[name].default]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __getstate__(self) -> dict[str, Any]:
        """Everything but the draft: the model travels as the bytes of its file."""
        return {name: None if name == "_draft" else value for name, value in vars(self).items()}


def _not_fitted(name: str) -> UsageError:
    """An error of ours that is also scikit-learn's own, if that is in use here."""
    message = expected(f"a fitted {name}", got="one that is not", fix="Call fit first.")
    if "sklearn" not in sys.modules:
        return UsageError(message)
    from sklearn.exceptions import NotFittedError

    kind: type[UsageError] = type("NotFittedError", (UsageError, NotFittedError), {})
    return kind(message)
