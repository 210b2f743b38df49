"""TRL on two processes (torchrun, gloo), every group spread over both: what one process alone gets."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("trl")
import trl_worker
from torchrun import outcomes

pytestmark = pytest.mark.filterwarnings("ignore:.*gradient_checkpointing.* is deprecated:FutureWarning:transformers")


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """The outcomes of two processes."""
    return outcomes(trl_worker, tmp_path_factory.mktemp("ranks"))


@pytest.fixture(scope="module")
def one() -> dict[str, Any]:
    return trl_worker.run(0, 1)


@pytest.mark.parametrize("kind", trl_worker.kinds())
def test_two_processes_get_what_one_does(one: dict[str, Any], two: list[dict[str, Any]], kind: str) -> None:
    for alone, first, second in zip(one[kind], two[0][kind], two[1][kind], strict=True):
        assert first["advantages"] + second["advantages"] == alone["advantages"]
        assert first["rewards"] == second["rewards"] == alone["rewards"]
        assert first["metrics"] == second["metrics"] == pytest.approx(alone["metrics"])
    assert any(value for alone in one[kind] for value in alone["advantages"])


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("extract", ("ArgumentError: `extract` must return", "`extract` must return a hashable answer")),
        ("reward", ("KeyError: 'c'", "'c'")),
    ],
)
def test_an_error_of_one_process_is_raised_on_both(
    two: list[dict[str, Any]], function: str, told: tuple[str, str]
) -> None:
    found = [ranks["failure"][function] for ranks in two]
    assert f"rank 1 of the process group failed with {told[0]}" in found[0]
    assert found[1].startswith(told[1])
