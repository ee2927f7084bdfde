//! Whole numbers from one: places in an order, sizes, numbers of seats.

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Int4,
};
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use super::Fault;

/// A whole number from one to a million.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, AsExpression, FromSqlRow)]
#[diesel(sql_type = Int4)]
#[serde(transparent)]
pub struct Count(i32);

const MOST: i32 = 1_000_000;

/// A whole number in these bounds. To JSON Schema, and to who writes all numbers as floats (R, pandas), 8915.0 is one.
pub fn whole<'de, D: Deserializer<'de>>(deserializer: D, least: i32, most: i32) -> Result<i32, D::Error> {
    let number = f64::deserialize(deserializer)?;
    if number.fract() != 0.0 {
        return Err(de::Error::custom("not_whole"));
    }
    if (f64::from(least)..=f64::from(most)).contains(&number) {
        Ok(number as i32)
    } else {
        Err(de::Error::custom(Fault::message("out_of_range", &[least, most].map(|end| end.to_string()))))
    }
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        whole(deserializer, 1, MOST).map(Self)
    }
}

impl ToSql<Int4, Pg> for Count {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Int4, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<Int4, Pg> for Count {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <i32 as FromSql<Int4, Pg>>::from_sql(value).map(Self)
    }
}

impl PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
            .minimum(Some(1))
            .maximum(Some(MOST))
            .into()
    }
}

impl ToSchema for Count {}
