//! What goes wrong outside, at every moment.

mod kills;
