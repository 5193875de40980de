"""Runs one Python function for a task. Arguments: the function, a JSON file to read, a JSON file to write.

Reads {"params": {...}}; writes {"subtask_config", "export_params", "store_params"} and, when the function failed,
"error" with class, message and backtrace.
"""
import importlib
import inspect
import json
import os
import sys
import traceback
import types


class Env(object):
    """What a script sees of its task, as `digdag.env`."""

    def __init__(self, params):
        self.params = params
        self.subtask_config = {}
        self.export_params = {}
        self.store_params = {}
        self._subtasks = 0

    def store(self, params=None, **more):
        """Parameters for the tasks after this one."""
        self.store_params.update(params or {})
        self.store_params.update(more)

    def export(self, params=None, **more):
        """Parameters for the task's own subtasks."""
        self.export_params.update(params or {})
        self.export_params.update(more)

    def set_state(self, params=None, **more):
        """Kept for scripts that call it; a task has no state of its own here."""

    def add_subtask(self, function=None, **params):
        """add_subtask(function, **params) or add_subtask({...})."""
        if function is None or isinstance(function, dict):
            config = dict(function or {}, **params)
        else:
            name = getattr(function, "__qualname__", None) or getattr(function, "__name__", None)
            if name is None or "<" in name:
                raise Exception("add_subtask needs a function of a module or a method of its class")
            config = dict(params)
            config["py>"] = function.__module__ + "." + name
        self.subtask_config["+subtask%d" % self._subtasks] = config
        self._subtasks += 1


def find(command):
    """The callable that `module.function`, `module.Class.method` or `module.Class` (its `run`) names."""
    path = command.split(".")
    if len(path) < 2:
        raise Exception("'%s' must name a module and a function in it, e.g. 'tasks.%s'" % (command, command))
    name = path.pop()
    try:
        module = importlib.import_module(".".join(path))
    except ImportError as error:
        # A module that is there and imports one that is not must say so itself.
        missing = getattr(error, "name", None)
        if len(path) < 2 or (missing is not None and missing != ".".join(path)):
            raise
        owner = path.pop()
        module = importlib.import_module(".".join(path))
        return instance(attribute(module, owner)), name
    found = attribute(module, name)
    if inspect.isclass(found):
        return instance(found), "run"
    return module, name


def attribute(module, name):
    try:
        return getattr(module, name)
    except AttributeError:
        message = "Module '%s' has no attribute '%s'" % (module.__name__, name)
        if hidden(module):
            message += ": duplicate module name with standard library"
        raise AttributeError(message)


def hidden(module):
    """Whether the project has a module of that name which another one hides."""
    own = os.path.join(os.getcwd(), *module.__name__.split("."))
    exists = os.path.isfile(own + ".py") or os.path.isdir(own)
    place = os.path.abspath(getattr(module, "__file__", None) or "")
    return exists and not place.startswith(own)


def instance(owner):
    if not inspect.isclass(owner):
        return owner
    own = owner.__init__ is not object.__init__
    positional, named = arguments(owner.__init__, owner.__name__, skip_self=True) if own else ([], {})
    return owner(*positional, **named)


def arguments(function, label, skip_self=False):
    """Positional and keyword arguments, filled by name from the parameters."""
    params = digdag.env.params
    positional, named, rest, skipped = [], {}, None, False
    for index, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if skip_self and index == 0:
            continue
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
            raise TypeError("Method '%s' requires parameter '%s' but not set" % (label, name))
        else:
            skipped = True
    if rest is not None:
        taken = list(inspect.signature(function).parameters)
        named.update((key, value) for key, value in rest.items() if key not in taken)
    return positional, named


def call(command):
    owner, name = find(command)
    function = attribute(owner, name) if isinstance(owner, types.ModuleType) else getattr(owner, name)
    positional, named = arguments(function, command)
    function(*positional, **named)


def describe(error):
    frames = traceback.extract_tb(error.__traceback__)
    # Frames of this file say nothing to the author of the script.
    lines = ["%s:%s:in `%s'" % (frame[0], frame[1], frame[2]) for frame in frames if frame[0] != __file__]
    lines.reverse()
    return {"class": type(error).__name__, "message": str(error), "backtrace": lines}


def main():
    command, given, output = sys.argv[1:4]
    del sys.argv[1:4]
    # The directory of this file is of no use; the project comes last, as it always has.
    sys.path[0:1] = []
    sys.path.append(os.getcwd())
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    with open(given, encoding="utf-8") as file:
        digdag.env = Env(json.load(file)["params"])
    code, error = 0, None
    try:
        call(command)
        # What cannot be written as JSON is the script's failure, so it is found in here.
        json.dumps([digdag.env.store_params, digdag.env.export_params, digdag.env.subtask_config], allow_nan=False)
    except SystemExit as stop:
        if stop.code not in (None, 0):
            code, error = stop.code if isinstance(stop.code, int) else 1, stop
    except BaseException as broken:
        code, error = 1, broken
    result = {"subtask_config": {}, "export_params": {}, "store_params": {}}
    if error is None:
        result["subtask_config"] = digdag.env.subtask_config
        result["export_params"] = digdag.env.export_params
        result["store_params"] = digdag.env.store_params
    else:
        result["error"] = describe(error)
        sys.stderr.write("".join(traceback.format_exception(type(error), error, error.__traceback__)))
    with open(output, "w", encoding="utf-8") as file:
        json.dump(result, file)
    sys.stdout.flush()
    sys.exit(code)


digdag = types.ModuleType("digdag")
sys.modules["digdag"] = digdag
if __name__ == "__main__":
    main()
