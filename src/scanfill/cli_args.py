"""Check the words after ``python -m scanfill`` before a verb runs: its name, its arguments, their types and ranges.

Fire calls the verbs. By itself it would guess types, and notice an unknown option only after the verb has run.
"""

import difflib
import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, get_args

import fire.decorators

from scanfill.errors import UnknownOptionError, UsageError
from scanfill.option_values import NAMES, SWITCH, TEXT, Kind, range_of

Verb = Callable[..., None]
HELP = ("--help", "-h")
FLAG = re.compile(r"--|-[a-zA-Z]")
"""Start of an option; ``-1`` is a number."""
POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def read_with_types(verb: Verb) -> Verb:
    """Return a verb whose arguments Fire reads by their annotations; those of ``**options`` stay text."""

    @functools.wraps(verb)
    def typed(*words: Any, **options: Any) -> None:  # Fire's mark would be a part of the verb's own help
        verb(*words, **options)

    readers = {name: _kind(parameter).read for name, parameter in _parameters(verb).items()}
    fire.decorators.SetParseFns(**readers)(typed)
    fire.decorators.SetParseFn(str)(typed)
    return typed


def as_commands(verbs: Mapping[str, Verb], words: Sequence[str]) -> dict[str, Any]:
    """Return what Fire calls: the verb that checked words name, or all verbs if they ask for help.

    Args:
        verbs: The verbs by name; ``rle check`` becomes the command ``check`` of ``rle``.
        words: From :py:func:`checked_words`.
    """
    asks = not words or "--" in words
    called = verbs if asks else {name: read_with_types(verbs[name]) for name in [_verb_name(verbs, words)]}
    commands: dict[str, Any] = {}
    for name, verb in called.items():
        group, _, member = name.partition(" ")
        if member:
            commands.setdefault(group, {})[member] = verb
        else:
            commands[name] = verb
    return commands


def checked_words(verbs: Mapping[str, Verb], words: Sequence[str]) -> list[str]:
    """Check a command line without running anything.

    Args:
        verbs: The verbs by name; a verb of a group has a name of two words, such as ``rle check``.
        words: The words after the program's name.

    Returns:
        The same command line for Fire, with each option as one word.

    Raises:
        UnknownOptionError: There is no such verb or option; the message suggests the nearest one.
        UsageError: An argument is missing or superfluous, has no value, or is not accepted.
    """
    if not words:
        return []
    asked_for_help = any(word in HELP for word in words)
    if words[0] in (*HELP, "--"):
        return ["--", HELP[0]]
    name = _verb_name(verbs, words)
    group = [known for known in verbs if known.startswith(f"{name} ")]
    if group and asked_for_help:
        return [name, "--", HELP[0]]
    if name not in verbs:
        told = " ".join(words[: 1 + name.count(" ")])
        msg = (
            f"{told} needs one of {', '.join(group)}."
            if group
            else f"There is no verb {told!r}; {_nearest(name, list(verbs))}."
        )
        raise UnknownOptionError(msg)
    if asked_for_help:
        return [*name.split(), "--", HELP[0]]
    return [*name.split(), *_Arguments(name, verbs[name]).checked(words[len(name.split()) :])]


def take_option(words: Sequence[str], name: str) -> tuple[list[str], list[str]]:
    """Take an option that every verb accepts out of a command line.

    Args:
        words: The words after the program's name.
        name: The option, such as ``--replace``; it may occur more than once.

    Returns:
        The other words, and the option's values.

    Raises:
        UsageError: It has no value.
    """
    others, values, rest = [], [], list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith(f"{name}="):
            values.append(word.partition("=")[2])
        elif word != name:
            others.append(word)
        elif rest and not FLAG.match(rest[0]):
            values.append(rest.pop(0))
        else:
            msg = f"{name} needs a value: the path of a file."
            raise UsageError(msg)
    return others, values


def typed_options(function: Callable[..., Any], options: Mapping[str, str]) -> dict[str, Any]:
    """Convert the text of options to the types of a function's parameters.

    Raises:
        UsageError: A value is not accepted.
    """
    parameters = _parameters(function)
    return {name: _kind(parameters[name]).value(f"--{name}", text) for name, text in options.items()}


