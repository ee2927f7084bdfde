//! Other names of a thing, each with where it comes from and when it held.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Day, Name};

/// Another name of a thing (alias).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alias {
    /// The name.
    name: Name,
    /// Who calls it so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Name>,
    /// Since this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_from: Option<Day>,
    /// Until this day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    valid_to: Option<Day>,
}
