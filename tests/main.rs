//! The tests, one binary.

mod support;
