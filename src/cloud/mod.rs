//! The wires: AWS and Google over HTTP.
