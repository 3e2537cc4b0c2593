"""What a person would try before a network, on the same rows: a score without it says little.

Each baseline is scikit-learn's, with its defaults where they are sound. What could go wrong with one of them (too many
rows, no time left, a solver that does not converge) becomes its note, never an error of the run.
"""

from __future__ import annotations

import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from threadpoolctl import threadpool_limits

from lamina.errors import some
from lamina.evaluation.answer import Baseline
from lamina.evaluation.figures import figure
from lamina.evaluation.matrix import Matrix
from lamina.evaluation.wide import Form, View, learn_views
from lamina.features.answer import Answer
from lamina.names import Names

__all__ = ["BASELINES", "Boosting", "Candidate", "Constant", "Linear", "Svm", "Tree", "baselines", "chosen", "decide"]

# In the order in which time is spent on them.
BASELINES = Names(
    "baseline",
    {
        "constant": "lamina.evaluation.baselines:Constant",
        "linear": "lamina.evaluation.baselines:Linear",
        "tree": "lamina.evaluation.baselines:Tree",
        "boosting": "lamina.evaluation.baselines:Boosting",
        "svm": "lamina.evaluation.baselines:Svm",
    },
    group="lamina.baselines",
)

MOST_ROWS = 200_000  # training rows that a baseline gets
PILOT_ROWS = 2_000  # rows of the trial that tells how long all will take
SINGLE = 50_000  # training rows up to which one thread serves
CHUNK = 50_000  # rows answered at a time
MOST_NAMES = 100  # one-hot columns of one category


class Candidate(ABC):
    """One baseline. ``fit`` gets a single target column; several labels get an estimator each.

    Args:
        kind: the kind of task.
        dense: how many columns of :meth:`inputs` are numbers and flags; categories follow, then what is seen of the
            wide columns.
        sizes: how many codes each category slot has.
        seed: for whatever the estimator draws.
        views: of each wide column.

    Attributes:
        form: how the wide columns are seen.
    """

    form: ClassVar[Form] = "linear"
    most_rows: ClassVar[int] = MOST_ROWS
    # Whether it is left out above most_rows, rather than given a sample. Not so with wide columns: there it is often
    # the strongest, and a sample of pictures tells most of what all would.
    strict: ClassVar[bool] = False
    power: ClassVar[float] = 1.0  # time grows with rows to this power

    def __init__(
        self, kind: str, dense: int, sizes: tuple[int, ...], seed: int, views: Mapping[str, View] | None = None
    ) -> None:
        self.kind = kind
        self.dense = dense
        self.sizes = sizes
        self.seed = seed
        self.views = dict(views or {})

    @property
    def regression(self) -> bool:
        """Whether a quantity is predicted, not a class."""
        return self.kind == "regression"

    @abstractmethod
    def estimator(self, target: np.ndarray) -> Any:
        """A fresh estimator for a target column (n,)."""

    def inputs(self, matrix: Matrix) -> Any:
        """Rows as one array: numbers, flags, codes, what is seen of wide columns: (n, a + b + c + w), sparse if any."""
        plain = np.concatenate([matrix.number, matrix.flag, matrix.category], axis=1, dtype=np.float32)
        seen = [view.columns(matrix.wide[name], self.form) for name, view in self.views.items()]
        if any(sparse.issparse(columns) for columns in seen):
            return sparse.hstack([sparse.csr_matrix(plain), *seen], format="csr")
        return np.concatenate([plain, *seen], axis=1, dtype=np.float32) if seen else plain

    def one_hot(self, estimator: Any) -> Pipeline:
        """An estimator behind imputed and standardised numbers and flags, and one-hot categories (sparse if many).

        What is seen of wide columns goes to it as it is.
        """
        names = OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=MOST_NAMES, dtype=np.float32)
        numbers = make_pipeline(SimpleImputer(keep_empty_features=True), StandardScaler())
        plain = self.dense + len(self.sizes)
        columns = [
            ("numbers", make_pipeline(_as_dense(), numbers), list(range(self.dense))),
            ("names", make_pipeline(_as_dense(), names), list(range(self.dense, plain))),
        ]
        return make_pipeline(ColumnTransformer(columns, remainder="passthrough"), estimator)

    def fit(self, matrix: Matrix, target: np.ndarray) -> Any:
        """A fitted estimator for one target column."""
        return self.estimator(target).fit(self.inputs(matrix), target)

    def trial(self, matrix: Matrix, target: np.ndarray) -> float:
        """How many seconds a fit on these few rows takes."""
        started = time.monotonic()
        self.fit(matrix, target)
        return time.monotonic() - started


