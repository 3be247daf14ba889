"""The code of a node of the type qflow.convert: `_to(value, target)`, where `target` is a tuple of the kind and its parts.

convert_node.cpp puts a line `ITEMS = …` and the function `convert` around it. For Python 3.8 and newer.
"""

import datetime
import json


def _name(value):
    return type(value).__name__


def _at(at):
    return "at %s: " % at if at else ""


def _fail(value, what, at):
    shown = repr(value)
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    raise ValueError("%s%s %s cannot be converted to %s" % (_at(at), _name(value), shown, what))


def _try(make, value, what, at):
    try:
        return make(value)
    except (ValueError, TypeError, OverflowError, ArithmeticError, OSError):
        _fail(value, what, at)


def _json(text, kind, what, at):
    try:
        value = json.loads(text)
    except ValueError:
        _fail(text, what + ": it is no JSON", at)
    return value if isinstance(value, kind) else _fail(text, what + ": as JSON it is another value", at)


def _to_integer(value, at):
    if isinstance(value, str):
        return _try(lambda text: int(text.strip()), value, "an integer", at)
    if isinstance(value, (bool, int)):
        return int(value)
    if isinstance(value, (bytes, bytearray)):
        _fail(value, "an integer", at)
    whole = _try(int, value, "an integer", at)
    return whole if whole == value else _fail(value, "an integer: it is not whole", at)


def _to_float(value, at):
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, datetime.datetime):
        return value.timestamp()
    if isinstance(value, (bytes, bytearray)):
        _fail(value, "a float", at)
    return _try(float, value, "a float", at)


def _to_number(value, at):
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            return _to_float(value, at)
    if isinstance(value, (int, float)):
        return value
    return _to_float(value, at)


WORDS = {"true": True, "yes": True, "on": True, "t": True, "y": True, "1": True,
         "false": False, "no": False, "off": False, "f": False, "n": False, "0": False}


def _to_bool(value, at):
    if isinstance(value, str):
        word = value.strip().lower()
        return WORDS[word] if word in WORDS else _fail(value, "a boolean: expected true or false, yes or no, on or off", at)
    if isinstance(value, (bool, int, float)) or type(value).__module__ in ("numpy", "decimal"):
        return bool(value)
    _fail(value, "a boolean", at)


def _duration_text(value):
    """ISO 8601: P1DT2H3M4.5S."""
    sign, value = ("-", -value) if value < datetime.timedelta(0) else ("", value)
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    text = "%sP" % sign + ("%dD" % value.days if value.days else "")
    seconds = "%d" % seconds + (".%06d" % value.microseconds).rstrip("0").rstrip(".")
    parts = [(hours, "%dH" % hours), (minutes, "%dM" % minutes), (seconds != "0", seconds + "S")]
    clock = "".join(part for there, part in parts if there)
    return text + ("T" + clock if clock else "") if clock or value.days else "PT0S"


def _to_text(value, at):
    if isinstance(value, str):
        return value
    if isinstance(value, (bytes, bytearray, memoryview)):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            _fail(bytes(value), "text: it is not UTF-8", at)
    if isinstance(value, datetime.timedelta):
        return _duration_text(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, (dict, list, tuple)):
        return _try(lambda one: json.dumps(one, ensure_ascii=False), value, "JSON text", at)
    return str(value)


def _to_bytes(value, at):
    if isinstance(value, str):
        return value.encode("utf-8")
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    if hasattr(value, "read_bytes"):
        return _try(lambda path: path.read_bytes(), value, "bytes: it cannot be read", at)
    if hasattr(value, "bytes") and isinstance(value.bytes, bytes):
        return value.bytes
    if isinstance(value, (list, tuple)):
        return _try(bytes, value, "bytes", at)
    _fail(value, "bytes", at)


def _iso(text):
    """Text of ISO 8601 as older Pythons read it: with a space or T, without Z, in the long form."""
    text = text.strip()
    if len(text) >= 8 and text[:8].isdigit():
        text = "-".join((text[:4], text[4:6], text[6:8])) + text[8:]
    if text.endswith(("Z", "z")):
        text = text[:-1] + "+00:00"
    return text


def _to_datetime(value, at):
    if isinstance(value, datetime.datetime):
        return value
    if isinstance(value, datetime.date):
        return datetime.datetime(value.year, value.month, value.day)
    if isinstance(value, str):
        return _try(lambda text: datetime.datetime.fromisoformat(_iso(text)), value, "a date and time by ISO 8601", at)
    if isinstance(value, (int, float)) and not isinstance(value, bool):  # seconds since 1970
        return _try(lambda one: datetime.datetime.fromtimestamp(one, datetime.timezone.utc), value, "a date and time", at)
    _fail(value, "a date and time", at)


def _to_date(value, at):
    if isinstance(value, datetime.datetime):
        return value.date()
    if isinstance(value, datetime.date):
        return value
    if isinstance(value, str):
        return _try(lambda text: datetime.datetime.fromisoformat(_iso(text)).date(), value, "a date by ISO 8601", at)
    _fail(value, "a date", at)


def _to_time(value, at):
    if isinstance(value, datetime.datetime):
        return value.timetz()
    if isinstance(value, datetime.time):
        return value
    if isinstance(value, str):
        return _try(lambda text: datetime.time.fromisoformat(_iso(text)), value, "a time by ISO 8601", at)
    _fail(value, "a time", at)


