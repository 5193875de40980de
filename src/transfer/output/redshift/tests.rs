//! What tests of the room share.

use std::time::Duration;

use crate::embulk::config::TypeMapping;
use crate::embulk::output::{LoadMode, Retries, TableLoad};
use crate::embulk::text::Text;
use crate::embulk::zone::Zone;

/// Options that say nothing.
pub(super) fn load() -> TableLoad {
    TableLoad {
        table: Text::plain("t"),
        mode: LoadMode::Insert,
        types: TypeMapping::Embulk,
        default_timezone: Zone::utc(),
        column_options: Vec::new(),
        create_table_constraint: None,
        create_table_option: None,
        isolation: None,
        before_load: None,
        after_load: None,
        batch_bytes: 16 << 20,
        retries: Retries { limit: 0, wait: Duration::ZERO, longest: Duration::ZERO },
    }
}
