"""Names for practice functions and parameters: known words and invented ones, so that copying is learned."""

from __future__ import annotations

import random

_TEXT = (
    "anagram and average balanced ballots bank base best bingo birthday board boards break busy caesar "
    "calendars camel card check chess codes collatz common compress conflicts convert count counts cycle "
    "dice digit digits dislikes double draws errors even factor field find first format fraction "
    "fractions games gaps goal graph grid groups happy heights high histogram index ingredients interval "
    "intervals inventory isbn island item key kinds knight known ladder last leap lengths level levels "
    "limit lines longest low mask matrix median merge messages minimum morse move moves moving names next "
    "not num number numbers numerals odd of or orders pairs palindromic parse pascal path peaks perfect "
    "playlist polynomial polynomials prices primes product program query rate reach recipe records "
    "reorder results return rings robot roman rotate row rows run runs scale score scrabble seating "
    "seconds secrets segments sentence shifts shuffle sides sizes snake songs source spell square stack "
    "start statement step stock subsequence sudoku sum table tally target text thesaurus time times to "
    "total tournament trades triangle triples up value values vote walk water width window winner word "
    "words wrap year zero"
)
_WORDS = _TEXT.split()
_PLURALS = tuple(each for each in _WORDS if each.endswith("s"))
_SYLLABLES = tuple(first + second for first in "bcdfghjklmnpqrstvwxyz" for second in "aeiou")
_CODAS = ("", "", "n", "r", "s", "t", "l", "ck", "nd", "st")
_INVENTED_SHARE = 0.05


def word(stream: random.Random) -> str:
    """A word of a name, seldom an invented one."""
    if stream.random() >= _INVENTED_SHARE:
        return stream.choice(_WORDS)
    syllables = (stream.choice(_SYLLABLES) for _ in range(stream.randint(1, 3)))
    return "".join(syllables) + stream.choice(_CODAS)


def function_name(stream: random.Random) -> str:
    """Two to four words."""
    return "_".join(word(stream) for _ in range(stream.choice((2, 2, 3, 3, 4))))


def plural(stream: random.Random) -> str:
    """A parameter that holds many things."""
    return stream.choice(_PLURALS)
