//! Shapes that the program does not carry out by the rules yet. Each is left out while its switch is off.

/// `_check` beside generated tasks: it comes after them, and sees what they stored.
pub const CHECKS_SEE_WHAT_GENERATED_TASKS_STORED: bool = true;
/// `_after` in a group with `_parallel: {limit}`.
pub const TASKS_OF_A_CHUNK_MAY_WAIT: bool = true;
/// The stores below a failed group stand over the `_export` of its `_error`.
pub const HANDLERS_MAY_EXPORT: bool = true;
/// A task fails itself after something below it did: its `_error` hears of the last failure alone.
pub const TASKS_MAY_FAIL_LATER: bool = true;
