"""Prompts with many right answers, and which texts say which."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

__all__ = ["TASKS", "TINY", "Task"]

SHOWN = "Name a tool: hammer<|im_end|>\nName a number: 21<|im_end|>\n"
FRUITS = """
apple apricot avocado banana blackberry blueberry cherry clementine coconut cranberry date fig grape grapefruit
guava kiwi kumquat lemon lime lychee mandarin mango melon nectarine olive orange papaya peach pear persimmon
pineapple plum pomegranate quince raspberry strawberry tangerine tomato watermelon"""
ANIMALS = """
ant bear bee beaver bird butterfly camel cat cheetah chicken cow crab crocodile crow deer dog dolphin donkey duck
eagle elephant fish fox frog giraffe goat goose gorilla hamster hawk hedgehog hippo horse kangaroo koala lion lizard
llama lobster monkey moose mouse octopus otter owl panda parrot penguin pig pigeon rabbit raccoon rat raven seal
shark sheep snail snake spider squirrel swan tiger turkey turtle whale wolf zebra"""
COLORS = """
amber beige black blue bronze brown crimson cyan emerald gold gray green indigo ivory lavender lilac lime magenta
maroon mauve mint navy olive orange peach pink purple red rose ruby salmon scarlet silver tan teal turquoise violet
white yellow"""
COUNTRIES = """
argentina australia austria bangladesh belgium bolivia brazil bulgaria cambodia cameroon canada chile china colombia
croatia cuba denmark ecuador egypt england ethiopia finland france germany ghana greece hungary iceland india
indonesia iran iraq ireland israel italy jamaica japan jordan kenya lebanon madagascar malaysia mali mexico mongolia
morocco nepal netherlands nigeria norway pakistan panama peru philippines poland portugal romania russia rwanda
scotland serbia singapore somalia spain sudan sweden switzerland syria tanzania thailand tunisia turkey uganda
ukraine uruguay venezuela vietnam yemen zambia zimbabwe"""
INSTRUMENTS = """
accordion banjo bass bassoon bugle cello clarinet cymbals drum drums fiddle flute guitar harmonica harp harpsichord
horn keyboard lute lyre mandolin oboe organ piano piccolo saxophone sitar tambourine triangle trombone trumpet tuba
ukulele viola violin xylophone"""


@dataclass(frozen=True)
class Task:
    """A question, and its right answers in lower case.

    A text says an answer if it is one of its `forms`; everything else is wrong. The lists are the verifier of this
    benchmark, not an encyclopaedia.
    """

    question: str
    answers: tuple[str, ...]

    @property
    def prompt(self) -> str:
        """After two others and their answers, which show what an answer looks like."""
        return f"{SHOWN}{self.question}:"

    def forms(self, answer: str) -> list[str]:
        """The texts that say it."""
        words = dict.fromkeys([answer, answer.capitalize()])
        return [f" {word}{end}" for word in words for end in ("", ".")]

    @cached_property
    def said(self) -> dict[str, str]:
        """What each right text says."""
        return {form: answer for answer in self.answers for form in self.forms(answer)}


def _words(kind: str, answers: str) -> Task:
    article = "an" if kind[0] in "aeiou" else "a"
    return Task(f"Name {article} {kind}", tuple(answers.split()))


def _numbers(which: str, numbers: range) -> Task:
    return Task(f"Name {which}", tuple(map(str, numbers)))


TASKS = (
    _words("fruit", FRUITS),
    _words("animal", ANIMALS),
    _words("color", COLORS),
    _words("country", COUNTRIES),
    _words("musical instrument", INSTRUMENTS),
    _numbers("an even number up to 100", range(2, 101, 2)),
    _numbers("an odd number up to 100", range(1, 101, 2)),
    _numbers("a number from 51 to 100", range(51, 101)),
)
TINY = (Task("Name a digit", tuple("0123456789")), Task("Name a vowel", tuple("aeiou")))
