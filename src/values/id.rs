//! Identifiers: UUIDs of version 7, made by the application, in one written form.

use std::fmt;

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};
use uuid::Uuid;

/// The identifier of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = diesel::sql_types::Uuid)]
pub struct Id(Uuid);

impl Id {
    /// A new one: later ones sort after earlier ones.
    #[expect(clippy::new_without_default, reason = "an identifier is made on purpose, never by default")]
    pub fn new() -> Self {
        Self(Uuid::now_v7())
    }

    /// The same one each time for the same words: of version 7 too, at the hour given.
    pub fn of(milliseconds: u64, words: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(milliseconds, words).into_uuid())
    }

    /// Reads the one written form: 36 lowercase characters, dashes included. Errs with the code of a [`Fault`](super::Fault).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        Uuid::try_parse(text).ok().filter(|id| id.hyphenated().to_string() == text).map(Self).ok_or("invalid_id")
    }
}

impl From<Id> for Uuid {
    fn from(id: Id) -> Self {
        id.0
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl ToSql<diesel::sql_types::Uuid, Pg> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<diesel::sql_types::Uuid, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<diesel::sql_types::Uuid, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Uuid as FromSql<diesel::sql_types::Uuid, Pg>>::from_sql(value).map(Self)
    }
}

impl PartialSchema for Id {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)))
            .min_length(Some(36))
            .max_length(Some(36))
            .pattern(Some("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"))
            .description(Some("The identifier of a thing: a UUID, in lowercase, with its dashes."))
            .into()
    }
}

impl ToSchema for Id {}
