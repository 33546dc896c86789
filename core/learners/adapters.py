"""small-text's transformer and any scikit-learn estimator, with dense probabilities per label.

small-text's own multi-label classifiers hand back only what exceeds one half,
which no strategy can rank by; these fit into its loops in their place. The
learners our rounds use are `quick`, `ensemble` and `deep`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.base import BaseEstimator, clone
from sklearn.multiclass import OneVsRestClassifier
from small_text import TransformerBasedClassification
from small_text.classifiers.factories import AbstractClassifierFactory
from small_text.integrations.pytorch.utils.data import dataloader

from core.domain import PRESENT, UNJUDGED, Proba, Samples, Truth
from core.encoders.encoder import unit_mean
from core.encoders.stochastic import has_dropout
from core.errors import InputError, NotReady
from core.learners.masking import prior_logits
from core.learners.naming import DenseClassifier, Named, Threshold, named


class DenseTransformerClassification(TransformerBasedClassification):  # type: ignore[misc]
    """small-text's transformer classifier for several labels, with dense answers.

    It also trains on exactly two labels, leaves padding out of its embeddings,
    and samples with attention dropout on, one pass at a time.

    Parameters
    ----------
    transformer_model_args, num_classes, **kwargs
        As small-text's class takes them; `multi_label` is always on.
    sampling_seed
        Of the dropout when predicting; training draws from torch's generator.
    """

    def __init__(
        self,
        transformer_model_args: Any,
        num_classes: int,
        *,
        sampling_seed: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(transformer_model_args, num_classes, **{**kwargs, "multi_label": True})
        self.sampling_seed = sampling_seed

    def predict_proba(
        self, dataset: Any, multi_label_threshold: float = 0.5, dropout_sampling: int = 1
    ) -> Proba | Samples:
        """Give every label's probability for every text; `multi_label_threshold` cuts nothing.

        Shape (documents, labels), or (documents, passes, labels) with
        `dropout_sampling` above 1. Raises InputError where sampling is asked of
        a network without dropout.
        """
        if self.model is None:
            raise NotReady("This classifier has not been trained; call fit first.")
        self.model.eval()
        if dropout_sampling <= 1:
            return self._probabilities(dataset)
        if not has_dropout(self.model):
            raise InputError(
                f"Every dropout of '{self.transformer_model_args.model}' is 0, so Monte Carlo "
                "passes would all agree; set its rates by config_kwargs, or use 'entropy'."
            )
        with _dropout_on(self.model, self.sampling_seed):
            passes = [self._probabilities(dataset) for _ in range(dropout_sampling)]
        return np.stack(passes, axis=1)

    def predict(
        self, dataset: Any, return_proba: bool = False, multi_label_threshold: Threshold = 0.5
    ) -> Named:
        """Name the labels at or above the threshold (one for all, or one per label)."""
        proba = self.predict_proba(dataset)
        return named(proba, multi_label_threshold, return_proba)

    def embed(
        self,
        data_set: Any,
        return_proba: bool = False,
        multi_label_threshold: float = 0.5,
        **kwargs: Any,
    ) -> NDArray[np.float32] | tuple[NDArray[np.float32], Proba]:
        """Give unit vectors (documents, width), and with `return_proba` what `predict_proba` gives.

        Of small-text's options `embedding_method` and `hidden_layer_index` hold.
        """
        vectors = super().embed(data_set, **kwargs)
        return (vectors, self.predict_proba(data_set)) if return_proba else vectors

    @torch.inference_mode()
    def _probabilities(self, dataset: Any) -> Proba:
        batches = dataloader(
            dataset.data, self.predict_batch_size, self._create_collate_fn(), train=False
        )
        amp = self.amp_args
        with torch.autocast(amp.device_type, dtype=amp.dtype, enabled=amp.use_amp):
            proba = self._predict_proba(len(dataset), batches, _sigmoid)
        return np.asarray(proba, dtype=np.float32)

    def _compute_loss(self, cls: torch.Tensor, outputs: Any) -> tuple[torch.Tensor, torch.Tensor]:
        logits = outputs.logits.view(-1, self.num_classes)
        return logits, self.criterion(logits, cls)

    def _create_collate_fn(self, use_sample_weights: bool = False) -> Callable[[Any], Any]:
        collate = super()._create_collate_fn(use_sample_weights=use_sample_weights)

        def in_single_precision(batch: Any) -> tuple[torch.Tensor, ...]:
            text, mask, labels, weights = collate(batch)
            return text, mask, labels.float(), weights  # small-text's float64 is unknown to MPS

        return in_single_precision

    def _create_embeddings(
        self, batch: Any, embedding_method: str = "avg", hidden_layer_index: int = -1
    ) -> tuple[int, torch.Tensor, NDArray[np.float32]]:
        text, mask = batch[0].to(self.device), batch[1].to(self.device)
        outputs = self.model(text, attention_mask=mask, output_hidden_states=True)
        hidden = outputs.hidden_states[1:][hidden_layer_index]
        if embedding_method == self.EMBEDDING_METHOD_CLS_TOKEN:
            hidden, mask = hidden[:, :1], mask[:, :1]
        vectors: NDArray[np.float32] = unit_mean(hidden, mask).cpu().numpy()
        return len(text), outputs.logits, vectors


class DenseTransformerFactory(AbstractClassifierFactory):  # type: ignore[misc]
    """Builds a new `DenseTransformerClassification` for every round of small-text's loop."""

    def __init__(self, transformer_model_args: Any, num_classes: int, **kwargs: Any) -> None:
        self.transformer_model_args = transformer_model_args
        self.num_classes = num_classes
        self.kwargs = kwargs

    def new(self) -> DenseTransformerClassification:
        """Build one that has not been trained."""
        return DenseTransformerClassification(
            self.transformer_model_args, self.num_classes, **self.kwargs
        )


