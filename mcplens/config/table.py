"""One table of mcplens.toml, read key by key; an error says what, where and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from mcplens.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_WORDS: Final[dict[type, str]] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a table",
    list: "a list",
}
_MAX_SHOWN: Final = 60
_Word = TypeVar("_Word", bound=str)


class Table:
    """What stands in one table; whoever reads it takes what he knows and then asks for the rest."""

    def __init__(self, values: dict[str, Any], *, file: str, name: str = "") -> None:
        self._values = dict(values)
        self._known: list[str] = []
        self._file = file
        self._name = name

    def text(self, key: str) -> str | None:
        """Take a text that is not empty."""
        value: str | None = self._take(key, str)
        if value is not None and not value.strip():
            self.refuse(f"{key} is empty")
        return value

    def flag(self, key: str) -> bool | None:
        """Take true or false."""
        value: bool | None = self._take(key, bool)
        return value

    def word(self, key: str, words: Collection[_Word]) -> _Word | None:
        """Take one word of a few."""
        value = self._take(key, str)
        return None if value is None else self.one_of(value, words, what=key)

    def amount(self, key: str) -> float | None:
        """Take a number that is not negative."""
        value = self._take(key, float)
        if value is None:
            return None
        if not 0 <= value < float("inf"):
            self.refuse(f"{key} must be a number from 0 on")
        return float(value)

    def many(self, key: str, kind: type) -> list[Any]:
        """Take a list, or one value in place of a list of one."""
        self._known.append(key)
        value = self._values.pop(key, [])
        values = value if isinstance(value, list) else [value]
        for item in values:
            self.check(item, kind, what=key)
            if item == "":
                self.refuse(f"{key} holds an empty text")
        return values

    def table(self, key: str) -> Table:
        """Take a table within this one; an empty one when it is not there."""
        value = self._take(key, dict)
        name = f"{self._name[:-1]}.{key}]" if self._name.endswith("]") else f"[{key}]"
        return Table(value or {}, file=self._file, name=name)

    def tables(self, key: str) -> list[Table]:
        """Take an array of tables."""
        value = self.many(key, dict)
        return [
            Table(item, file=self._file, name=f"[[{key}]] number {number}")
            for number, item in enumerate(value, 1)
        ]

    def entry(self, name: str, value: Any) -> Table:
        """Read one of the entries as a table."""
        values = self.check(value, dict, what=f'"{name}"')
        return Table(values, file=self._file, name=f'{self._name} "{name}"')

    def has(self, key: str) -> bool:
        """Say whether a key is there that was not taken yet."""
        return key in self._values

    def is_text(self, key: str) -> bool:
        """Say whether a key holds a text."""
        return isinstance(self._values.get(key), str)

    def rest(self) -> list[tuple[str, Any]]:
        """Take all that is left, whatever it is."""
        rest, self._values = list(self._values.items()), {}
        return rest

    def by_tool(self) -> list[tuple[str, Any]]:
        """Take all that is left: entries by `server:tool`."""
        entries = self.rest()
        for glob, _ in entries:
            self.check_glob(glob)
        return entries

    def check_glob(self, glob: str) -> str:
        """Refuse what names no server; a tool is `server:tool`."""
        server, colon, tool = glob.partition(":")
        if not (server and colon and tool):
            suggestion = f'"*:{glob}" for the tool on any server, or "{glob}:*" for all of a server'
            near = _near(glob, self._known)
            if near:
                self.refuse(f'unknown key "{glob}". Did you mean "{near}"?')
            self.refuse(f'"{_short(glob)}" is no server:tool. Write {suggestion}')
        return glob

    def check(self, value: Any, kind: type, *, what: str) -> Any:
        """Refuse a value of another kind than expected."""
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        fits = {float: is_number, int: is_number and isinstance(value, int)}
        if not fits.get(kind, isinstance(value, kind)):
            self.refuse(f"{what} must be {_WORDS[kind]}")
        return value

    def one_of(self, value: str, words: Collection[_Word], *, what: str) -> _Word:
        """Refuse a word that is none of a few."""
        for word in words:
            if value == word:
                return word
        near = _near(value, words)
        hint = f'Did you mean "{near}"?' if near else f"It takes {', '.join(words)}"
        return self.refuse(f'{what} = "{_short(value)}" is not known. {hint}')

    def done(self) -> None:
        """Refuse what nobody has taken."""
        for key in self._values:
            near = _near(key, self._known)
            hint = f'Did you mean "{near}"?' if near else f"There is {', '.join(self._known)}"
            self.refuse(f'unknown key "{_short(key)}". {hint}')

    def refuse(self, reason: str) -> NoReturn:
        """Say what is wrong, in this table."""
        where = f"{self._file}, {self._name}" if self._name else self._file
        raise ConfigError(f"{where}: {reason}")

    def _take(self, key: str, kind: type) -> Any:
        self._known.append(key)
        value = self._values.pop(key, None)
        return None if value is None else self.check(value, kind, what=key)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 1] + "…"


def _near(word: str, words: Collection[str] | Sequence[str]) -> str | None:
    import difflib  # needed for a slip of the keyboard

    near = difflib.get_close_matches(word, list(words), n=1)
    return near[0] if near else None
