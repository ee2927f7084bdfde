//! Other names of a thing, each with where it comes from and when it held.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use super::{Day, Name};

/// Another name of a thing (alias).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, remote = "Self")]
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

impl<'de> Deserialize<'de> for Alias {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let alias = Self::deserialize(deserializer)?;
        let ends_first = alias.valid_from.zip(alias.valid_to).is_some_and(|(from, to)| to < from);
        if ends_first { Err(de::Error::custom("ends_first")) } else { Ok(alias) }
    }
}

impl Serialize for Alias {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Self::serialize(self, serializer)
    }
}