def _to_duration(value, at):
    if isinstance(value, datetime.timedelta):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _try(lambda one: datetime.timedelta(seconds=one), value, "a duration", at)
    if not isinstance(value, str):
        _fail(value, "a duration", at)
    import re
    number = r"(\d+(?:[.,]\d+)?)"
    found = re.fullmatch(r"([-+]?)P(?:%sW)?(?:%sD)?(?:T(?:%sH)?(?:%sM)?(?:%sS)?)?" % ((number,) * 5), value.strip().upper())
    if not found or not any(found.groups()[1:]):
        _fail(value, "a duration by ISO 8601, such as PT1H30M", at)
    weeks, days, hours, minutes, seconds = (float((one or "0").replace(",", ".")) for one in found.groups()[1:])
    made = datetime.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return -made if found.group(1) == "-" else made


def _to_decimal(value, at):
    import decimal
    if isinstance(value, float):
        value = repr(value)  # 9.99 is what was written
    if isinstance(value, (str, int, decimal.Decimal)):
        return _try(decimal.Decimal, value, "a decimal number", at)
    if hasattr(value, "numerator"):
        return decimal.Decimal(value.numerator) / decimal.Decimal(value.denominator)
    _fail(value, "a decimal number", at)


def _to_fraction(value, at):
    import fractions
    return _try(fractions.Fraction, value, "a fraction", at)


def _to_complex(value, at):
    return _try(complex, value, "a complex number", at)


def _to_uuid(value, at):
    import uuid
    if isinstance(value, uuid.UUID):
        return value
    if isinstance(value, bytes):
        return _try(lambda one: uuid.UUID(bytes=one), value, "a UUID", at)
    return _try(uuid.UUID, value, "a UUID", at) if isinstance(value, str) else _fail(value, "a UUID", at)


def _to_path(value, at):
    import pathlib
    return _try(pathlib.Path, value, "a path", at)


def _to_list(value, at):
    if isinstance(value, dict):
        return list(value.items()) if ITEMS else list(value)
    if isinstance(value, str):
        return _json(value, list, "a list", at)
    if isinstance(value, bytes):
        _fail(value, "a list", at)
    if type(value).__name__ == "DataFrame":
        return value.to_dict("records")
    try:
        return value.tolist() if hasattr(value, "tolist") else list(value)
    except TypeError:
        _fail(value, "a list", at)


def _to_dict(value, at):
    if isinstance(value, dict):
        return value
    if isinstance(value, str):
        return _json(value, dict, "a dict", at)
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if hasattr(value, "__attrs_attrs__"):
        return {one.name: getattr(value, one.name) for one in value.__attrs_attrs__}
    if hasattr(value, "_asdict"):
        return value._asdict()
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if hasattr(value, "to_dict"):
        return value.to_dict()
    try:
        return dict(value)
    except (TypeError, ValueError):
        _fail(value, "a dict, which needs [name, value] pairs", at)


def _to_array(value, at):
    if hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    import numpy
    return numpy.asarray(value)


def _to_tensor(value, at):
    try:
        import torch
    except ImportError:
        _fail(value, "a tensor: PyTorch is not installed", at)
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value)


def _to_frame(value, at):
    import pandas
    return value if isinstance(value, pandas.DataFrame) else _try(pandas.DataFrame, value, "a table", at)


def _to_null(value, at):
    return None if value is None else _fail(value, "null", at)


PLAIN = {"any": lambda value, at: value, "int": _to_integer, "float": _to_float, "number": _to_number, "null": _to_null,
         "str": _to_text, "bool": _to_bool, "bytes": _to_bytes, "bytearray": lambda value, at: bytearray(_to_bytes(value, at)),
         "datetime.datetime": _to_datetime, "datetime.date": _to_date, "datetime.time": _to_time,
         "datetime.timedelta": _to_duration, "decimal.Decimal": _to_decimal, "fractions.Fraction": _to_fraction,
         "complex": _to_complex, "uuid.UUID": _to_uuid, "pathlib.Path": _to_path,
         "array": _to_array, "tensor": _to_tensor, "frame": _to_frame}


def _is(value, target):
    kind, parts = target[0], target[1:]
    if kind == "any":
        return True
    if kind in ("of", "each"):
        return isinstance(value, parts[0])
    name = kind.rsplit(".", 1)[-1]
    return any(base.__name__ in (name, "ndarray" if kind == "array" else name) for base in type(value).__mro__)


def _to_either(value, targets, at):
    """A value of one of the types as it is, any other as the first type that it converts to."""
    for target in targets:
        if _is(value, target):
            return _to(value, target, at)
    for target in targets:
        try:
            return _to(value, target, at)
        except ValueError:
            pass
    _fail(value, "any of the types", at)


def _to(value, target, at=""):
    kind, parts = target[0], target[1:]
    if kind == "nullable":
        return None if value is None else _to(value, parts[0], at)
    if value is None and kind not in ("any", "null"):
        raise ValueError("%snull converts to nothing else" % _at(at))
    if kind in PLAIN:
        return PLAIN[kind](value, at)
    if kind == "either":
        return _to_either(value, parts, at)
    if kind == "dict":
        return {_to(key, parts[0], "%s/%s" % (at, key)): _to(one, parts[1], "%s/%s" % (at, key))
                for key, one in _to_dict(value, at).items()}
    if kind == "each":
        values = _to_list(value, at)
        if len(values) != len(parts) - 1:
            _fail(value, "a tuple of %d" % (len(parts) - 1), at)
        return tuple(_to(one, part, "%s/%d" % (at, i)) for i, (one, part) in enumerate(zip(values, parts[1:])))
    made = [_to(one, parts[1], "%s/%d" % (at, i)) for i, one in enumerate(_to_list(value, at))]
    return parts[0](made)
