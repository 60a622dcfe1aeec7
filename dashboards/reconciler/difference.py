"""Differences between two JSON documents: as lines to read, and as a patch to keep (RFC 6902)."""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any, Final

Json = dict[str, Any]
Operation = dict[str, Any]

_LINE_MAX: Final = 100
_NOTHING: Final = object()


class MismatchError(ValueError):
    """The document is not the one that the patch was made for."""


def differences(old: Any, new: Any, path: tuple[str | int, ...] = ()) -> Iterator[Operation]:
    """What turns `old` into `new`, as operations of a JSON patch.

    Each is preceded by a `test` of what it replaces or removes, so that a patch does not silently
    change something else later.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() - new.keys()):
            yield from _gone(old[key], (*path, key))
        for key in sorted(new.keys() - old.keys()):
            yield {"op": "add", "path": _pointer((*path, key)), "value": new[key]}
        for key in sorted(old.keys() & new.keys()):
            yield from differences(old[key], new[key], (*path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _of_lists(old, new, path)
    elif (type(old) is not type(new) and not _both_numbers(old, new)) or old != new:
        yield {"op": "test", "path": _pointer(path), "value": old}
        yield {"op": "replace", "path": _pointer(path), "value": new}


def patched(document: Json, patch: Sequence[Mapping[str, Any]]) -> Json:
    """The document after `add`, `remove`, `replace` and `test`.

    Raises:
        MismatchError: a `test` fails or a place does not exist.
    """
    result = deepcopy(document)
    for step in patch:
        _carry_out(result, step)
    return result


def lines(old: Json, new: Json) -> list[str]:
    """A line a difference, with panels by their title; values are cut to be read."""
    said = []
    now, held = deepcopy(old), None  # as far as the steps before have brought it
    for step in differences(old, new):
        if step["op"] == "test":
            held = step["value"]
            continue
        where = _words(_keys(step["path"]), now, step)
        if step["op"] == "add":
            said.append(f"+ {where}: {_short(step['value'])}")
        elif step["op"] == "remove":
            said.append(f"- {where}: {_short(held)}")
        else:
            said.append(f"~ {where}: {_short(held)} → {_short(step['value'])}")
        _carry_out(now, step)
    return said


def _of_lists(old: list[Any], new: list[Any], path: tuple[str | int, ...]) -> Iterator[Operation]:
    """Items are compared by place, but where some came or went: then by name from both ends."""
    before = after = 0
    shorter = min(len(old), len(new))
    if len(old) == len(new):
        before = shorter
    while before < shorter and _alike(old[before], new[before]):
        before += 1
    while before + after < shorter and _alike(old[-1 - after], new[-1 - after]):
        after += 1
    shared = shorter - after
    for index in range(shared):
        yield from differences(old[index], new[index], (*path, index))
    for index in range(len(old) - after - 1, shared - 1, -1):  # from the end: indices stay right
        yield from _gone(old[index], (*path, index))
    for index in range(shared, len(new) - after):
        yield {"op": "add", "path": _pointer((*path, index)), "value": new[index]}
    for index in range(-after, 0):
        yield from differences(old[index], new[index], (*path, len(new) + index))


def _alike(one: Any, other: Any) -> bool:
    """The same thing, as people know it."""
    if isinstance(one, dict) and isinstance(other, dict) and (_name(one) or _name(other)):
        return (_name(one), one.get("type")) == (_name(other), other.get("type"))
    return not any(differences(one, other))


def _name(item: Any) -> Any:
    return item.get("title") or item.get("name") if isinstance(item, dict) else None


def _gone(value: Any, path: tuple[str | int, ...]) -> Iterator[Operation]:
    yield {"op": "test", "path": _pointer(path), "value": value}
    yield {"op": "remove", "path": _pointer(path)}


def _both_numbers(old: Any, new: Any) -> bool:
    """1 and 1.0 are the same number in JSON; true is none."""
    return all(isinstance(one, int | float) and not isinstance(one, bool) for one in (old, new))


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in path)


def _keys(pointer: str) -> list[str]:
    return [key.replace("~1", "/").replace("~0", "~") for key in pointer.split("/")[1:]]


def _step(document: Any, key: str) -> Any:
    if isinstance(document, dict):
        return document.get(key, _NOTHING)
    if isinstance(document, list) and key.isdigit() and int(key) < len(document):
        return document[int(key)]
    return _NOTHING


def _at(document: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        document = _step(document, key)
    return document


def _carry_out(document: Any, step: Mapping[str, Any]) -> None:
    operation, keys = step["op"], _keys(str(step["path"]))
    if operation not in {"add", "remove", "replace", "test"}:
        raise MismatchError(f"operation '{operation}' is not add, remove, replace or test")
    if not keys:
        raise MismatchError("it would replace everything")
    parent, last = _at(document, keys[:-1]), keys[-1]
    held = _step(parent, last)
    if held is _NOTHING and (operation != "add" or not _has_place(parent, last)):
        raise MismatchError(f"there is nothing at {step['path']}")
    key = int(last) if isinstance(parent, list) else last
    if operation == "test":
        if any(differences(held, step["value"])):
            raise MismatchError(f"{step['path']} is not {_short(step['value'])} any more")
    elif operation == "remove":
        del parent[key]
    elif operation == "add" and isinstance(parent, list):
        parent.insert(int(last), deepcopy(step["value"]))
    else:
        parent[key] = deepcopy(step["value"])


def _has_place(parent: Any, key: str) -> bool:
    if isinstance(parent, list):
        return key.isdigit() and int(key) <= len(parent)
    return isinstance(parent, dict)


def _words(keys: Sequence[str], document: Json, step: Operation) -> str:
    """`model.panels[Rain].title`: items of a list by their title or name where they have one."""
    said = ""
    for number, key in enumerate(keys):
        if isinstance(_at(document, keys[:number]), list):
            comes = step["op"] == "add" and number == len(keys) - 1
            item = step["value"] if comes else _at(document, keys[: number + 1])
            said += f"[{_name(item) or key}]"
        else:
            said += f".{key}" if said else key
    return said


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LINE_MAX else f"{text[: _LINE_MAX - 1]}…"
