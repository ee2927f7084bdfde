//! Amounts: exact decimals, from zero to a cent below a thousand billion, with two decimals at most.

use diesel::{
    AsExpression, FromSqlRow,
    deserialize::{self, FromSql},
    pg::{Pg, PgValue},
    serialize::{self, Output, ToSql},
    sql_types::Numeric,
};
use rust_decimal::{Decimal, prelude::FromPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

/// An amount of euros, or of whatever its unit says. A JSON number outside, a decimal inside: never a float in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = Numeric)]
pub struct Amount(Decimal);

impl Amount {
    /// The largest that its column holds.
    pub const MAX: f64 = 999_999_999_999.99;

    fn of(value: f64) -> Option<Self> {
        // Fifteen significant digits hold every amount of the range exactly as it was written.
        let decimal = Decimal::from_f64(value)?.normalize();
        ((0.0..=Self::MAX).contains(&value) && decimal.scale() <= 2).then_some(Self(decimal))
    }

    /// Reads a decimal number. Errs with the code of a [`Fault`](super::Fault).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        text.parse().ok().and_then(Self::of).ok_or("invalid_amount")
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        rust_decimal::serde::float::serialize(&self.0, serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::of(f64::deserialize(deserializer)?).ok_or(de::Error::custom("invalid_amount"))
    }
}

impl ToSql<Numeric, Pg> for Amount {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<Numeric, Pg>::to_sql(&self.0, out)
    }
}

impl FromSql<Numeric, Pg> for Amount {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        <Decimal as FromSql<Numeric, Pg>>::from_sql(value).map(Self)
    }
}

impl PartialSchema for Amount {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Number)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
            .minimum(Some(0))
            .maximum(Some(Self::MAX))
            .description(Some("An amount with two decimals at most."))
            .examples([1234.56])
            .into()
    }
}

impl ToSchema for Amount {}

#[cfg(test)]
mod tests {
    use super::Amount;

    #[test]
    fn what_is_written_is_what_is_kept() {
        for text in ["0.07", "1234.56", "999999999999.99", "0", "30"] {
            let amount: Amount = serde_json::from_str(text).unwrap();
            assert_eq!(serde_json::to_value(amount).unwrap().as_f64().unwrap(), text.parse::<f64>().unwrap());
        }
        for text in ["-1", "0.001", "1e12", "1e13", "\"NaN\""] {
            assert!(serde_json::from_str::<Amount>(text).is_err(), "{text}");
        }
    }
}
