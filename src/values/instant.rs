//! Instants, within the window that the programme can ever mean.

use std::fmt;

use chrono::{DateTime, Datelike, Days, Duration, NaiveDate, NaiveTime, SecondsFormat, Utc, Weekday};
use serde::{Deserialize, Deserializer, de};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type},
};

use super::Day;

/// An instant from 1900 to 2100, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(DateTime<Utc>);

impl Instant {
    /// How it is written: as in RFC 3339, without a leap second.
    pub const PATTERN: &'static str = "^(19[0-9]{2}|20[0-9]{2}|2100)-[0-9]{2}-[0-9]{2}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

    /// Reads an instant of RFC 3339, without a leap second. Errs with the code of a [`Fault`](super::Fault).
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let instant = DateTime::parse_from_rfc3339(text).map_err(|_| "invalid_instant")?;
        let valid = (1900..=2100).contains(&instant.year()) && instant.timestamp_subsec_nanos() < 1_000_000_000;
        if valid { Ok(Self(instant.with_timezone(&Utc))) } else { Err("invalid_instant") }
    }

    /// The last microsecond of a day in Paris.
    pub fn end_of(day: Day) -> Self {
        let next = day.date() + Days::new(1);
        let hours = if is_summer(next) { 2 } else { 1 };
        Self(next.and_time(NaiveTime::MIN).and_utc() - Duration::hours(hours) - Duration::microseconds(1))
    }

    /// In UTC.
    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// How long ago this was; negative when it is to come.
    pub fn ago(self) -> Duration {
        Utc::now() - self.0
    }
}

/// Does this day begin in summer time? It lasts from the last Sunday of March, after midnight, to the last one of October
/// (directive 2000/84/EC).
fn is_summer(day: NaiveDate) -> bool {
    let last_sunday = |month| NaiveDate::from_ymd_opt(day.year(), month, 31).map(|last| last.week(Weekday::Sun).first_day());
    last_sunday(3).is_some_and(|start| day > start) && last_sunday(10).is_some_and(|end| day <= end)
}

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

impl PartialSchema for Instant {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .max_length(Some(40))
            .pattern(Some(Self::PATTERN))
            .description(Some("An instant of RFC 3339, from 1900 to 2100, without a leap second."))
            .examples(["2027-06-30T22:00:00Z"])
            .into()
    }
}

impl ToSchema for Instant {}

impl fmt::Display for Instant {
    /// As one of UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

#[cfg(test)]
mod tests {
    use super::{Day, Instant};

    #[test]
    fn a_day_ends_at_midnight_in_paris() {
        for (day, end) in [
            ("2025-12-31", "2025-12-31T22:59:59.999999Z"),
            ("2026-07-14", "2026-07-14T21:59:59.999999Z"),
            ("2026-03-28", "2026-03-28T22:59:59.999999Z"),
            ("2026-03-29", "2026-03-29T21:59:59.999999Z"),
            ("2026-10-24", "2026-10-24T21:59:59.999999Z"),
            ("2026-10-25", "2026-10-25T22:59:59.999999Z"),
            ("2024-03-31", "2024-03-31T21:59:59.999999Z"),
            ("2100-12-31", "2100-12-31T22:59:59.999999Z"),
        ] {
            assert_eq!(Instant::end_of(Day::parse(day).unwrap()).to_string(), end, "{day}");
        }
    }

    #[test]
    fn an_instant_is_told_in_utc_to_the_microsecond() {
        assert_eq!(Instant::parse("2026-07-14T10:00:00.1234567+02:00").unwrap().to_string(), "2026-07-14T08:00:00.123456Z");
        for odd in ["2026-07-14", "2026-07-14T10:00:00", "2026-06-30T23:59:60Z", "1899-12-31T23:00:00Z", "+10000-01-01T00:00:00Z", ""] {
            assert_eq!(Instant::parse(odd), Err("invalid_instant"), "{odd}");
        }
    }
}
