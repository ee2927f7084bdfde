//! Short lists that come with their thing: aliases, spelling variants, quotas, parts.

use std::{fmt, marker::PhantomData};

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Jsonb,
};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, DeserializeOwned, IntoDeserializer, MapAccess, Visitor, value::MapAccessDeserializer},
};
use utoipa::ToSchema;

use super::Fault;

/// A list of at most a hundred: stored as one JSON column, or the parts that come with their whole.
#[derive(Debug, Clone, PartialEq, Serialize, AsExpression, FromSqlRow, ToSchema)]
#[diesel(sql_type = Jsonb)]
#[serde(transparent)]
pub struct Many<T: std::fmt::Debug>(Vec<T>);

impl<T: std::fmt::Debug> Many<T> {
    /// The most that it may hold.
    pub const MOST: usize = 100;

    /// The same with one more at its end; nothing if it is full.
    pub fn and(mut self, more: T) -> Option<Self> {
        self.0.push(more);
        (self.0.len() <= Self::MOST).then_some(self)
    }

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
        let list = Vec::<Item<T>>::deserialize(deserializer)?;
        if list.len() > Self::MOST {
            return Err(de::Error::custom(Fault::message("too_many", &[Self::MOST.to_string()])));
        }
        Ok(Self(list.into_iter().map(|Item(item)| item).collect()))
    }
}

/// One of a list: a text or an object. Not a list, whose items serde would take for the members of an object in their order.
struct Item<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ItemVisitor(PhantomData))
    }
}

struct ItemVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ItemVisitor<T> {
    type Value = Item<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a text or an object")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Item<T>, E> {
        T::deserialize(text.into_deserializer()).map(Item)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Item<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Item)
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
