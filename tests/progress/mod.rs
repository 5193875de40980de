//! What people and machines see while tables are copied.

mod estate;
mod events;
mod terminal;
