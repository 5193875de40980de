//! One JavaScript engine: QuickJS in a box with limits on memory, stack and time.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rquickjs::context::EvalOptions;
use rquickjs::function::{Func, This};
use rquickjs::{
    Array, CatchResultExt, CaughtError, Context, Ctx, Function, Object, Persistent, Runtime, Value,
};

use super::evaluator::{Clock, Limits};
use super::extras;
use super::footprint::may_leave_something;

/// Turns a value into text as Digdag does: text as it is, nothing for null, JSON for the rest. What JSON has no form
/// for (a function) is `undefined`.
const TO_TEXT: &str = "(function (json) { return function (value) {
  return value === null || value === undefined ? '' : typeof value === 'string' ? value : String(json(value));
}; })(JSON.stringify)";

/// Puts the zone's `Date` and `moment` into the global scope. Both are read when first used.
const LAZY: &str = include_str!("lazy.js");
const JAVA_STRING: &str = include_str!("java_string.js");
const DATE: &str = include_str!("date.js");
/// `moment`, as workflows use it: written for this program, after what moment 2.21 does in English. One function, cut
/// into files by what they are about.
const MOMENT: &str = concat!(
    "(function (Date, NativeDate, host) { 'use strict';\n",
    include_str!("moment/calendar.js"),
    include_str!("moment/parse.js"),
    include_str!("moment/create.js"),
    include_str!("moment/format.js"),
    include_str!("moment/fields.js"),
    include_str!("moment/arithmetic.js"),
    include_str!("moment/duration.js"),
    include_str!("moment/module.js"),
    "return moment; })",
);

/// QuickJS asks whether to go on about every ten thousand steps of a script.
const STEPS_PER_QUESTION: u64 = 10_000;

/// What a text is told whose script was stopped, by its steps or by the clock.
pub(super) const TOO_LONG: &str = "the script takes too long";
const TOO_MUCH_MEMORY: &str = "the script takes too much memory";

/// The engine of one thread. It starts with the first text.
pub(super) struct Engine {
    host: Host,
    limits: Limits,
    started: Option<Started>,
    questions: Rc<Cell<u64>>,
    stop: Arc<AtomicBool>,
}

struct Started {
    runtime: Runtime,
    /// For texts that leave nothing behind: they share what was read of `Date` and `moment`.
    shared: Scope,
}

/// A global scope with what texts find in it.
#[derive(Clone)]
struct Scope {
    // Dropped before what it lives in.
    to_text: Persistent<Function<'static>>,
    context: Context,
}

/// What scripts are given from outside.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) clock: Clock,
}

impl Engine {
    /// `stop` ends a script from another thread, when it next asks whether to go on.
    pub(super) fn new(host: Host, limits: Limits, stop: Arc<AtomicBool>) -> Self {
        Self { host, limits, started: None, questions: Rc::default(), stop }
    }

    /// Evaluates the expressions of one text, which share one scope. `scope` is JSON. The error reads
    /// `ReferenceError: x is not defined`.
    pub(super) fn evaluate(&mut self, codes: &[String], scope: &str) -> Result<Vec<String>, String> {
        let alone = codes.iter().any(|code| may_leave_something(code));
        // What an earlier text used up is not to count when a new scope is set up.
        self.questions.set(0);
        let globals = if alone { self.new_globals()? } else { self.started()?.shared.clone() };
        self.questions.set(0);
        let result = globals.context.with(|ctx| {
            let evaluated = evaluate_in(&ctx, &globals.to_text, codes, scope);
            evaluated.catch(&ctx).map_err(|error| describe(&error))
        });
        // A script can hide that it was stopped: the failure of a promise is nobody's.
        let result = if self.was_stopped() { Err(TOO_LONG.to_owned()) } else { result };
        let exhausted = matches!(&result, Err(reason) if reason == TOO_LONG || reason == TOO_MUCH_MEMORY);
        if exhausted || self.started()?.runtime.is_job_pending() {
            // What goes on in the background, or is half done, is no concern of the next text.
            self.started = None;
        }
        result
    }

    /// Compiles without running. The error is as for [`Self::evaluate`].
    pub(super) fn check(&mut self, code: &str) -> Result<(), String> {
        self.questions.set(0);
        let context = self.started()?.shared.context.clone();
        self.questions.set(0);
        context.with(|ctx| check_in(&ctx, code).catch(&ctx).map_err(|error| describe(&error)))
    }

    fn was_stopped(&self) -> bool {
        self.questions.get() > self.limits.steps / STEPS_PER_QUESTION
    }

    fn started(&mut self) -> Result<&Started, String> {
        let started = match self.started.take() {
            Some(started) => started,
            None => {
                let runtime = self.new_runtime()?;
                let shared = Scope::new(&runtime, &self.host)?;
                Started { runtime, shared }
            }
        };
        Ok(self.started.insert(started))
    }

    fn new_globals(&mut self) -> Result<Scope, String> {
        let runtime = self.started()?.runtime.clone();
        Scope::new(&runtime, &self.host)
    }