class DenseSklearnClassifier(DenseClassifier):
    """One scikit-learn estimator per label, trained on that label's judged documents.

    A label judged one way only answers with its smoothed share, one never
    judged with NaN; neither stops the training.

    Parameters
    ----------
    estimator
        Anything with `predict_proba` for one label, such as a
        LogisticRegression; out of a OneVsRestClassifier its estimator is taken.
    num_classes
        Columns of truth and of every probability.
    """

    def __init__(self, estimator: BaseEstimator, num_classes: int) -> None:
        if isinstance(estimator, OneVsRestClassifier):
            estimator = estimator.estimator
        if not hasattr(estimator, "predict_proba"):
            raise InputError(
                f"{type(estimator).__name__} gives no probabilities; wrap it into scikit-learn's "
                "CalibratedClassifierCV, or give an estimator with predict_proba."
            )
        self.estimator = estimator
        self.num_classes = num_classes
        self.multi_label = True
        self.estimators_: list[BaseEstimator | float] | None = None  # or one answer for all

    def fit(self, train_set: Any, weights: NDArray[np.float64] | None = None) -> Self:
        """Train on `x` and either the three-state `truth` or small-text's `y` of a dataset."""
        if weights is not None:
            raise ValueError("sample weights are not supported")
        truth = _truth_of(train_set)
        constants = 1.0 / (1.0 + np.exp(-prior_logits(truth)))
        self.estimators_ = [
            self._fit_label(train_set.x, truth[:, label], float(constants[label]))
            for label in range(self.num_classes)
        ]
        return self

    def _fit_label(self, x: Any, truth: NDArray[np.int8], constant: float) -> BaseEstimator | float:
        rows = np.flatnonzero(truth != UNJUDGED)
        if not len(rows):
            return float("nan")
        if len(np.unique(truth[rows])) < 2:
            return constant
        return clone(self.estimator).fit(x[rows], truth[rows])

    def predict_proba(self, data_set: Any, multi_label_threshold: float = 0.5) -> Proba:
        """Give probabilities (documents, labels); `multi_label_threshold` cuts nothing."""
        if self.estimators_ is None:
            raise NotReady("This classifier has not been trained; call fit first.")
        proba = np.empty((len(data_set), self.num_classes), dtype=np.float32)
        for label, estimator in enumerate(self.estimators_):
            if isinstance(estimator, float):
                proba[:, label] = estimator
            elif len(data_set):
                proba[:, label] = estimator.predict_proba(data_set.x)[:, 1]
        return proba


class DenseSklearnFactory(AbstractClassifierFactory):  # type: ignore[misc]
    """Builds a new `DenseSklearnClassifier` for every round of small-text's loop."""

    def __init__(self, estimator: BaseEstimator, num_classes: int) -> None:
        self.estimator = estimator
        self.num_classes = num_classes

    def new(self) -> DenseSklearnClassifier:
        """Build one that has not been trained."""
        return DenseSklearnClassifier(clone(self.estimator), self.num_classes)


@contextmanager
def _dropout_on(model: torch.nn.Module, seed: int) -> Iterator[None]:
    try:
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model.train()  # module, attention and functional dropout alike
            yield
    finally:
        model.eval()


def _sigmoid(logits: torch.Tensor) -> torch.Tensor:
    return torch.sigmoid(logits.float())


def _truth_of(dataset: Any) -> Truth:
    truth = getattr(dataset, "truth", None)
    if truth is None:
        truth = (csr_matrix(dataset.y).toarray() > 0).astype(np.int8) * PRESENT
    return np.asarray(truth, dtype=np.int8)
