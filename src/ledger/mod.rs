//! What was done, by whom, since when. Triggers write it (`db/functions/record.sql`); here it is read. Knows no HTTP.

pub mod feed;
pub mod history;
mod shown;
pub mod stamper;
pub mod verify;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{db::Conn, rights::Reach, schema::ledger, values::Id};

/// One change that was made meanwhile.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// The version it made.
    pub version: i32,
    /// Who made it.
    #[schema(max_length = 600)]
    pub author: String,
    /// The key that made it, by its identifier; null for an identity or a command.
    #[schema(required)]
    pub author_key: Option<Id>,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The members that it changed; for parts, the name of their table.
    #[schema(value_type = Vec<crate::values::Code>)]
    pub members: Vec<String>,
}

/// The most changes that are told at once.
const MOST: i64 = 20;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Int4)]
    version: i32,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<Uuid>)]
    key_id: Option<Id>,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
    #[diesel(sql_type = Array<Text>)]
    parts: Vec<String>,
}

/// What was done to a thing after this version of it, the oldest first. Where its parts changed, they are named.
pub async fn since(thing: Id, version: i32, reach: &Reach, conn: &mut Conn) -> QueryResult<Vec<Change>> {
    let lines = sql_query(format!(
        "SELECT version, author, key_id, recorded_at, content_before(line) AS before, content(line) AS after, ARRAY(SELECT DISTINCT part.noun FROM ledger part \
            WHERE part.parent = line.thing AND part.transaction = line.transaction AND {} ORDER BY part.noun) AS parts \
         FROM ledger line WHERE thing = $5 AND version > $6 AND {} ORDER BY version LIMIT $7",
        shown::within("part"),
        shown::within("line"),
    ));
    let lines = shown::bind(lines.into_boxed(), reach, None).bind::<Uuid, _>(thing).bind::<Int4, _>(version).bind::<BigInt, _>(MOST);
    let lines: Vec<Line> = lines.load(conn).await?;
    Ok(lines
        .into_iter()
        .map(|Line { version, author, key_id, recorded_at, before, after, parts }| {
            let members = changed(before, after).into_iter().chain(parts).collect();
            Change { version, author, author_key: key_id, recorded_at, members }
        })
        .collect())
}

/// The members whose values differ, but for those that every write moves.
fn changed(before: Option<Value>, after: Option<Value>) -> Vec<String> {
    let after = after.unwrap_or_default();
    let before = before.unwrap_or_default();
    let members = after.as_object().into_iter().flatten();
    members
        .filter(|(name, value)| before.get(name) != Some(value) && !matches!(name.as_str(), "version" | "updated_at"))
        .map(|(name, _)| name.clone())
        .collect()
}

/// What the last line about a thing says, and whom the thing is for today.
#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = Nullable<Uuid>)]
    parent: Option<Id>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    audience: String,
    #[diesel(sql_type = Array<Text>)]
    places: Vec<String>,
}

/// The last line about a thing, if the caller may see the thing. Of a thing that is deleted: if the caller could see it still.
async fn last(thing: Id, reach: &Reach, conn: &mut Conn) -> QueryResult<Option<Last>> {
    let last = sql_query(
        "SELECT noun, parent, action, recorded_at, today.audience, today.places FROM ledger CROSS JOIN audience_today($1) today
         WHERE thing = $1 ORDER BY version DESC LIMIT 1",
    );
    let last: Option<Last> = last.bind::<Uuid, _>(thing).get_result(conn).await.optional()?;
    Ok(last.filter(|last| reach.sees(&last.audience, &last.places)))
}

/// When a thing of this table (of this whole, for a part) was deleted, if it was, and if the caller could see it still.
pub async fn deleted_at(noun: &str, whole: Option<Id>, thing: Id, reach: &Reach, conn: &mut Conn) -> QueryResult<Option<DateTime<Utc>>> {
    let last = last(thing, reach, conn).await?;
    let here = |last: &Last| last.action == "delete" && last.noun == noun && (whole.is_none() || last.parent == whole);
    Ok(last.filter(here).map(|last| last.recorded_at))
}

/// May the caller see this thing, as it stands or stood last?
pub async fn is_seen(thing: Id, reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    Ok(last(thing, reach, conn).await?.is_some())
}

#[derive(QueryableByName)]
struct Seen {
    #[diesel(sql_type = Bool)]
    seen: bool,
}

/// May an answer that speaks of these things be given to this caller today? The caller must see each of them, and must be told the person that
/// a thing names. A person who was deleted is not named any more. What the ledger does not keep is not asked about.
pub async fn may_be_told(things: &[Id], reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    let query = sql_query(format!(
        "SELECT NOT EXISTS (SELECT FROM unnest($5) AS told (thing)
            JOIN LATERAL (SELECT noun, action, coalesce(content(ledger), before) AS row FROM ledger WHERE ledger.thing = told.thing ORDER BY version DESC LIMIT 1) last ON true
            CROSS JOIN audience_today(told.thing) today
            WHERE NOT coalesce({reached}, false) OR last.noun = 'people' AND last.action = 'delete'
               OR NOT $1 AND NOT today.places && $2 AND ($4 IS NULL) AND EXISTS (SELECT FROM people
                    WHERE people.id = (last.row ->> 'person_id')::uuid AND people.publication_basis = 'not_publishable')) AS seen",
        reached = shown::reached("today"),
    ));
    let query = shown::bind(query.into_boxed(), reach, None).bind::<Array<Uuid>, _>(things.to_vec());
    Ok(query.get_result::<Seen>(conn).await?.seen)
}

/// Is there such a thing of this table, and may the caller see it?
pub async fn stands(noun: &str, thing: Id, reach: &Reach, conn: &mut Conn) -> QueryResult<bool> {
    Ok(last(thing, reach, conn).await?.is_some_and(|last| last.action != "delete" && last.noun == noun))
}

/// Has nothing ever been written?
pub async fn is_empty(conn: &mut Conn) -> QueryResult<bool> {
    let any = diesel::select(diesel::dsl::exists(ledger::table.select(ledger::id)));
    any.get_result::<bool>(conn).await.map(|any| !any)
}

#[derive(QueryableByName)]
struct Epoch {
    #[diesel(sql_type = Uuid)]
    epoch: Id,
}

/// Begins a new epoch: whoever follows the changes is told to start again, and every line without a number gets one.
pub async fn new_epoch(conn: &mut Conn) -> QueryResult<Id> {
    Ok(sql_query("SELECT new_epoch() AS epoch").get_result::<Epoch>(conn).await?.epoch)
}