    fn new_runtime(&self) -> Result<Runtime, String> {
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        runtime.set_memory_limit(self.limits.memory_bytes);
        runtime.set_max_stack_size(self.limits.stack_bytes);
        let (asked, most) = (Rc::clone(&self.questions), self.limits.steps / STEPS_PER_QUESTION);
        let stop = Arc::clone(&self.stop);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            asked.set(asked.get() + 1);
            asked.get() > most || stop.load(Ordering::Relaxed)
        })));
        Ok(runtime)
    }
}

impl Scope {
    fn new(runtime: &Runtime, host: &Host) -> Result<Self, String> {
        let context = Context::full(runtime).map_err(|error| error.to_string())?;
        let to_text = context.with(|ctx| {
            let made = prepare(&ctx, host).and_then(|()| ctx.eval::<Function<'_>, _>(TO_TEXT));
            made.map(|function| Persistent::save(&ctx, function))
                .catch(&ctx)
                .map_err(|error| describe(&error))
        })?;
        Ok(Self { to_text, context })
    }
}

fn evaluate_in<'js>(
    ctx: &Ctx<'js>,
    to_text: &Persistent<Function<'static>>,
    codes: &[String],
    scope: &str,
) -> rquickjs::Result<Vec<String>> {
    let to_text = to_text.clone().restore(ctx)?;
    // The helper's name is one that no parameter has, and `this` is the scope for `this["odd-name"]`.
    let mut helper = String::from("sync$text");
    while scope.contains(&helper) {
        helper.push('$');
    }
    let scope: Object<'js> =
        ctx.json_parse(scope)?.try_into_object().map_err(|_| rquickjs::Error::Unknown)?;
    extras::hide(&scope)?;
    let mut source = format!("(function ({helper}) {{ with (this) {{ return [");
    for code in codes {
        // The line break ends a comment that the code may end with.
        source.push_str(&format!("{helper}(({code}\n)), "));
    }
    source.push_str("]; } })");
    let mut options = EvalOptions::default();
    options.strict = false;
    let function: Function<'js> = ctx.eval_with_options(source, options)?;
    let texts: Array<'js> = function.call((This(scope), to_text))?;
    // Code that closes our brackets and opens others.
    if texts.len() != codes.len() || texts.iter::<Value<'js>>().flatten().any(|text| !text.is_string()) {
        return Err(rquickjs::Exception::throw_syntax(ctx, "unbalanced parentheses"));
    }
    texts.iter().collect()
}

fn check_in<'js>(ctx: &Ctx<'js>, code: &str) -> rquickjs::Result<()> {
    let constructor: Function<'js> = ctx.globals().get("Function")?;
    constructor.call((format!("return (\n{code}\n)"),)).map(|_: Function<'js>| ())
}

/// Sets up the global scope of a new context.
fn prepare<'js>(ctx: &Ctx<'js>, host: &Host) -> rquickjs::Result<()> {
    let functions = Object::new(ctx.clone())?;
    let zone = host.zone.clone();
    functions.set("offset", Func::from(move |instant: f64| super::zone::offset_seconds(&zone, instant)))?;
    let zone = host.zone.clone();
    functions.set("instant", Func::from(move |local: f64| super::zone::instant(&zone, local)))?;
    let clock = host.clock.clone();
    functions.set("now", Func::from(move || super::zone::milliseconds(clock.now())))?;
    functions.set(
        "source",
        Func::from(|name: String| match name.as_str() {
            "date" => DATE,
            _ => MOMENT,
        }),
    )?;
    let lazy: Function<'js> = ctx.eval(LAZY)?;
    lazy.call::<_, ()>((functions,))?;
    ctx.eval(JAVA_STRING)
}

fn describe(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => {
            let name: Option<String> = exception.as_object().get("name").ok();
            let name = name.unwrap_or_else(|| "Error".to_owned());
            match (name.as_str(), exception.message().unwrap_or_default().as_str()) {
                ("InternalError", "interrupted") => TOO_LONG.to_owned(),
                ("InternalError", "out of memory" | "string too long") => TOO_MUCH_MEMORY.to_owned(),
                (name, message) => format!("{name}: {}", plain_name(message)),
            }
        }
        CaughtError::Value(value) => thrown(value),
        CaughtError::Error(error) => match error {
            rquickjs::Error::Utf8(_) => "the result is not valid Unicode".to_owned(),
            rquickjs::Error::InvalidString(_) => "SyntaxError: the code holds a NUL character".to_owned(),
            other => other.to_string(),
        },
    }
}

/// What is thrown need not be an error.
fn thrown(value: &Value<'_>) -> String {
    // QuickJS throws null when there is no memory left for an error.
    if value.is_null() {
        return TOO_MUCH_MEMORY.to_owned();
    }
    let text = value.as_string().and_then(|text| text.to_string().ok());
    let number = value.as_number().map(|number| number.to_string());
    text.or(number).unwrap_or_else(|| "a script threw a value that is no error".to_owned())
}

/// `'x' is not defined` as `x is not defined`: Digdag's words.
fn plain_name(message: &str) -> String {
    let name = message.strip_prefix('\'').and_then(|rest| rest.strip_suffix("' is not defined"));
    name.map_or_else(|| message.to_owned(), |name| format!("{name} is not defined"))
}