@dataclass
class _Arguments:
    """The arguments of one verb: what it accepts, and what was given.

    Attributes:
        verb: Name of the verb.
        function: The function.
        given: Option -> text.
        positional: Words without an option.
    """

    verb: str
    function: Verb
    given: dict[str, str] = field(default_factory=dict)
    positional: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.parameters = _parameters(self.function)
        kinds = {parameter.kind for parameter in inspect.signature(self.function).parameters.values()}
        self.any_option = inspect.Parameter.VAR_KEYWORD in kinds
        self.more = inspect.Parameter.VAR_POSITIONAL in kinds

    def checked(self, words: Sequence[str]) -> list[str]:
        """Return the arguments for Fire; see :py:func:`checked_words`."""
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-", "--"):
                msg = f"{self.verb}: {word!r} alone has no meaning here; write ./{word} for a file of this name."
                raise UsageError(msg)
            if FLAG.match(word):
                self._take_option(word, rest)
            else:
                self.positional.append(word)
        self._check_positional()
        for name, text in self.given.items():
            if name in self.parameters:
                _kind(self.parameters[name]).value(f"--{name}", text)
        return [*self.positional, *(f"--{name}={text}" for name, text in self.given.items())]

    def _take_option(self, word: str, rest: list[str]) -> None:
        key, equals, text = word.lstrip("-").partition("=")
        name = self._name(key.replace("-", "_"), word)
        switch = name in self.parameters and _kind(self.parameters[name]) is SWITCH
        follows = bool(rest) and not FLAG.match(rest[0])
        off = name not in self.parameters and name.startswith("no")
        if off and not equals and (name[2:] in self.parameters or not follows):
            name, text = name[2:], "False"
        elif not equals and (switch or not follows) and not (switch and follows and _is_switch(rest[0])):
            if name in self.parameters and not switch:
                msg = f"{self.verb}: --{name} has no value."
                raise UsageError(msg)
            text = "True"
        elif not equals:
            text = rest.pop(0)
        if name in self.given:
            msg = f"Write --{name} once{self._several(name)}; it was given twice."
            raise UsageError(msg)
        self.given[name] = text

    def _several(self, name: str) -> str:
        return ", followed by all options: --set folds=3 seeds=[0]" if self.more and name == "set" else ""

    def _name(self, key: str, word: str) -> str:
        """Return the parameter that an option means: by its name, by ``no`` and its name, or by its first letter."""
        names = list(self.parameters)
        switches = [name for name, parameter in self.parameters.items() if _kind(parameter) is SWITCH]
        if key in names or (key.startswith("no") and key[2:] in switches):
            return key
        fitting = [name for name in names if name[0] == key]
        if len(fitting) > 1:
            msg = f"{self.verb}: {word} can mean {' or '.join(f'--{name}' for name in fitting)}; write it in full."
            raise UsageError(msg)
        if fitting or self.any_option:
            return fitting[0] if fitting else key
        msg = f"{self.verb} has no option {word.partition('=')[0]}; {_nearest(key, names, prefix='--')}."
        raise UnknownOptionError(msg)

    def _check_positional(self) -> None:
        """Check that every required argument is given, and no more than there are."""
        required = [name for name, found in self.parameters.items() if found.default is found.empty]
        free = [name for name, found in self.parameters.items() if found.kind in POSITIONAL and name not in self.given]
        missing = [name for name in required if name not in self.given and name not in free[: len(self.positional)]]
        if missing:
            msg = (
                f"{self.verb}: {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing: {self._usage()}"
            )
            raise UsageError(msg)
        if len(self.positional) > len(free) and not self.more:
            left = " ".join(self.positional[len(free) :])
            msg = f"{self.verb}: unexpected argument {left!r}: {self._usage()}"
            raise UsageError(msg)
        for name, text in zip(free, self.positional, strict=False):
            _kind(self.parameters[name]).value(f"{self.verb}: {name}", text)

    def _usage(self) -> str:
        words = [name.upper() for name, found in self.parameters.items() if found.kind in POSITIONAL and _needed(found)]
        words += ["..."] * self.more
        named = [f"--{name} {name.upper()}" for name, found in self.parameters.items() if found.kind not in POSITIONAL]
        needed = [text for text in named if _needed(self.parameters[text.split()[0][2:]])]
        return f"python -m scanfill {' '.join([self.verb, *words, *needed])} (--help lists the options)"


def _verb_name(verbs: Mapping[str, Verb], words: Sequence[str]) -> str:
    """Return the name of the verb at the start of a command line: one word, or two if the first is that of a group."""
    first, *others = (word.replace("-", "_") for word in words[:2])
    in_group = any(name.startswith(f"{first} ") for name in verbs)
    return f"{first} {others[0]}" if in_group and others and not FLAG.match(words[1]) else first


def _needed(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Return the parameters that have a name on the command line."""
    starred = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function, eval_str=True).parameters.items()
    return {name: parameter for name, parameter in found if parameter.kind not in starred}


def _kind(parameter: inspect.Parameter) -> Kind:
    types = set(_types(parameter.annotation))
    if bool in types:
        return SWITCH
    if types & {int, float}:
        return range_of(parameter.name, whole=float not in types).kind
    return NAMES if list[str] in types else TEXT


def _types(annotation: Any) -> Iterator[Any]:
    """Yield the types of an annotation such as ``int | None``; a list of names is ``list``."""
    if isinstance(annotation, UnionType):
        for part in get_args(annotation):
            yield from _types(part)
    elif annotation is not type(None):
        yield annotation


def _is_switch(word: str) -> bool:
    try:
        SWITCH.read(word)
    except ValueError:
        return False
    return True


def _nearest(name: str, known: Sequence[str], prefix: str = "") -> str:
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(prefix + other for other in near)}?"
    return f"there are {', '.join(prefix + other for other in known)}"
