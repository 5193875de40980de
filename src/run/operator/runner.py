"""Runs one Python function for a task. Arguments: the function, a JSON file to read, a JSON file to write.

Reads {"params": {...}}; writes {"subtask_config", "export_params", "store_params"} and, when the function failed,
"error" with class, message and backtrace. In the language of Python 3.5.
"""
import importlib
import inspect
import json
import os
import sys
import traceback
import types

# Frames beyond it are a recursion without end.
MOST_FRAMES = 100


class Env(object):
    """What a script sees of its task, as `digdag.env`."""

    def __init__(self, params):
        self.params = params
        self.subtask_config = {}
        self.export_params = {}
        self.store_params = {}
        self.state_params = {}
        self._subtasks = 0

    def store(self, params=None, **more):
        """Parameters for the tasks after this one."""
        self.store_params.update(params or {}, **more)

    def export(self, params=None, **more):
        """Parameters for the task's own subtasks."""
        self.export_params.update(params or {}, **more)

    def set_state(self, params=None, **more):
        """Kept for scripts that call it; no later try sees it."""
        self.state_params.update(params or {}, **more)

    def add_subtask(self, function=None, **params):
        """add_subtask(function, **params) or add_subtask({...})."""
        if function is None or isinstance(function, dict):
            config = dict(function or {}, **params)
        else:
            name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
            if name is None or "<" in name:
                raise TypeError("add_subtask takes a function of a module or a method of its class")
            config = dict(params)
            config["py>"] = function.__module__ + "." + name
        as_json(config)
        self.subtask_config["+subtask%d" % self._subtasks] = config
        self._subtasks += 1


def as_json(value):
    try:
        return json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        reason = str(error)
    raise TypeError("Parameters must be serializable using JSON: " + reason)


def find(command):
    """The callable that `module.function`, `module.Class.method` or `module.Class` (its `run`) names."""
    path = command.split(".")
    if len(path) < 2:
        raise Exception("'%s' must name a module and a function in it, e.g. 'tasks.%s'" % (command, command))
    name, owner = path.pop(), None
    try:
        module = importlib.import_module(".".join(path))
    except ImportError as error:
        # A module that is there and imports one that is not must say so itself.
        if len(path) < 2 or error.name != ".".join(path):
            raise
        owner = path.pop()
    if owner:
        module = importlib.import_module(".".join(path))
        return getattr(instance(attribute(module, owner)), name)
    found = attribute(module, name)
    return getattr(instance(found), "run") if inspect.isclass(found) else found


def attribute(module, name):
    missing = object()
    found = getattr(module, name, missing)
    duplicate = ": duplicate module name with standard library" if is_hidden(module) else ""
    if found is missing:
        raise AttributeError("Module '%s' has no attribute '%s'%s" % (module.__name__, name, duplicate))
    if duplicate and is_standard(module):
        raise ImportError("Module '%s' is not the project's%s" % (module.__name__, duplicate))
    return found


def is_standard(module):
    place = getattr(module, "__file__", None) or os.__file__
    return place.startswith(os.path.dirname(os.__file__)) and "-packages" not in place


def is_hidden(module):
    """Whether the project has a module of that name, and this is another."""
    own = os.path.join(FOLDER, *module.__name__.split("."))
    exists = os.path.isfile(own + ".py") or os.path.isdir(own)
    return exists and not os.path.abspath(getattr(module, "__file__", None) or "").startswith(own)


def instance(owner):
    if not inspect.isclass(owner):
        return owner
    if owner.__init__ is object.__init__:
        return owner()
    positional, named = arguments(owner.__init__, skip=1)
    return owner(*positional, **named)


def signature(function):
    """A wrapper that takes anything hands it on to what it wraps; another has names of its own."""
    own = inspect.signature(function, follow_wrapped=False).parameters.values()
    kinds = set(parameter.kind for parameter in own)
    takes_anything = kinds == {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return inspect.signature(function, follow_wrapped=takes_anything)


def arguments(function, skip=0):
    """Positional and keyword arguments, filled by name from the parameters."""
    params = digdag.env.params
    positional, named, rest, skipped = [], {}, {}, False
    expected = list(signature(function).parameters.items())[skip:]
    for name, parameter in expected:
        if parameter.kind is parameter.VAR_KEYWORD:
            rest = params
        elif parameter.kind is parameter.VAR_POSITIONAL:
            skipped = True
        elif name in params:
            if parameter.kind is parameter.KEYWORD_ONLY or (skipped and parameter.kind is not parameter.POSITIONAL_ONLY):
                named[name] = params[name]
            elif not skipped:
                positional.append(params[name])
        elif parameter.default is parameter.empty:
            label = getattr(function, "__qualname__", repr(function))
            raise TypeError("Method '%s' requires parameter '%s' but not set" % (label, name))
        else:
            skipped = True
    taken = set(name for name, _ in expected)
    named.update((name, value) for name, value in rest.items() if name not in taken)
    return positional, named


def call(command):
    function = find(command)
    positional, named = arguments(function)
    function(*positional, **named)
    env = digdag.env
    result = {"subtask_config": env.subtask_config, "export_params": env.export_params, "store_params": env.store_params}
    # What cannot be written as JSON is the script's failure, so it is found in here.
    return as_json(result)


def exit_code(error):
    """Whoever leaves Python without an error leaves the task undone."""
    code = error.code if isinstance(error, SystemExit) else 1
    return code if isinstance(code, int) and code != 0 else 1


def describe(error, command, frames):
    message = str(error)
    if isinstance(error, SystemExit) and not isinstance(error.code, str):
        message = "`%s` left Python with exit code %s instead of returning" % (command, error.code or 0)
    lines = ["%s:%s:in `%s'" % (frame.filename, frame.lineno, frame.name) for frame in frames[-MOST_FRAMES:]]
    return {"class": type(error).__name__, "message": message, "backtrace": lines[::-1]}


def without_our_frames(error):
    """What is told of an error and of those behind it: frames of this file say nothing to the script's author."""
    ours = (__file__, importlib.__file__, "<frozen importlib")
    whole = link = traceback.TracebackException(type(error), error, error.__traceback__)
    while link:
        link.stack[:] = [frame for frame in link.stack if not frame.filename.startswith(ours)]
        link = link.__cause__ or link.__context__
    return whole


def main():
    command, given, output = sys.argv[1:4]
    del sys.argv[1:4]
    # The folder of this file is of no use; the project comes last, as it always has.
    if sys.path and sys.path[0] == os.path.dirname(os.path.abspath(__file__)):
        del sys.path[0]
    sys.path.append(FOLDER)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    with open(given, encoding="utf-8") as file:
        digdag.env = Env(json.load(file)["params"])
    # Its older name.
    sys.modules["digdag_env"] = digdag.env
    code = 0
    try:
        result = call(command)
    except BaseException as error:
        whole = without_our_frames(error)
        code, result = exit_code(error), json.dumps({"error": describe(error, command, whole.stack)})
        sys.stderr.write("".join(whole.format()))
    with open(output, "w", encoding="utf-8") as file:
        file.write(result)
    sys.exit(code)


FOLDER = os.path.abspath(os.getcwd())
digdag = types.ModuleType("digdag")
sys.modules["digdag"] = digdag
if __name__ == "__main__":
    if sys.version_info < (3, 5):
        sys.exit("py> needs Python 3.5 or newer, but this is %d.%d: `python: python3` may name one" % sys.version_info[:2])
    main()
