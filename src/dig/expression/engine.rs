//! One JavaScript engine: QuickJS in a box with limits on memory, stack and time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use rquickjs::context::EvalOptions;
use rquickjs::function::Func;
use rquickjs::{CatchResultExt, CaughtError, Context, Ctx, Function, Object, Runtime};

use super::evaluator::{Clock, Limits};
use super::extras;

/// Turns a value into text as Digdag does: text as it is, nothing for null, JSON for the rest.
const TO_TEXT: &str = "(function (json) { return function (value) {
  return value === null || value === undefined ? '' : typeof value === 'string' ? value : String(json(value));
}; })(JSON.stringify)";

/// Puts the zone's `Date` and `moment` into the global scope. Both are read when first used.
const LAZY: &str = include_str!("lazy.js");
const DATE: &str = include_str!("date.js");
const MOMENT: &str = include_str!("moment.js");

/// QuickJS asks whether to go on about every ten thousand steps of a script.
const STEPS_PER_QUESTION: u64 = 10_000;

/// The engine of one thread.
pub(super) struct Engine {
    runtime: Runtime,
    context: RefCell<Option<Context>>,
    questions: Rc<Cell<u64>>,
    host: Host,
}

/// What scripts are given from outside.
#[derive(Clone)]
pub(super) struct Host {
    pub(super) zone: jiff::tz::TimeZone,
    pub(super) clock: Clock,
}

impl Engine {
    /// Starts an engine; well under a millisecond. The error is QuickJS's own (no memory).
    pub(super) fn new(host: Host, limits: Limits) -> Result<Self, String> {
        let runtime = Runtime::new().map_err(|error| error.to_string())?;
        runtime.set_memory_limit(limits.memory_bytes);
        runtime.set_max_stack_size(limits.stack_bytes);
        let questions = Rc::new(Cell::new(0));
        let (asked, most) = (Rc::clone(&questions), limits.steps / STEPS_PER_QUESTION);
        runtime.set_interrupt_handler(Some(Box::new(move || {
            asked.set(asked.get() + 1);
            asked.get() > most
        })));
        Ok(Self { runtime, context: RefCell::new(None), questions, host })
    }

    /// Evaluates the expressions of one text, which share one scope. `scope` is JSON. The error reads
    /// `ReferenceError: x is not defined`.
    pub(super) fn evaluate(&self, codes: &[&str], scope: &str) -> Result<Vec<String>, String> {
        self.questions.set(0);
        let result = self
            .context()?
            .with(|ctx| evaluate_in(&ctx, codes, scope).catch(&ctx).map_err(|error| describe(&error)));
        if result.is_err() || codes.iter().any(|code| may_change_globals(code)) {
            // The next text starts afresh, whatever this one did to the scope they would share.
            self.context.replace(None);
        }
        result
    }

    /// Compiles without running. The error is as for [`Self::evaluate`].
    pub(super) fn check(&self, code: &str) -> Result<(), String> {
        self.questions.set(0);
        self.context()?.with(|ctx| check_in(&ctx, code).catch(&ctx).map_err(|error| describe(&error)))
    }

    fn context(&self) -> Result<Context, String> {
        if let Some(context) = &*self.context.borrow() {
            return Ok(context.clone());
        }
        let context = Context::full(&self.runtime).map_err(|error| error.to_string())?;
        context.with(|ctx| prepare(&ctx, &self.host).catch(&ctx).map_err(|error| describe(&error)))?;
        self.context.replace(Some(context.clone()));
        Ok(context)
    }
}

fn evaluate_in<'js>(ctx: &Ctx<'js>, codes: &[&str], scope: &str) -> rquickjs::Result<Vec<String>> {
    let to_text: Function<'js> = ctx.eval(TO_TEXT)?;
    let scope: Object<'js> =
        ctx.json_parse(scope)?.try_into_object().map_err(|_| rquickjs::Error::Unknown)?;
    extras::hide(&scope)?;
    // The helper's name is one that no parameter has, and `this` is the scope for `this["odd-name"]`.
    let mut source = String::from("(function (sync$text) { with (this) { return [");
    for code in codes {
        // The line break ends a comment that the code may end with.
        source.push_str("sync$text((");
        source.push_str(code);
        source.push_str("\n)), ");
    }
    source.push_str("]; } })");
    let mut options = EvalOptions::default();
    options.strict = false;
    let function: Function<'js> = ctx.eval_with_options(source, options)?;
    function.call((rquickjs::function::This(scope), to_text))
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
    lazy.call((functions,))
}

/// Whether code may leave something behind in the global scope. May say yes too often: that costs a new context.
fn may_change_globals(code: &str) -> bool {
    let bytes = code.as_bytes();
    let assigns = bytes.iter().enumerate().any(|(at, byte)| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let compares = matches!(before, Some(b'=' | b'!' | b'<' | b'>'))
            || matches!(bytes.get(at + 1), Some(b'=' | b'>'));
        *byte == b'=' && !compares
    });
    // `>>=` and `<<=` look like comparisons above.
    let words = [
        "++", "--", ">>=", "<<=", "eval", "unction", "define", "assign", "Reflect", "setProto", "delete",
        "\\",
    ];
    assigns || words.iter().any(|word| code.contains(word))
}

fn describe(error: &CaughtError<'_>) -> String {
    match error {
        CaughtError::Exception(exception) => {
            let name: Option<String> = exception.as_object().get("name").ok();
            let message = exception.message().unwrap_or_default();
            let name = name.unwrap_or_else(|| "Error".to_owned());
            match message.as_str() {
                "interrupted" => "the script takes too long".to_owned(),
                "out of memory" => "the script takes too much memory".to_owned(),
                message => format!("{name}: {}", plain_name(message)),
            }
        }
        CaughtError::Value(value) => match value.as_string().and_then(|text| text.to_string().ok()) {
            Some(text) => text,
            None if value.is_null() => "the script takes too much memory".to_owned(),
            None => "a script threw a value that is no error".to_owned(),
        },
        CaughtError::Error(error) => match error {
            rquickjs::Error::Utf8(_) => "the result is not valid Unicode".to_owned(),
            other => other.to_string(),
        },
    }
}

/// `'x' is not defined` as `x is not defined`: Digdag's words.
fn plain_name(message: &str) -> String {
    let name = message.strip_prefix('\'').and_then(|rest| rest.strip_suffix("' is not defined"));
    name.map_or_else(|| message.to_owned(), |name| format!("{name} is not defined"))
}
