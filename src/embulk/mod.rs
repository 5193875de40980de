//! The reading room for transfer files: `.yml.liquid` to a typed config. Pure.
