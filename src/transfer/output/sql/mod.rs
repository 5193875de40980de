//! What every database does alike as a target.
//!
//! * [`plan`] says which columns of the rows go where; [`column`] what their values are sent as; [`given`] what the
//!   config says of their types.
//! * [`statement`] has the parts of statements that are alike.
//! * [`past`] reads what earlier attempts recorded; [`again`] tries once more what another session was in the way of.

pub(super) mod again;
pub(super) mod column;
pub(super) mod given;
pub(super) mod past;
pub(super) mod plan;
pub(super) mod statement;
