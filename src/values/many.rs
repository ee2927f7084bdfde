//! Short lists that come with their thing: aliases, spelling variants, quotas, parts.

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Jsonb,
};
use serde::{Deserialize, Deserializer, Serialize, de, de::DeserializeOwned};
use utoipa::ToSchema;

/// A list of at most a hundred: stored as one JSON column, or the parts that come with their whole.
#[derive(Debug, Clone, PartialEq, Serialize, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
pub struct Many<T: std::fmt::Debug>(Vec<T>);

impl<T: std::fmt::Debug> Many<T> {
    /// The most that it may hold.
    pub const MOST: usize = 100;

    /// What it holds, in its order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }
}

impl<T: std::fmt::Debug> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: std::fmt::Debug + Deserialize<'de>> Deserialize<'de> for Many<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::deserialize(deserializer)?;
        if list.len() > Self::MOST { Err(de::Error::custom("too_many")) } else { Ok(Self(list)) }
    }
}

impl<T: std::fmt::Debug + Serialize> ToSql<Jsonb, Pg> for Many<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        let value = serde_json::to_value(&self.0)?;
        ToSql::<Jsonb, Pg>::to_sql(&value, &mut out.reborrow())
    }
}

impl<T: std::fmt::Debug + DeserializeOwned> FromSql<Jsonb, Pg> for Many<T> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        // Behind the number of its format, jsonb comes as text.
        let [1, text @ ..] = value.as_bytes() else { return Err("jsonb of an unknown format".into()) };
        Ok(Self(serde_json::from_slice(text)?))
    }
}
