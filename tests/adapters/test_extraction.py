"""From texts to answers: time limits, misuse, threads, and math-verify's key."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from polyest.adapters.extraction import Extractor
from polyest.adapters.math.keys import math_verify_key
from polyest.errors import ArgumentError, MissingDependencyError
from polyest.rollouts import extraction
from polyest.rollouts.extraction import RULES

# Python 3.12 warns of forks in a process with threads, JAX of all where it was imported, say by another test
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:os.fork.* JAX is multithreaded:RuntimeWarning"),
]


def last_word(text: str) -> str | None:
    return text.split()[-1] if text.strip() else None


@pytest.mark.parametrize("limit", [None, 5.0, 5])
def test_answers_come_back_as_they_are(limit: float | None) -> None:
    extractor = Extractor(last_word, limit)
    assert [extractor("so it is 7"), extractor(" ")] == ["7", None]
    assert Extractor(lambda text: (1, frozenset({text})), limit)("a") == (1, frozenset({"a"}))


def never(text: str) -> str:
    while text == "loop":
        pass
    if text == "sleep":
        time.sleep(1e6)
    if text == "power":
        return str(9**9**9)  # minutes in C code that lets no other thread run
    return text


@pytest.mark.slow
@pytest.mark.parametrize("text", ["loop", "sleep", "power"])
def test_a_function_that_never_returns_is_ended_also_in_a_thread(text: str) -> None:
    extractor = Extractor(never, 0.2)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(extractor, "first").result(60) == "first"
        with pytest.warns(UserWarning, match=f"`extract` took longer than 0.2 s for '{text}'.*`time_limit`"):
            assert pool.submit(extractor, text).result(60) is None
        assert pool.submit(extractor, "next").result(60) == "next"


@pytest.mark.slow
def test_threads_share_one_process() -> None:
    extractor = Extractor(lambda text: (text, os.getpid()), 60)
    texts = [str(i) for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(extractor, texts))
    assert [answer[0] for answer in answers] == texts
    assert len({answer[1] for answer in answers} - {os.getpid()}) == 1


@pytest.mark.slow
def test_a_forked_owner_gets_a_process_of_its_own() -> None:
    extractor = Extractor(lambda text: os.getppid(), 60)
    assert extractor("") == os.getpid()
    child = os.fork()
    if child == 0:
        os._exit(0 if extractor("") == os.getpid() else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert extractor("") == os.getpid()


def test_the_process_ends_with_its_extractor() -> None:
    extractor = Extractor(lambda text: os.getpid(), 60)
    process = extractor("")
    del extractor
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def broken(text: str) -> object:
    match text:
        case "raise":
            raise KeyError("no box")
        case "list":
            return ["7"]
        case "lock":
            return threading.Lock()
        case "die":
            os._exit(3)
    return "fine"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("raise", "`extract` must return a hashable answer.*got KeyError.*'raise'; return None"),
        ("list", "got TypeError.*unhashable type: 'list'.*'list'; return None .* a string or a tuple"),
        ("lock", "cannot be pickled"),
        ("die", "the end of its process"),
    ],
)
def test_misuse_is_told_and_the_next_text_is_served(text: str, told: str) -> None:
    extractor = Extractor(broken, 60)
    with pytest.raises(ArgumentError, match=f"(?s){told}"):
        extractor(text)
    assert extractor("x" * 100) == "fine"


def test_misuse_is_told_without_a_process_too() -> None:
    for text in ("raise", "list"):
        with pytest.raises(ArgumentError, match="`extract` must return a hashable answer"):
            Extractor(broken, None)(text)
    with pytest.raises(ArgumentError, match=r"`text` must be a completion's text, got bytes"):
        Extractor(broken)(b"raise")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((7,), "`extract` must be a function of a text, or one of boxed, hash4, last-number, math-verify; got 7"),
        (("hash",), "did you mean 'hash4'"),
        (("math_verify",), "did you mean 'math-verify'"),
        ((str, 0), "`time_limit` must be a positive number of seconds, or None for no limit, got 0"),
        ((str, float("nan")), "`time_limit`.*nan"),
        ((str, "5"), "`time_limit`.*'5'"),
        ((str, True), "`time_limit`.*True"),
    ],
)
def test_bad_arguments(arguments: tuple[object, ...], told: str) -> None:
    with pytest.raises(ArgumentError, match=told):
        Extractor(*arguments)  # type: ignore[arg-type]


def test_a_platform_without_fork_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("multiprocessing.get_all_start_methods", lambda: ["spawn"])
    with pytest.raises(ArgumentError, match="`time_limit` must be None on this platform"):
        Extractor(str)
    assert Extractor(str, time_limit=None)("7") == "7"


def test_math_verify_is_asked_for_when_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "math_verify", None)
    with pytest.raises(MissingDependencyError, match=r"polyest\[math\]"):
        Extractor("math-verify")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("texts", "key"),
    [
        (["$0.5$", r"so \boxed{\frac{1}{2}}", r"$\frac24$"], "1/2"),
        (["The answer is 7.", r"\boxed{7}", "$7.0$"], "7"),
        (["$x+1$", "$1+x$"], "x + 1"),
        ([r"$\{1,2\}$", r"$\{2,1\}$"], "{1, 2}"),
        ([r"$\{0.5,1\}$", r"$\{1,\frac12\}$"], "{1, 1/2}"),
        ([r"$\begin{pmatrix}0.5\\1\end{pmatrix}$", r"$\begin{pmatrix}1/2\\1\end{pmatrix}$"], "Matrix([[1/2], [1]])"),
        (["$5$", "$x=5$", r"\boxed{y = 5.0}"], "5"),
        (["$x^2+y^2=1$", "$y^2+x^2=1$"], "x**2 + y**2 - 1 = 0"),
        (["$10^{9999}$"], "10^{9999}"),  # more digits than Python turns into a string
        (["", "I do not know"], None),
    ],
)
def test_equal_mathematics_has_equal_keys(texts: list[str], key: str | None) -> None:
    pytest.importorskip("math_verify")
    assert {math_verify_key(text) for text in texts} == {key}


@pytest.mark.slow
def test_math_verify_runs_in_threads_and_into_the_time_limit() -> None:
    pytest.importorskip("math_verify")
    extractor = Extractor("math-verify", 2.0)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(extractor, "$0.25$").result(60) == "1/4"
        with pytest.warns(UserWarning, match="took longer than 2 s"):
            assert pool.submit(extractor, rf"\boxed{{{'(' * 10_000}5{')' * 10_000}}}").result(60) is None


@pytest.mark.slow
@pytest.mark.parametrize("limit", [None, 5.0])
def test_the_rules_of_score_have_the_same_names_here(limit: float | None) -> None:
    texts = [r"so \\boxed{7}", "#### 1,234", "x = -7.", "no answer"]
    for name in RULES:
        extractor = Extractor(name, limit)
        assert [extractor(text) for text in texts] == extraction.extract(texts, name)
