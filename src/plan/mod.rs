//! The drawing room: what will run. A growing state machine without clock, thread or disk.
