"""scikit-learn estimators: the same training behind fit and predict."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from lamina.api import train
from lamina.run import Run

__all__ = ["LaminaClassifier", "LaminaRegressor"]

TARGET = "target"


class _Estimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share. Constructors only store; ``fit`` validates.

    The fitted run is kept as the bytes of its files, so an estimator can be copied and sent like any other; it is laid
    out in a temporary folder when it is first used.
    """

    _kind: str

    def __init__(
        self,
        *,
        model: str = "auto",
        budget: str = "20epochs",
        valid: float = 0.125,
        random_state: int | None = None,
        plan: dict[str, Any] | None = None,
    ) -> None:
        self.model = model
        self.budget = budget
        self.valid = valid
        self.random_state = random_state
        self.plan = plan

    def _fit(self, features: np.ndarray, target: np.ndarray) -> None:
        names = [f"x{place}" for place in range(features.shape[1])]
        frame = pl.DataFrame(features, schema=names).with_columns(pl.Series(TARGET, target))
        seed = 0 if self.random_state is None else int(check_random_state(self.random_state).randint(2**31))
        with tempfile.TemporaryDirectory() as folder:
            run = train(
                frame,
                TARGET,
                features={**dict.fromkeys(names, "number"), TARGET: self._kind},
                model=self.model,
                budget=self.budget,
                seed=seed,
                baselines="none",
                out=Path(folder) / "run",
                plan=self.plan,
                split__test=0.0,
                split__valid=self.valid if len(features) >= 20 else 0.0,
                train__tensorboard=False,
            )
            self.files_ = {
                path.relative_to(run.path).as_posix(): path.read_bytes()
                for path in sorted(run.path.rglob("*"))
                if path.is_file()
            }
        self._open()

    def _open(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="lamina-"))
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)  # it goes when the estimator goes
        for name, content in self.files_.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        self._run = Run(folder)

    @property
    def run_(self) -> Run:
        """The run that ``fit`` left."""
        check_is_fitted(self, "files_")
        if "_run" not in self.__dict__:
            self._open()
        return self._run

    def __getstate__(self) -> dict[str, Any]:
        state = super().__getstate__()
        return {key: value for key, value in state.items() if key != "_run"}

    def _answers(self, X: Any) -> Any:
        check_is_fitted(self, "files_")
        features = validate_data(self, X, reset=False, dtype=np.float64)
        return self.run_.predict(pl.DataFrame(features, schema=[f"x{place}" for place in range(features.shape[1])]))


class LaminaClassifier(ClassifierMixin, _Estimator):  # type: ignore[misc]
    """A Lamina network as a scikit-learn classifier.

    Args:
        model: a name of the model table.
        budget: when to stop at the latest: ``60s``, ``500steps``, ``20epochs``.
        valid: share of the rows for early stopping.
        random_state: everything random is a function of it; None is 0.
        plan: any other settings, as in a plan file.

    Attributes:
        classes_: (C,) the classes in sorted order.
        run_: the run that ``fit`` left.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(100, 2))
        >>> fitted = LaminaClassifier(model="linear", budget="5epochs").fit(rows, rows[:, 0] > 0)
        >>> fitted.predict_proba(rows).shape
        (100, 2)
    """

    _kind = "category"

    def fit(self, X: Any, y: Any) -> Self:
        """Train on (n, features) numbers and (n,) classes.

        Raises:
            ValueError: if the rows are not finite numbers, or there are not two classes.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, ensure_min_samples=2)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"LaminaClassifier needs two classes or more; the data has one class: {self.classes_[0]!r}"
            )
        self._fit(X, codes.astype(np.int64))
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, (n, C), in the order of ``classes_``."""
        answers = self._answers(X)
        columns = [f"{TARGET}_probability_{code}" for code in range(len(self.classes_))]
        return np.asarray(answers.select(columns).to_numpy())

    def predict(self, X: Any) -> np.ndarray:
        """The class of each row, (n,)."""
        codes = self._answers(X)[TARGET].to_numpy()
        return np.asarray(self.classes_[codes.astype(np.int64)])


class LaminaRegressor(RegressorMixin, _Estimator):  # type: ignore[misc]
    """A Lamina network as a scikit-learn regressor.

    Args:
        model: a name of the model table.
        budget: when to stop at the latest: ``60s``, ``500steps``, ``20epochs``.
        valid: share of the rows for early stopping.
        random_state: everything random is a function of it; None is 0.
        plan: any other settings, as in a plan file.

    Attributes:
        run_: the run that ``fit`` left.

    Example:
        >>> rows = np.random.default_rng(0).normal(size=(100, 2))
        >>> LaminaRegressor(model="linear", budget="5epochs").fit(rows, rows[:, 0]).predict(rows).shape
        (100,)
    """

    _kind = "number"

    def fit(self, X: Any, y: Any) -> Self:
        """Train on (n, features) numbers and (n,) numbers.

        Raises:
            ValueError: if the rows are not finite numbers.
        """
        X, y = validate_data(self, X, y, dtype=np.float64, y_numeric=True, ensure_min_samples=2)
        self._fit(X, y.astype(np.float64))
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The value of each row, (n,)."""
        return np.asarray(self._answers(X)[TARGET].to_numpy())
