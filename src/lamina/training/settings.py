"""Every setting of training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from lamina.config import setting, settings

__all__ = ["TrainSettings"]


@settings
class TrainSettings:
    """How a network is trained."""

    budget: str = setting(
        "10min", "When to stop at the latest: seconds, steps or epochs, as in 60s, 5min, 500steps, 10epochs."
    )
    batch_size: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto",
        "Rows in a step; auto: 64 to 4096 by the number of rows, 64 to 512 if some are wide. 1: single rows.",
    )
    optimiser: Literal["adamw", "sgd", "muon"] = setting(
        "adamw", "adamw; sgd with momentum; muon for matrices with adamw for the rest (Jordan et al. 2024)."
    )
    learning_rate: Annotated[float, Field(gt=0)] | Literal["auto", "find"] = setting(
        "auto",
        "Step size; auto: 0.002, 0.0005 above 40,000 plain rows, 0.001 with sounds or series; find: a short range test "
        "(Smith 2015).",
    )
    weight_decay: float = setting(1e-2, "Shrinking of weight matrices, decoupled; biases and norms are spared.", ge=0)
    momentum: float = setting(0.9, "Momentum of sgd and muon.", ge=0, lt=1)
    schedule: Literal["auto", "flat", "cosine", "linear"] = setting(
        "auto",
        "How the step size falls over the last part; flat: it does not, the averaged weights settle by themselves; "
        "auto: cosine with pictures, else flat.",
    )
    warmup: float = setting(2.0, "Epochs over which the step size rises.", ge=0)
    decay: float = setting(0.5, "Share of the budget over which the step size falls.", ge=0, le=1)
    clip: float = setting(1.0, "Longest gradient; longer ones are shortened. 0: no clipping.", ge=0)
    accumulate: int = setting(1, "Pieces into which a batch is cut to save memory; the result is the same.", ge=1)
    patience: Annotated[int, Field(ge=0)] | Literal["auto"] = setting(
        "auto",
        "Stop after so many evaluations without a better one; 0: never; auto: 64, 16 or 6 by the number of rows, "
        "never with pictures.",
    )
    evaluate_every: Annotated[int, Field(ge=1)] | Literal["epoch"] = setting(
        "epoch", "Steps between evaluations on the valid rows."
    )
    averaging: float = setting(
        5.0,
        "Epochs over which the weights are averaged; the average is judged and kept. 0: the weights as they are.",
        ge=0,
    )
    networks: Annotated[int, Field(ge=1, le=8)] | Literal["auto"] = setting(
        "auto",
        "Networks whose answers are averaged, each with another eighth of the rows to stop early by; auto: as many as "
        "a budget of seconds holds, at most 8 of each kind; one for a budget of steps or epochs.",
    )
    companions: list[str] | Literal["auto", "none"] = setting(
        "auto",
        "Architectures that take turns with the model's own, since networks of several kinds err apart, or backbones "
        "that read its texts; auto: modern_nca beside tabm, gru and bag for texts, up to 100,000 rows, where a budget "
        "of seconds holds several networks. Beside pre-trained weights those that are named start from nothing.",
    )
    pseudo: Annotated[float, Field(gt=0, le=1)] | None = setting(
        None,
        "Probability from which on the answer to a row without a target becomes its label, for networks that learn "
        "from these rows too (Lee 2013); kept where they do better on the valid rows. None: such rows are set aside.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = setting("auto", "auto: what a short measurement finds fastest.")
    compile: Literal["auto", "on", "off"] = setting("auto", "torch.compile; auto: where a measurement finds it faster.")
    threads: Annotated[int, Field(ge=1)] | Literal["auto"] = setting(
        "auto", "Processor threads; auto: what a short measurement finds fastest."
    )
    checkpoint_every: float = setting(30.0, "Seconds between checkpoints, at evaluations.", ge=0)
    tensorboard: bool = setting(True, "Write TensorBoard event files beside the history.")
