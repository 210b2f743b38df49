"""What a fresh process loads."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

HEAVY = "cvxpy flint gmpy2 jax joblib llvmlite matplotlib mpmath numba platformdirs pyarrow scipy torch tqdm"
SMALL = "import numpy, polyest; e = polyest.load('log', 16, 'harmonic'); a = numpy.arange(8192).reshape(512, 16) % 5"


def loaded(code: str) -> set[str]:
    """The top-level modules that a fresh process has loaded after running `code`."""
    script = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    result = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "import polyest",
        "from polyest import load, rewards, advantages, value, targets, methods, tables, Estimator, PolyestError",
        "import polyest; polyest.targets(); polyest.methods()",
        f"{SMALL}; e.rewards(a); e.advantages(a); e.value(a)",
        f"{SMALL}; polyest.rewards(a.ravel(), numpy.arange(8192) // 16, 'log', 'harmonic')",
        "import polyest; polyest.load('log', 4, 'harmonic', baseline='group_mean').rewards([['a', 'b', None, 'a']])",
        f"{SMALL}; e.advantages(a, weights=a); e.value(a, weights=a, usable=a > 0)",
        "import numpy; from polyest import graded; graded.best_of(4, 16).advantages(numpy.ones((512, 16)))",
        "from polyest import graded as g; g.advantages([1.0, 2], [0, 0], g.best_of(2)); g.calibrated('log', 4)",
    ],
)
def test_small_work_loads_numpy_and_nothing_heavier(code: str) -> None:
    assert not set(HEAVY.split()) & loaded(code)


@pytest.mark.slow
def test_numba_is_loaded_for_a_large_batch() -> None:
    assert "numba" in loaded(
        "import numpy, polyest; polyest.load('log', 64, 'harmonic').rewards(numpy.zeros((1 << 16, 64), int))"
    )


def test_no_module_hides_a_public_function() -> None:
    """`polyest.targets` is a function whatever has been imported."""
    import polyest

    modules = {module.name for module in pkgutil.iter_modules(polyest.__path__)}
    functions = {name for name in polyest.__all__ if not isinstance(getattr(polyest, name), ModuleType)}
    assert not modules & functions


def test_the_public_names() -> None:
    import polyest

    assert set(polyest.__all__) <= set(dir(polyest))
    assert all(getattr(polyest, name) is not None for name in polyest.__all__)
    with pytest.raises(AttributeError, match="no attribute 'reward'"):
        _ = polyest.reward


@pytest.mark.slow
@pytest.mark.parametrize("name", ["success", "history", "games"])
def test_the_parts_are_reachable_as_attributes_once_they_are_asked_for(name: str) -> None:
    assert "numpy" in loaded(f"import polyest, sys; assert 'polyest.{name}' not in sys.modules; polyest.{name}.__all__")


def test_a_value_has_one_name() -> None:
    import polyest

    assert polyest.value([1, 1], [0, 0], "log", "harmonic")[1].tolist() == [0.0]
    with pytest.raises(AttributeError, match=r"no attribute 'values'; it is called 'polyest\.value'"):
        _ = polyest.values
    assert "values" not in dir(polyest)


@pytest.mark.parametrize(("typed", "meant"), [("advantage", "advantages"), ("sucess", "success"), ("tabel", "tables")])
def test_a_name_that_is_not_there_leads_to_the_nearest(typed: str, meant: str) -> None:
    import polyest

    with pytest.raises(AttributeError, match=f"'{typed}'; did you mean '{meant}'"):
        getattr(polyest, typed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "absent"),
    [
        ("score", ("polyest.report", "polyest.rollouts.measures", "polyest.cli.cluster", "polyest.cli.solve")),
        ("report", ("polyest.cli.score", "polyest.cli.solve")),
        ("list", ("polyest.cli.score", "polyest.rollouts.engine", "duckdb", "pyarrow")),
    ],
)
def test_a_verb_loads_what_it_needs_and_no_more(verb: str, absent: tuple[str, ...], tmp_path: Path) -> None:
    """Rows are scored without a measure, an engine for clusters, or `numpy.ma`, which take longer than they do."""
    log = tmp_path / "log.jsonl"
    log.write_text("".join(f'{{"prompt_id": 1, "answer": {n % 3}}}\n' for n in range(16)))
    given = {
        "score": [str(log), "--target", "log", "--method", "harmonic", "--out", str(tmp_path / "out.parquet")],
        "report": [str(log), "--out", str(tmp_path / "page.html")],
        "list": [],
    }
    code = (
        f"import sys\nfrom polyest.cli import main\nassert main({[verb, *given[verb]]}) == 0\n"
        f"wrong = {{*{absent}}} & {{*sys.modules}}\nassert not wrong, wrong\n"
        f"assert {verb!r} != 'score' or 'numpy.ma' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("given", [None, "3"])
def test_scoring_starts_no_threads_for_matrices_unless_told_to(given: str | None) -> None:
    """They cost more than scoring a short log; numpy reads how many as it is loaded."""
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {} if given is None else {"OPENBLAS_NUM_THREADS": given}
    code = (
        "import sys\nfrom polyest.command import main\nsys.argv = ['polyest', 'score', 'nowhere', '--target', 'log']\n"
        "main()\nimport os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert result.stdout == f"{given or 1}\n"
