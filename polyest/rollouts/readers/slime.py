"""slime's ``--save-debug-rollout-data``: ``{rollout}.pt``, a torch file with ``rollout_id`` and ``samples``.

prompt: ``group_index``; completion: ``response``; score: ``reward``; step: ``rollout_id``; aborted samples are
completions that were lost. Read with ``torch.load(weights_only=True)``, which runs no code of the file; needs torch.
Not known: the model's answer (``label`` is the gold one), the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from polyest.errors import ArgumentError, MissingDependencyError
from polyest.rollouts.readers.messages import items, nested, number, string
from polyest.rollouts.readers.row import Row
from polyest.rollouts.readers.source import Json, Source, as_text

NAME = "slime"

ZIP = b"PK\x03\x04"


def sniff(source: Source) -> bool:
    return source.path.suffix == ".pt" and source.start.startswith(ZIP)


def rows(source: Source) -> Iterator[Row]:
    content = _load(source.path)
    step = number(nested(content, "rollout_id"))
    for i, sample in enumerate(items(nested(content, "samples")), 1):
        status = nested(sample, "status")
        yield Row(
            i,
            as_text(nested(sample, "group_index")),
            string(nested(sample, "response")),
            step=None if step is None else int(step),
            score=number(nested(sample, "reward")),
            failed=status if status in ("aborted", "failed") and isinstance(status, str) else None,
        )


def _load(path: Path) -> Json:
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingDependencyError(
            f"{path} is a torch file; reading it needs torch; install 'polyest[torch]'"
        ) from None
    try:
        found: Json = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 (torch and pickle raise a dozen kinds)
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ArgumentError(
            f"{path}: must be a torch file of plain data, as slime saves it; got {reason}; "
            "nothing that would run code is read"
        ) from None
    return found
