//! What was done, by whom, since when. The triggers of the first migration write it; here it is read. Knows no HTTP.

use chrono::{DateTime, Utc};
use diesel::{QueryDsl, QueryResult, prelude::*};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{db::Conn, schema::ledger, values::Id};

/// One change that was made meanwhile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// The version it made.
    pub version: i32,
    /// Who made it.
    #[schema(max_length = 200)]
    pub author: String,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The members that it changed.
    #[schema(value_type = Vec<crate::values::Code>)]
    pub members: Vec<String>,
}

/// The most changes that are told at once.
const MOST: i64 = 20;

/// What was done to a thing after this version of it, the oldest first.
pub async fn since(thing: Id, version: i32, conn: &mut Conn) -> QueryResult<Vec<Change>> {
    type Line = (i32, String, DateTime<Utc>, Option<serde_json::Value>, Option<serde_json::Value>);
    let lines: Vec<Line> = ledger::table
        .filter(ledger::thing.eq(thing).and(ledger::version.gt(version)))
        .order_by(ledger::version)
        .limit(MOST)
        .select((ledger::version, ledger::author, ledger::recorded_at, ledger::before, ledger::after))
        .load(conn)
        .await?;
    Ok(lines
        .into_iter()
        .map(|(version, author, recorded_at, before, after)| Change { version, author, recorded_at, members: changed(before, after) })
        .collect())
}

/// The members whose values differ, but for those that every write moves.
fn changed(before: Option<serde_json::Value>, after: Option<serde_json::Value>) -> Vec<String> {
    let after = after.unwrap_or_default();
    let before = before.unwrap_or_default();
    let members = after.as_object().into_iter().flatten();
    members
        .filter(|(name, value)| before.get(name) != Some(value) && !matches!(name.as_str(), "version" | "updated_at"))
        .map(|(name, _)| name.clone())
        .collect()
}

/// When a thing was deleted, if it was.
pub async fn deleted_at(thing: Id, conn: &mut Conn) -> QueryResult<Option<DateTime<Utc>>> {
    let last: Option<(String, DateTime<Utc>)> = ledger::table
        .filter(ledger::thing.eq(thing))
        .order_by(ledger::version.desc())
        .select((ledger::action, ledger::recorded_at))
        .first(conn)
        .await
        .optional()?;
    Ok(last.filter(|(action, _)| action == "delete").map(|(_, at)| at))
}

/// Has nothing ever been written?
pub async fn is_empty(conn: &mut Conn) -> QueryResult<bool> {
    let any = diesel::select(diesel::dsl::exists(ledger::table.select(ledger::id)));
    any.get_result::<bool>(conn).await.map(|any| !any)
}
