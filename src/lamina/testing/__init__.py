"""The contracts of a feature, a backbone, a model, an augmentation and a task, as plain functions.

Anybody can run them over a class of their own:

    from lamina.testing import check_feature, check_model, check_task

    def test_my_feature():
        check_feature(MyFeature)

Each check takes a class and what it is tried on, and raises an AssertionError that says what does not hold. A feature
is tried on the columns of :func:`sample_columns` that it reads, a model on :func:`sample_layouts`, a task on those of
:func:`sample_targets` that it is for, or each on the caller's own.
:func:`backbone_exports` and :func:`model_exports` say whether a network gives the same as an exported graph.
"""

from lamina.testing.augment import AUGMENT_CHECKS, check_augmentation, sample_augmentations
from lamina.testing.backbones import BACKBONE_CHECKS, check_backbone, sample_slots, sample_values
from lamina.testing.common import same
from lamina.testing.exporting import backbone_exports, model_exports
from lamina.testing.features import FEATURE_CHECKS, check_feature, sample_columns
from lamina.testing.models import MODEL_CHECKS, check_model, sample_inputs, sample_layouts
from lamina.testing.tasks import TASK_CHECKS, check_task, sample_targets

__all__ = [
    "AUGMENT_CHECKS",
    "BACKBONE_CHECKS",
    "FEATURE_CHECKS",
    "MODEL_CHECKS",
    "TASK_CHECKS",
    "backbone_exports",
    "check_augmentation",
    "check_backbone",
    "check_feature",
    "check_model",
    "check_task",
    "model_exports",
    "same",
    "sample_augmentations",
    "sample_columns",
    "sample_inputs",
    "sample_layouts",
    "sample_slots",
    "sample_targets",
    "sample_values",
]
