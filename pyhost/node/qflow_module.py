"""What a node can tell Qflow while it runs, and what it can ask it.

    import qflow
    qflow.progress(0.4, "reading")      # how far this node is
    qflow.display(figure)               # a picture, a table, anything with a _repr_*_ method
    qflow.log("warning", "no rows", file="a.csv")
    qflow.state["last"] = 17            # kept from one execution of the workflow to the next
    qflow.execution.id                  # also workflow, mode, started

Outside of Qflow there is no such module; `try: import qflow` with `except ImportError: qflow = None` runs in both.
"""

__all__ = ["display", "execution", "log", "progress", "state"]

_LEVELS = ("debug", "info", "warning", "error")
_MOST_TEXT = 2000  # characters of one text
_MOST_LINES = 1000  # log() of one call
_MOST_SHOWN = 50  # display() of one call
_MOST_BUNDLE = 1 << 20  # bytes of one display(), pictures as base64
_MOST_STATE = 1 << 20  # bytes of the state as JSON
_PAUSE = 0.05  # seconds between two reports of progress

# Of the call that runs now.
_lines = _shown = 0
_lost_lines = _lost_shown = 0
_last_progress = None  # (when, fraction, text)
_held = None  # (fraction, text): it came too soon after that, and goes along when the call ends

_given = "{}"  # the state as it came, not read yet
_facts = "{}"  # of the execution
_state = None  # the dict, once somebody has asked for it
_known = {}  # key: JSON text, as Qflow knows it
_execution = None


def _cut(text):
    text = str(text)
    return text if len(text) <= _MOST_TEXT else text[:_MOST_TEXT] + "…"


def progress(fraction, text=None):
    """Reports how far this node is.

    `fraction`: from 0 to 1, or None when that is not known. `text`: what it does now. At most 20 reports a second are
    passed on, the last of a call among them.
    """
    global _last_progress, _held
    if fraction is not None:
        fraction = float(fraction)
        if not 0 <= fraction <= 1:
            raise ValueError("qflow.progress: fraction is %r, and not from 0 to 1" % (fraction,))
    text = None if text is None else _cut(text)
    now = _clock()
    last = _last_progress
    _held = None
    if last is not None and last[1:] == (fraction, text):
        return
    if last is not None and now - last[0] < _PAUSE:
        _held = (fraction, text)
        return
    _last_progress = (now, fraction, text)
    _tell("progress", fraction, text, None, None)


def log(level, text, **fields):
    """Writes a line to the record of this node: `level` is debug, info, warning or error; `fields` are JSON values."""
    global _lines, _lost_lines
    if level not in _LEVELS:
        raise ValueError("qflow.log: level is %r, and not one of %s" % (level, ", ".join(_LEVELS)))
    if _lines >= _MOST_LINES:
        _lost_lines += 1
        return
    data = {}
    for name, value in list(fields.items())[:32]:
        try:
            written = _dumps(value)
        except (TypeError, ValueError, RecursionError):
            written = None
        data[_cut(name)] = value if written is not None and len(written) <= _MOST_TEXT else _cut(repr(value))
    _lines += 1
    _tell("log", None, _cut(text), level, _dumps(data))


def display(*objects):
    """Shows objects in the record: what their _repr_*_ methods give, pictures of matplotlib and Pillow, tables of
    pandas; bytes of a PNG or JPEG; a dict of MIME types; anything else as text."""
    global _shown, _lost_shown
    for one in objects:
        if _shown >= _MOST_SHOWN:
            _lost_shown += 1
            continue
        _shown += 1
        bundle, left_out = _bounded(_bundle(one))
        _tell("display", None, left_out, None, _dumps(bundle))


def _bundle(one):
    if isinstance(one, dict) and one and all(isinstance(key, str) and _is_mime(key) for key in one):
        return dict(one)
    if isinstance(one, (bytes, bytearray)):
        for mark, mime in ((b"\x89PNG\r\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg")):
            if bytes(one[: len(mark)]) == mark:
                return {mime: bytes(one)}
    if isinstance(one, str):
        return {"text/plain": one}
    out = {}
    whole = _method(one, "_repr_mimebundle_")
    if whole is not None:
        made = whole()
        made = made[0] if isinstance(made, tuple) else made
        if isinstance(made, dict):
            out.update((key, value) for key, value in made.items() if isinstance(key, str) and _is_mime(key))
    for name, mime in (
        ("_repr_html_", "text/html"),
        ("_repr_svg_", "image/svg+xml"),
        ("_repr_png_", "image/png"),
        ("_repr_jpeg_", "image/jpeg"),
        ("_repr_markdown_", "text/markdown"),
        ("_repr_latex_", "text/latex"),
        ("_repr_json_", "application/json"),
    ):
        method = None if mime in out else _method(one, name)
        made = None if method is None else method()
        if made is not None:
            out[mime] = made[0] if isinstance(made, tuple) else made
    figure = getattr(one, "figure", one) if not out else None
    save = _method(figure, "savefig") if figure is not None else None
    if save is not None:  # matplotlib
        import io

        buffer = io.BytesIO()
        save(buffer, format="png", bbox_inches="tight")
        out["image/png"] = buffer.getvalue()
    if not out and isinstance(one, (dict, list, tuple, int, float, bool)):
        try:
            if len(_dumps(one)) <= _MOST_BUNDLE // 2:
                out["application/json"] = one
        except (TypeError, ValueError, RecursionError):
            pass
    if "text/plain" not in out:
        out["text/plain"] = repr(one)
    return out


