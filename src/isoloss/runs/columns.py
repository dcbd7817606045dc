"""Which columns does a runs table have, what may they hold, and under which names do they come?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["count", "loss", "positive", "nonnegative", "number", "flag", "text"]


@dataclass(frozen=True)
class Column:
    """One canonical column.

    Attributes:
        name: its name in every table that isoloss writes.
        kind: what its values may be: ``count`` (a count of at least 1), ``loss`` and ``positive``
            (above zero), ``nonnegative``, ``number``, ``flag`` (yes or no), ``text``.
        meaning: what it holds, with its unit.
        aliases: other names that are recognised, normalised (see `normalise_name`).
        core: fits stand on it, so a value that cannot be read is an error and not a note.
    """

    name: str
    kind: Kind
    meaning: str
    aliases: tuple[str, ...] = ()
    core: bool = False


COLUMNS: tuple[Column, ...] = (
    Column("run_id", "text", "unique name of the run", ("runid", "id")),
    Column(
        "name",
        "text",
        "display name",
        ("run_name", "exp_name", "experiment_name", "job_name", "display_name"),
    ),
    Column("source", "text", "where the runs come from"),
    Column("source_uri", "text", "file that the row was read from"),
    Column("imported_at", "text", "when it was imported"),
    Column("status", "text", "ok or excluded", ("state",)),
    Column("reason", "text", "why the run is excluded"),
    Column("group", "text", "experiment that the run belongs to"),
    Column("seed", "number", "random seed", ("random_seed",)),
    Column("n_layers", "count", "layers", ("num_layers", "layers", "n_layer", "depth")),
    Column("d_model", "count", "width", ("hidden_size", "width", "n_embd", "model_dim")),
    Column("n_heads", "count", "attention heads", ("num_heads", "n_head", "num_attention_heads")),
    Column("n_kv_heads", "count", "key and value heads", ("num_kv_heads", "num_key_value_heads")),
    Column("d_head", "count", "width of a head", ("head_dim", "head_size")),
    Column(
        "d_ff", "count", "feed-forward width", ("ffn_hidden_size", "intermediate_size", "ffn_dim")
    ),
    Column("vocab", "count", "vocabulary", ("vocab_size", "vocabulary_size", "n_vocab")),
    Column(
        "seq_len",
        "count",
        "context length, tokens",
        ("sequence_length", "context_length", "block_size", "max_seq_len", "ctx_len", "seqlen"),
        core=True,
    ),
    Column("tied", "flag", "input and output embedding are one", ("tie_word_embeddings",)),
    Column("gated", "flag", "gated feed-forward (SwiGLU)", ("swiglu",)),
    Column("moe_experts", "count", "experts per layer", ("n_experts", "num_experts")),
    Column("moe_topk", "count", "experts per token", ("top_k", "experts_per_token")),
    Column(
        "n_total",
        "count",
        "all parameters",
        ("params_total", "total_params", "total_parameters", "n_params_total", "num_params_total"),
        core=True,
    ),
    Column(
        "n_nonemb",
        "count",
        "parameters without embeddings",
        (
            "non_embedding_params",
            "non_embedding_parameters",
            "nonemb_params",
            "params_nonemb",
            "params_non_embedding",
            "n_non_embedding",
            "num_non_embedding_params",
        ),
        core=True,
    ),
    Column(
        "n_matmul",
        "count",
        "non-embedding plus unembedding parameters",
        ("params_matmul", "scaling_params"),
        core=True,
    ),
    Column(
        "n_active",
        "count",
        "parameters used per token, without embeddings",
        ("active_params", "params_active", "active_parameters"),
        core=True,
    ),
    Column(
        "params",
        "count",
        "parameters: the N to use",
        (
            "n",
            "parameters",
            "n_params",
            "num_params",
            "nparams",
            "num_parameters",
            "n_parameters",
            "model_params",
            "parameter_count",
            "model_size",
            "size",
        ),
        core=True,
    ),
    Column(
        "tokens",
        "count",
        "tokens seen in training",
        (
            "d",
            "tokens_trained",
            "total_tokens",
            "training_tokens",
            "train_tokens",
            "n_tokens",
            "num_tokens",
            "tokens_seen",
            "data",
        ),
        core=True,
    ),
    Column(
        "unique_tokens",
        "count",
        "distinct tokens among them",
        ("u", "n_unique_tokens", "num_unique_tokens", "tokens_unique"),
        core=True,
    ),
    Column("epochs", "positive", "tokens / unique_tokens", ("n_epochs", "num_epochs")),
    Column(
        "steps",
        "count",
        "optimiser updates",
        ("n_steps", "num_steps", "train_steps", "training_steps", "iterations", "iters"),
    ),
    Column("steps_planned", "count", "updates planned", ("max_steps", "total_steps")),
    Column(
        "batch_tokens",
        "count",
        "batch, tokens",
        ("tokens_per_step", "tokens_per_batch", "batch_size_tokens", "total_batch_size"),
        core=True,
    ),
    Column(
        "batch_sequences",
        "count",
        "batch, sequences",
        ("batch_size_sequences", "bs", "batch_size", "global_batch_size", "gbs"),
        core=True,
    ),
    Column(
        "flop",
        "positive",
        "training compute, FLOP",
        (
            "c",
            "flops",
            "training_flop",
            "training_flops",
            "total_flop",
            "total_flops",
            "train_flops",
            "total_flos",
            "compute",
        ),
        core=True,
    ),
    Column("flop_convention", "text", "how the FLOP were counted"),
    Column(
        "flop_budget",
        "positive",
        "nominal compute of the IsoFLOP group, FLOP",
        ("flops_budget", "compute_budget", "isoflop_budget", "budget"),
        core=True,
    ),
    Column(
        "lr",
        "positive",
        "peak learning rate",
        ("learning_rate", "peak_lr", "peak_learning_rate", "max_lr", "lr_peak", "lr_max"),
        core=True,
    ),
    Column("lr_schedule", "text", "shape of the schedule", ("schedule", "lr_scheduler_type")),
    Column("lr_final", "nonnegative", "last learning rate", ("lr_min", "min_lr", "final_lr")),
    Column("lr_final_frac", "nonnegative", "last / peak learning rate", ("lr_final_fraction",)),
    Column("warmup_tokens", "nonnegative", "tokens of warm-up"),
    Column("weight_decay", "nonnegative", "weight decay", ("wd",)),
    Column("optimizer", "text", "optimiser", ("optimiser",)),
    Column("precision", "text", "number format"),
    Column("dataset", "text", "training data"),
    Column("tokenizer", "text", "tokenizer"),
    Column("eval_set", "text", "data that the loss is measured on", ("val_set",)),
    Column(
        "loss",
        "loss",
        "final loss",
        (
            "final_loss",
            "val_loss",
            "smooth_loss",
            "eval_loss",
            "validation_loss",
            "final_val_loss",
            "lm_loss",
            "val_bpb",
            "bpb",
            "l",
            "train_loss",
        ),
        core=True,
    ),
    Column("loss_unit", "text", "unit of the loss"),
    Column("loss_kind", "text", "final, smoothed or last_k_mean"),
    Column("loss_se", "nonnegative", "standard error of the loss", ("loss_stderr",)),
    Column("device", "text", "accelerator"),
    Column("n_devices", "count", "accelerators", ("num_gpus", "n_gpus")),
    Column("wall_seconds", "nonnegative", "wall time, s"),
    Column("device_hours", "nonnegative", "accelerator hours", ("gpu_hours",)),
    Column("mfu", "nonnegative", "model FLOP utilisation, 0 to 1"),
    Column("n_convention", "text", "which count is N"),
    Column("provenance", "text", "which columns were derived or assumed"),
)

BY_NAME: dict[str, Column] = {column.name: column for column in COLUMNS}

# Everyday words: taken for a canonical column only where the values are numbers.
WEAK_ALIASES = frozenset({"n", "d", "c", "l", "u", "data", "size", "budget", "compute", "bs"})
# Whether these count tokens or sequences is not in the name.
AMBIGUOUS_BATCH = frozenset({"bs", "batch_size", "global_batch_size", "gbs"})
# Taken only where there is no other loss: training loss is not what a law should predict.
LAST_RESORT = frozenset({"train_loss"})
BITS_PER_BYTE = frozenset({"val_bpb", "bpb"})
# What makes two tables the same evidence, whatever their names, order and notes.
HASHED = (
    "status",
    "n_total",
    "n_nonemb",
    "n_matmul",
    "n_active",
    "params",
    "tokens",
    "unique_tokens",
    "batch_tokens",
    "flop",
    "flop_budget",
    "lr",
    "loss",
)


def normalise_name(name: str) -> str:
    """A column name in lower case, with one underscore for whatever is no letter or digit.

    ``Training FLOP`` -> ``training_flop``, ``eval/loss`` -> ``eval_loss``, ``#params`` ->
    ``params``.
    """
    return re.sub(r"[^0-9a-z]+", "_", name.strip().lower()).strip("_")


def canonical_name(name: str) -> str | None:
    """The canonical column that a name stands for, or None."""
    return _CANONICAL.get(normalise_name(name))


_CANONICAL: dict[str, str] = {
    spelling: column.name for column in COLUMNS for spelling in (column.name, *column.aliases)
}