def _as_dense() -> FunctionTransformer:
    return FunctionTransformer(_dense, accept_sparse=True, check_inverse=False)


def _dense(columns: Any) -> Any:
    return columns.toarray() if sparse.issparse(columns) else columns


class Constant(Candidate):
    """The training rows' shares of the classes, or their mean."""

    most_rows = 10**12

    def inputs(self, matrix: Matrix) -> Any:
        """Nothing, of n rows."""
        return np.empty((len(matrix), 0), np.float32)

    def estimator(self, target: np.ndarray) -> Any:
        raise AssertionError("the constant needs no estimator")

    def fit(self, matrix: Matrix, target: np.ndarray) -> Any:
        return _Same(target, self.regression)


class _Same:
    """An estimator that looks at no input."""

    def __init__(self, target: np.ndarray, regression: bool) -> None:
        self.mean = float(target.mean()) if regression else 0.0
        self.classes_, counts = np.unique(target, return_counts=True)
        self.shares = counts / len(target)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return np.full(inputs.shape[0], self.mean)

    def predict_proba(self, inputs: np.ndarray) -> np.ndarray:
        return np.tile(self.shares, (inputs.shape[0], 1))


class Linear(Candidate):
    """Logistic regression, or ridge regression."""

    def estimator(self, target: np.ndarray) -> Any:
        return Ridge(random_state=self.seed) if self.regression else LogisticRegression(max_iter=300)

    def fit(self, matrix: Matrix, target: np.ndarray) -> Any:
        return self.one_hot(self.estimator(target)).fit(self.inputs(matrix), target)