def _is_mime(text):
    kind, slash, rest = text.partition("/")
    return bool(slash and kind and rest) and len(text) <= 100 and text.isprintable() and " " not in text


def _method(one, name):
    # Of an object, not of a class: a class has functions that want an object.
    found = None if isinstance(one, type) else getattr(one, name, None)
    return found if callable(found) else None


# What is too large is left out by name; a text is cut.
def _bounded(bundle):
    import binascii

    out, left_out, room = {}, [], _MOST_BUNDLE
    for mime, value in list(bundle.items())[:16]:
        if isinstance(value, (bytes, bytearray)):
            value = binascii.b2a_base64(bytes(value), newline=False).decode("ascii")
        elif not isinstance(value, str):
            value = _dumps(value)
        value = value.encode("utf-8", "replace").decode("utf-8")
        size = len(value.encode("utf-8"))
        if size > room and mime == "text/plain":
            cut = value.encode("utf-8")[: min(room, 100000)].decode("utf-8", "ignore")
            left_out.append("text/plain is the first %d of %d characters" % (len(cut), len(value)))
            value, size = cut, len(cut.encode("utf-8"))
        if size > room:
            left_out.append("%s (%d KiB) is left out: at most %d KiB can be shown at once" % (mime, size >> 10, _MOST_BUNDLE >> 10))
            continue
        room -= size
        out[mime] = value
    return out, "; ".join(left_out) or None


class Execution:
    """What runs now: id, workflow (its name), mode, started (a datetime, UTC)."""

    def __init__(self, facts):
        import datetime

        self.id = facts.get("id", "")
        self.workflow = facts.get("workflow", "")
        self.mode = facts.get("mode", "")
        self.started = datetime.datetime.fromtimestamp(facts.get("started", 0) / 1e6, datetime.timezone.utc)

    def __repr__(self):
        return "<execution %s of %r, %s>" % (self.id, self.workflow, self.mode)


def __getattr__(name):
    global _state, _execution
    if name == "state":
        if _state is None:
            _state = _loads(_given)
            _known.update((key, _dumps(value)) for key, value in _state.items())
        return _state
    if name == "execution":
        if _execution is None:
            _execution = Execution(_loads(_facts))
        return _execution
    import difflib

    near = difflib.get_close_matches(name, __all__, 1)
    raise AttributeError("module 'qflow' has no attribute %r%s" % (name, "; did you mean %r?" % near[0] if near else ""))


def __dir__():
    return list(__all__)


# From here on: for the worker.


def _begin():
    global _lines, _shown, _lost_lines, _lost_shown, _last_progress, _held
    _lines = _shown = _lost_lines = _lost_shown = 0
    _last_progress = _held = None


def _begin_again():
    """In a process that goes on with another execution."""
    global _given, _execution
    _begin()
    _given, _execution = "{}", None
    _known.clear()
    if _state is not None:
        _state.clear()  # nodes may hold it


def _take_state(text):
    """What others have changed: {"set": {key: value}, "removed": [keys]}."""
    global _given
    change = _loads(text)
    if _state is None:
        now = _loads(_given)
        now.update(change["set"])
        for key in change["removed"]:
            now.pop(key, None)
        _given = _dumps(now)
        return
    for key, value in change["set"].items():
        _state[key] = value
        _known[key] = _dumps(value)
    for key in change["removed"]:
        _state.pop(key, None)
        _known.pop(key, None)


def _changes(good):
    """What the call has changed of the state, as JSON text, or None. A call that failed has changed nothing."""
    if _state is None:
        return None
    if not good:
        _state.clear()
        _state.update((key, _loads(text)) for key, text in _known.items())
        return None
    now, size = {}, 0
    for key, value in _state.items():
        if not isinstance(key, str):
            raise TypeError("qflow.state: its keys are strings, and %r is %s" % (key, type(key).__name__))
        try:
            now[key] = _dumps(value)
        except (TypeError, ValueError, RecursionError) as problem:
            raise TypeError("qflow.state[%r] is not JSON: %s" % (_cut(key), problem)) from None
        size += len(now[key].encode("utf-8", "surrogatepass")) + len(key) + 8
        if size > _MOST_STATE:
            raise ValueError("qflow.state would be larger than 1 MiB as JSON, with key %r" % _cut(key))
    changed = [key for key in now if now[key] != _known.get(key)]
    removed = [key for key in _known if key not in now]
    if not changed and not removed:
        return None
    text = '{"set":{%s},"removed":%s}' % (
        ",".join("%s:%s" % (_dumps(key), now[key]) for key in changed),
        _dumps(removed),
    )
    _known.clear()
    _known.update(now)
    return text


def _finish():
    """Passes on the last progress; returns what was not passed on, for the warnings of the call."""
    if _held is not None:
        _tell("progress", _held[0], _held[1], None, None)
    out = []
    if _lost_lines:
        out.append("qflow.log: %d more lines were not kept, after %d" % (_lost_lines, _MOST_LINES))
    if _lost_shown:
        out.append("qflow.display: %d more objects were not kept, after %d" % (_lost_shown, _MOST_SHOWN))
    return out
