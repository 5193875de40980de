//! A column as its source has it, and what becomes of it on its way in: for whoever wants to know before the run.

use crate::embulk::config::EmbulkType;
use crate::transfer::explain::loss::Loss;
use crate::transfer::schema::{ColumnType, Zones};

use super::convert::Conversion;

/// A column of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its type in the words of the source, e.g. `DECIMAL(20,2)`.
    pub type_name: String,
    /// What Embulk takes it as; none: Embulk refuses it.
    pub embulk: Option<EmbulkType>,
    /// What its values can be once they are in: where the source says true and false, no other numbers.
    pub holds: ColumnType,
    /// What the config makes of its values; none: they stay what they are.
    pub conversion: Option<String>,
    /// What does not come in as it is stored.
    pub losses: Vec<Loss>,
}

impl SourceColumn {
    /// A column that goes through a conversion, or through none, and is of type `to` afterwards. `losses` are those
    /// that come before.
    pub(super) fn new(
        type_name: String,
        to: ColumnType,
        conversion: Option<&mut Conversion>,
        zones: &Zones,
        losses: Vec<Loss>,
    ) -> Self {
        let mut column = Self { type_name, embulk: Some(to.embulk()), holds: to, conversion: None, losses };
        if let Some(conversion) = conversion {
            if conversion.makes_flags() {
                column.holds = ColumnType::Flag;
            }
            column.conversion = Some(conversion.words());
            column.losses.extend(conversion.losses(to, zones));
        }
        column
    }
}