class Tree(Candidate):
    """One decision tree; its depth is the best of a few on a fifth of the training rows. Categories are their codes."""

    form: ClassVar[Form] = "tree"
    depths: ClassVar[tuple[int, ...]] = (3, 5, 8, 12)

    def estimator(self, target: np.ndarray) -> Any:
        leaf = max(1, min(50, len(target) // 200))
        settings = {"min_samples_leaf": leaf, "random_state": self.seed}
        return DecisionTreeRegressor(**settings) if self.regression else DecisionTreeClassifier(**settings)

    def fit(self, matrix: Matrix, target: np.ndarray) -> Any:
        tree, inputs = self.estimator(target), self.inputs(matrix)
        held = np.random.default_rng([self.seed, len(target)]).random(len(target)) < 0.2
        if not held.any() or held.all():
            return tree.set_params(max_depth=self.depths[0]).fit(inputs, target)
        scores = [
            clone(tree).set_params(max_depth=depth).fit(inputs[~held], target[~held]).score(inputs[held], target[held])
            for depth in self.depths
        ]
        return tree.set_params(max_depth=self.depths[int(np.argmax(scores))]).fit(inputs, target)


class Boosting(Candidate):
    """Histogram gradient boosting with its defaults; categories of up to 255 codes are taken as such."""

    form: ClassVar[Form] = "tree"

    def estimator(self, target: np.ndarray) -> Any:
        names = [self.dense + place for place, size in enumerate(self.sizes) if size <= 255]
        settings: dict[str, Any] = {"random_state": self.seed, "categorical_features": names or None}
        if self.regression:
            return HistGradientBoostingRegressor(**settings)
        # Early stopping splits by class, and so needs two rows of each.
        early: Any = "auto" if np.unique(target, return_counts=True)[1].min() > 1 else False
        return HistGradientBoostingClassifier(early_stopping=early, **settings)

    def trial(self, matrix: Matrix, target: np.ndarray) -> float:
        """By a tenth of the trees: with 150 classes, all of them took a minute for 2,000 rows."""
        estimator, inputs = self.estimator(target), self.inputs(matrix)
        few = estimator.max_iter // 10
        started = time.monotonic()
        estimator.set_params(max_iter=few, early_stopping=False).fit(inputs, target)
        return 10 * (time.monotonic() - started)


class Svm(Candidate):
    """A support vector machine with the RBF kernel; its probabilities are calibrated by cross-validation."""

    form: ClassVar[Form] = "kernel"
    most_rows = 10_000
    strict = True
    power = 2.0

    def estimator(self, target: np.ndarray) -> Any:
        if self.regression:
            return SVR()
        # One sigmoid a class can turn the order of many classes round (.73 for 1.0 on forty faces): one temperature
        # for all cannot.
        method = "sigmoid" if self.kind != "multiclass" else "temperature"
        return CalibratedClassifierCV(SVC(), cv=3, ensemble=False, method=method)

    def fit(self, matrix: Matrix, target: np.ndarray) -> Any:
        if not self.regression:
            return self.one_hot(self.estimator(target)).fit(self.inputs(matrix), target)
        # The tube's width means something only on a standardised target.
        centre, width = float(target.mean()), float(target.std()) or 1.0
        fitted = self.one_hot(self.estimator(target)).fit(self.inputs(matrix), (target - centre) / width)
        return _Rescaled(fitted, centre, width)


class _Rescaled:
    """A regression in the target's own unit."""

    def __init__(self, inner: Any, centre: float, width: float) -> None:
        self.inner = inner
        self.centre = centre
        self.width = width

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        return self.inner.predict(inputs) * self.width + self.centre


def baselines(
    kind: str,
    train: Matrix,
    test: Matrix,
    target_train: np.ndarray,
    *,
    which: str | Sequence[str] = "all",
    seed: int = 0,
    seconds: float = 60.0,
    classes: int | None = None,
    out_of: int | None = None,
) -> dict[str, Baseline]:
    """Fit baselines on the training rows and let them answer the test rows.

    Args:
        kind: "binary", "multiclass", "multilabel" or "regression".
        train: n training rows.
        test: m test rows.
        target_train: (n,) codes or values, or (n, L) of 0 and 1.
        which: "all", "none", or names (a list, or text with commas).
        seed: for samples and whatever an estimator draws.
        seconds: time for all of them; one that is not expected to fit into what is left is left out, and says so.
        classes: how many classes there are; default the highest training code plus one, at least two.
        out_of: how many training rows there are, where ``train`` is some of them, to say so.

    Raises:
        SettingError: on an unknown name; it gives the nearest one.

    Example:
        >>> rows = Matrix.of({"number": np.arange(8, dtype=np.float32)[:, None]}, sizes=[], rows=8)
        >>> found = baselines("regression", rows, rows, np.arange(8.0), which="constant")
        >>> found["constant"].answer.value.tolist()
        [3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5, 3.5]
    """
    if classes is None and kind in ("binary", "multiclass"):
        classes = max(2, int(target_train.max()) + 1)
    started, found = time.monotonic(), {}
    dense = train.number.shape[1] + train.flag.shape[1]
    names = [name for name in chosen(which) if name != "constant"] if train.wide else []
    # On two busy cores, boosting on 400 rows was measured at 38 s with two threads and .07 s with one.
    with threadpool_limits(limits=1 if len(train) <= SINGLE else None):
        views = learn_views(train.wide if names else {}, seed, {BASELINES[name].form for name in names})
        for name in chosen(which):
            candidate = BASELINES[name](kind, dense, train.sizes, seed, views)
            left = seconds - (time.monotonic() - started)
            found[name] = _baseline(candidate, train, test, target_train, classes or 0, left, out_of or len(train))
    return found


def chosen(which: str | Sequence[str], among: Names = BASELINES) -> list[str]:
    """The names of the baselines that are meant.

    Args:
        which: ``all``, ``none``, or names.
        among: those that there are.

    Raises:
        SettingError: on an unknown name.
    """
    names = [part.strip() for part in which.split(",")] if isinstance(which, str) else list(which)
    if names == ["none"]:
        return []
    if names == ["all"]:
        return list(among)
    for name in names:
        among[name]  # an unknown name is an error
    return [name for name in among if name in names]


def _baseline(
    candidate: Candidate, train: Matrix, test: Matrix, target: np.ndarray, classes: int, left: float, out_of: int
) -> Baseline:
    """Fit and answer, or say why not."""
    rows, notes = len(train), []
    if rows > candidate.most_rows and candidate.strict and not train.wide:
        return Baseline(None, 0.0, f"left out: {out_of:,} training rows, and it takes at most {candidate.most_rows:,}")
    if rows > candidate.most_rows:
        picked = np.sort(np.random.default_rng(candidate.seed).choice(rows, candidate.most_rows, replace=False))
        train, target = train[picked], target[picked]
        notes.append(f"fitted on {candidate.most_rows:,} of {out_of:,} training rows, drawn at random")
    elif rows < out_of and not isinstance(candidate, Constant):
        notes.append(f"fitted on {rows:,} of {out_of:,} training rows, evenly picked")
    started = time.monotonic()
    expected = _expected_seconds(candidate, train, target)
    if expected and expected > left:
        why = f"left out: it needs about {figure(expected, 2)} s, and {figure(max(0.0, left), 2)} s were left"
        return Baseline(None, time.monotonic() - started, why)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            answer = _answer(candidate, train, test, target, classes)
        except (ValueError, ArithmeticError, np.linalg.LinAlgError) as error:
            # scikit-learn's way to say that these rows cannot be fitted (a class with one row, say).
            return Baseline(None, time.monotonic() - started, f"left out: {_first_line(error)}")
    notes += dict.fromkeys(_first_line(warning.message) for warning in caught)
    return Baseline(answer, time.monotonic() - started, some(notes, 3))


def _first_line(message: object) -> str:
    return str(message).strip().partition("\n")[0].rstrip(".:")


def _expected_seconds(candidate: Candidate, train: Matrix, target: np.ndarray) -> float:
    """How long a fit on all rows will take, from one on a few; nothing where there are few."""
    rows = len(train)
    if rows <= PILOT_ROWS or isinstance(candidate, Constant):
        return 0.0
    picked = np.sort(np.random.default_rng(candidate.seed).choice(rows, PILOT_ROWS, replace=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what matters will be said of the fit on all rows
        try:
            once = candidate.trial(train[picked], _columns(target[picked])[0])
        except (ValueError, ArithmeticError):
            return 0.0  # these few rows lack a class; all rows may have it
    return float(once * len(_columns(target[:1])) * (rows / PILOT_ROWS) ** candidate.power)


def _columns(target: np.ndarray) -> list[np.ndarray]:
    return [target] if target.ndim == 1 else list(target.T)


def _answer(candidate: Candidate, train: Matrix, test: Matrix, target: np.ndarray, classes: int) -> Answer:
    kind = candidate.kind
    # A label that no row, or every row, has is no question for an estimator.
    fitted = [
        candidate.fit(train, column) if kind != "multilabel" or np.ptp(column) else _Same(column, regression=False)
        for column in _columns(target)
    ]
    chunks = [candidate.inputs(test[first : first + CHUNK]) for first in range(0, max(1, len(test)), CHUNK)]
    if kind == "regression":
        return Answer(value=np.concatenate([fitted[0].predict(chunk) for chunk in chunks]).astype(np.float64))
    if kind == "multilabel":
        probability = np.stack([_probabilities(one, chunks, 2)[:, 1] for one in fitted], axis=1)
    else:
        probability = _probabilities(fitted[0], chunks, classes)
    return Answer(probability=probability, decision=decide(kind, probability))


def decide(kind: str, probability: np.ndarray) -> np.ndarray:
    """Decisions from probabilities: the likeliest class; for binary and for labels, what reaches 0.5.

    Shape: (n, C) -> (n,) codes, or (n, L) -> (n, L) of 0 and 1.

    Example:
        >>> decide("binary", np.array([[0.4, 0.6], [0.8, 0.2]])).tolist()
        [1, 0]
    """
    if kind == "multilabel":
        return (probability >= 0.5).astype(np.uint8)
    if kind == "binary":
        return (probability[:, 1] >= 0.5).astype(np.int64)
    return np.asarray(probability.argmax(axis=1), dtype=np.int64)


def _probabilities(fitted: Any, chunks: list[np.ndarray], classes: int) -> np.ndarray:
    """Probabilities of all classes, those that the training rows lack included: (n, C)."""
    known = np.concatenate([fitted.predict_proba(chunk) for chunk in chunks])
    out = np.zeros((len(known), classes))
    out[:, fitted.classes_.astype(np.int64)] = known
    return out
