"""Where the keys of a TOML text stand: `tomllib` reads values but forgets their lines."""

import re

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")
_STRINGS = (
    re.compile(r'"""(?:\\.|(?!""").)*"{3,5}', re.DOTALL),
    re.compile(r"'''(?:(?!''').)*'{3,5}", re.DOTALL),
    re.compile(r'"(?:\\.|[^"\\\n])*"'),
    re.compile(r"'[^'\n]*'"),
)


class KeyLines:
    """The line (from 1) of each key and array element of a valid TOML text.

    The scanner reads what `tomllib` has accepted already, so it checks nothing itself.
    """

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}
        self._scan()

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest table around it that the text names; 1 at worst.

        Parts that the text does not have are passed over: pydantic puts the tag of a union there.
        """
        known: Path = ()
        for part in path:
            if (*known, part) in self._lines:
                known = (*known, part)
        return self._lines.get(known, 1)

    def _scan(self) -> None:
        table: Path = ()
        self._skip_blank()
        while self._at < len(self._text):
            if self._text.startswith("[[", self._at):
                self._at += 2
                table = self._header(many=True)
                self._at += 2
            elif self._text[self._at] == "[":
                self._at += 1
                table = self._header(many=False)
                self._at += 1
            else:
                self._pair(table)
            self._skip_blank()

    def _header(self, *, many: bool) -> Path:
        line = self._line()
        *parents, last = self._key()
        path: Path = ()
        for part in parents:
            path = self._into((*path, part), line)
        path = (*path, last)
        if not many:
            self._note(path, line)
            return path
        self._note(path, line)
        self._arrays[path] = self._arrays.get(path, -1) + 1
        return self._into(path, line)

    def _into(self, path: Path, line: int) -> Path:
        """The last element of an array of tables; another table is itself."""
        self._note(path, line)
        if path not in self._arrays:
            return path
        element = (*path, self._arrays[path])
        self._note(element, line)
        return element

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = table
        for part in self._key():
            path = (*path, part)
            self._note(path, line)
        self._at += 1  # =
        self._value(path)

    def _key(self) -> list[str]:
        parts: list[str] = []
        while True:
            self._skip_blank()
            if self._text[self._at] in "\"'":
                parts.append(self._string()[1:-1])
            else:
                match = _BARE_KEY.match(self._text, self._at)
                if match is None:  # not TOML: tomllib has said so before
                    return parts
                self._at = match.end()
                parts.append(match.group())
            self._skip_blank()
            if self._text[self._at] != ".":
                return parts
            self._at += 1

    def _value(self, path: Path) -> None:
        self._skip_blank()
        match self._text[self._at]:
            case "{":
                self._group("}", path)
            case "[":
                self._group("]", path)
            case '"' | "'":
                self._string()
            case _:
                match = _BARE_VALUE.match(self._text, self._at)
                self._at = match.end() if match else len(self._text)

    def _group(self, closing: str, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip_blank()
        while self._text[self._at] != closing:
            if closing == "}":
                self._pair(path)
            else:
                self._note((*path, index), self._line())
                self._value((*path, index))
                index += 1
            self._skip_blank()
            if self._text[self._at] == ",":
                self._at += 1
                self._skip_blank()
        self._at += 1

    def _string(self) -> str:
        for pattern in _STRINGS:
            if (match := pattern.match(self._text, self._at)) is not None:
                self._at = match.end()
                return match.group()
        self._at = len(self._text)
        return ""

    def _skip_blank(self) -> None:
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _note(self, path: Path, line: int) -> None:
        self._lines.setdefault(path, line)
