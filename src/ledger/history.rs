//! The history of one thing, version by version, as one caller may know it; and the way back to one of them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Bool, Int4, Jsonb, Nullable, Text, Timestamptz, Uuid},
};
use diesel_async::RunQueryDsl;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::shown::{self, Known};
use crate::{
    db::{Budget, Conn},
    rights::{self, Reach},
    values::Id,
};

/// A member that a write changed.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct FieldChange {
    /// Its name.
    #[schema(max_length = 100)]
    pub name: String,
    /// What it was; null when it was empty, or was not there.
    pub before: Option<Value>,
    /// What it became.
    pub after: Option<Value>,
}

/// A part that was changed along; or, if it is for fewer than its whole, under this version: what some may not see makes no new
/// version of what they see.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct PartChange {
    /// Its noun, as addresses say it: `committee-seats`.
    #[schema(max_length = 100)]
    pub noun: String,
    /// The part.
    pub id: Id,
    /// What was done: `create`, `update`, `delete`, `restore`, `erase` or `merge`.
    #[schema(max_length = 20)]
    pub action: String,
    /// Who did it; null for who shows no key.
    #[schema(max_length = 200)]
    pub author: Option<String>,
    /// The key that did it, by its identifier; null for an identity or a command, and for who shows no key.
    pub author_key: Option<Id>,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The request that did it, as its `X-Request-Id` says; null for who shows no key.
    #[schema(max_length = 200)]
    pub request: Option<String>,
    /// Why; null when nobody said, and for who shows no key.
    #[schema(max_length = 20000)]
    pub reason: Option<String>,
    /// The members that changed.
    #[schema(max_items = 1000)]
    pub fields: Vec<FieldChange>,
}

/// A version of a thing (version), and what made it.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// Its number, from 1.
    pub version: i32,
    /// What was done: `create`, `update`, `delete`, `restore`, `erase` or `merge`.
    #[schema(max_length = 20)]
    pub action: String,
    /// Who did it; null for who shows no key.
    #[schema(max_length = 200)]
    pub author: Option<String>,
    /// The key that did it, by its identifier; null for an identity or a command, and for who shows no key.
    pub author_key: Option<Id>,
    /// When.
    pub recorded_at: DateTime<Utc>,
    /// The request that did it, as its `X-Request-Id` says; null for who shows no key.
    #[schema(max_length = 200)]
    pub request: Option<String>,
    /// Why; null when nobody said, and for who shows no key.
    #[schema(max_length = 20000)]
    pub reason: Option<String>,
    /// The members that changed.
    #[schema(max_items = 1000)]
    pub fields: Vec<FieldChange>,
    /// The parts that were changed along.
    #[schema(max_items = 10000)]
    pub parts: Vec<PartChange>,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Int4)]
    version: i32,
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = Uuid)]
    thing: Id,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
    #[diesel(sql_type = Text)]
    author: String,
    #[diesel(sql_type = Nullable<Uuid>)]
    key_id: Option<Id>,
    #[diesel(sql_type = Timestamptz)]
    recorded_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    request: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
    #[diesel(sql_type = Array<Text>)]
    places: Vec<String>,
}

/// The lines within reach, of those of the ledger that `which` chooses, under `version`. What was before is told only where it could be seen.
fn lines(version: &str, which: &str) -> String {
    format!(
        "SELECT version, noun, thing, author, key_id, recorded_at, request, reason, places, CASE WHEN was THEN before END AS before, after,
            CASE WHEN was OR returned OR action IN ('create', 'delete') THEN action ELSE 'create' END AS action
         FROM (SELECT {version} AS version, line.noun, line.thing, line.author, line.key_id, line.recorded_at, line.request, line.reason, line.places, coalesce(line.before, past.content) AS before, content(line) AS after, line.action,
                line.id, coalesce({was}, false) AS was, {now} AS now, line.action = 'restore' AND past.after IS NULL AND coalesce({returned}, false) AS returned
            FROM ledger line LEFT JOIN LATERAL (SELECT audience, places, after, content(past) AS content FROM ledger past WHERE past.thing = line.thing AND past.version < line.version
                ORDER BY version DESC LIMIT 1) past ON true
            WHERE {which}) line
         WHERE now OR action = 'delete' AND was",
        was = shown::within("past"),
        now = shown::within("line"),
        returned = shown::concerning("past"),
    )
}

/// The versions of a thing before this one, the newest first; and whether they end before the limit, because they would have too many bytes.
pub async fn versions(noun: &str, thing: Id, before: i32, limit: i64, reach: &Reach, conn: &mut Conn) -> QueryResult<(Vec<Version>, bool)> {
    // What is hidden today was never there.
    if !standing(noun, thing, conn).await?.is_some_and(|standing| standing.seen(reach)) {
        return Ok((Vec::new(), false));
    }
    let spend = |budget: &mut Budget, line: &Line| budget.spend(&(&line.before, &line.after));
    let query = format!("{} ORDER BY version DESC LIMIT {limit}", lines("line.version", "line.noun = $5 AND line.thing = $6 AND line.version < $7"));
    let query = shown::bind(sql_query(query).into_boxed(), reach, None).bind::<Text, _>(noun).bind::<Uuid, _>(thing).bind::<Int4, _>(before);
    let (mut found, mut early) = Budget::default().read(query.load_stream::<Line>(conn).await?, spend).await?;
    let mut hidden = false;
    if noun == "people" && !reach.everything {
        // Of a person no more is told than may be read today; once deleted, only that.
        hidden = !Known::of([thing].into_iter(), [].iter(), reach, conn).await?.has(thing);
        let deleted = standing(noun, thing, conn).await?.is_some_and(|standing| standing.row.is_none());
        found.retain(|line| !hidden || deleted && line.action == "delete");
    }
    let query = sql_query(format!(
        "{} ORDER BY version DESC, id",
        lines("line.parent_version", "line.parent_noun = $5 AND line.parent = $6 AND line.parent_version = ANY ($7)")
    ));
    let parts = loop {
        let numbers: Vec<i32> = found.iter().filter(|_| !hidden).map(|line| line.version).collect();
        // What is done to the parts in one version is told together, however much it is.
        let mut budget = if numbers.len() > 1 { Budget::default() } else { Budget::new(usize::MAX) };
        let query = shown::bind(query.clone().into_boxed(), reach, None).bind::<Text, _>(noun).bind::<Uuid, _>(thing).bind::<Array<Int4>, _>(numbers);
        let (parts, ended) = budget.read(query.load_stream::<Line>(conn).await?, spend).await?;
        if !ended {
            break parts;
        }
        early = true;
        found.truncate(found.len().div_ceil(2));
    };
    let rows = found.iter().chain(&parts).flat_map(|line| [&line.before, &line.after]).flatten();
    let known = Known::of([].into_iter(), rows, reach, conn).await?;
    let told = |line: Line| {
        let parts = parts.iter().filter(|part| part.version == line.version);
        let changed = if hidden { Vec::new() } else { fields(&line, &known) };
        // Where nothing of it changed, something was done elsewhere: by whom, and why, is told there.
        let quiet = line.action == "update" && changed.is_empty() && parts.clone().next().is_none();
        let open = !reach.is_public() && (reach.everything || !quiet);
        Version {
            version: line.version,
            author: open.then(|| line.author.clone()),
            author_key: line.key_id.filter(|_| open),
            recorded_at: line.recorded_at,
            request: line.request.clone().filter(|_| open),
            reason: line.reason.clone().filter(|_| open),
            fields: changed,
            parts: parts
                .map(|part| PartChange {
                    noun: part.noun.replace('_', "-"),
                    id: part.thing,
                    action: part.action.clone(),
                    author: open.then(|| part.author.clone()),
                    author_key: part.key_id.filter(|_| open),
                    recorded_at: part.recorded_at,
                    request: part.request.clone().filter(|_| open),
                    reason: part.reason.clone().filter(|_| open),
                    fields: fields(part, &known),
                })
                .collect(),
            action: line.action,
        }
    };
    Ok((found.into_iter().map(told).collect(), early))
}

/// The members whose values differ, but for those that every write moves.
fn fields(line: &Line, known: &Known) -> Vec<FieldChange> {
    let row = |side: &Option<Value>| -> Map<String, Value> {
        let mut row = side.as_ref().and_then(Value::as_object).cloned().unwrap_or_default();
        known.veil(&line.noun, &mut row, &line.places);
        shown::instants(&mut row);
        row
    };
    let (before, mut after) = (row(&line.before), row(&line.after));
    for name in before.keys().filter(|name| !after.contains_key(*name)).cloned().collect::<Vec<_>>() {
        after.insert(name, Value::Null);
    }
    let full = |value: Value| Some(value).filter(|value| !value.is_null());
    after
        .into_iter()
        .filter(|(name, _)| !matches!(name.as_str(), "id" | "version" | "created_at" | "updated_at"))
        .map(|(name, after)| FieldChange { before: before.get(&name).cloned().and_then(full), after: full(after), name })
        .filter(|change| change.before != change.after)
        .collect()
}

/// How a thing stands.
pub struct Standing {
    /// Its version; for what is deleted, that of its deletion.
    pub version: i32,
    /// Its row; none when it is deleted.
    pub row: Option<Value>,
    /// Its row as it was last.
    pub last: Value,
    audience: String,
    places: Vec<String>,
}

impl Standing {
    /// May the caller see it, or could it until it was deleted?
    pub fn seen(&self, reach: &Reach) -> bool {
        reach.sees(&self.audience, &self.places)
    }
}

#[derive(QueryableByName)]
struct Last {
    #[diesel(sql_type = Int4)]
    version: i32,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
    #[diesel(sql_type = Text)]
    audience: String,
    #[diesel(sql_type = Array<Text>)]
    places: Vec<String>,
}

/// How a thing of this table stands; nothing when there never was one.
pub async fn standing(noun: &str, thing: Id, conn: &mut Conn) -> QueryResult<Option<Standing>> {
    let last = sql_query(
        "SELECT version, before, content(ledger) AS after, today.audience, today.places FROM ledger CROSS JOIN audience_today($2) today
         WHERE noun = $1 AND thing = $2 ORDER BY version DESC LIMIT 1",
    );
    let last: Option<Last> = last.bind::<Text, _>(noun).bind::<Uuid, _>(thing).get_result(conn).await.optional()?;
    Ok(last.map(|Last { version, before, after, audience, places }| Standing {
        version,
        last: after.clone().or(before).unwrap_or_default(),
        row: after,
        audience,
        places,
    }))
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = Text)]
    member: String,
    #[diesel(sql_type = Uuid)]
    id: Id,
}

/// What a thing and its parts name that not everyone may see, each with the member that names it: now, or ever.
async fn named(thing: Id, members: &[&str], ever: bool, conn: &mut Conn) -> QueryResult<HashSet<(String, Id)>> {
    let lines = if ever { "" } else { "DISTINCT ON (line.thing)" };
    let query = format!(
        "SELECT DISTINCT naming.key AS member, naming.value::uuid AS id
         FROM (SELECT {lines} line FROM ledger line WHERE $1 IN (line.thing, line.parent) ORDER BY line.thing, line.version DESC) lines,
            jsonb_each_text(content(lines.line)) AS naming
         WHERE naming.key = ANY ($2) AND naming.value IS NOT NULL"
    );
    let named: Vec<Named> = sql_query(query).bind::<Uuid, _>(thing).bind::<Array<Text>, _>(members).load(conn).await?;
    Ok(named.into_iter().map(|named| (named.member, named.id)).collect())
}

/// What a thing names, and what of all that it ever named a caller may see.
pub struct Familiar {
    members: Vec<&'static str>,
    now: HashSet<(String, Id)>,
    seen: HashSet<Id>,
}

impl Familiar {
    /// With this thing, as it stands: what it and its parts name by these members.
    pub async fn with(thing: Id, members: Vec<&'static str>, reach: &Reach, conn: &mut Conn) -> QueryResult<Self> {
        let ever = named(thing, &members, true, conn).await?;
        let of = |member: &str| ever.iter().filter(|(named, _)| named == member).map(|(_, id)| *id).collect::<Vec<_>>();
        let mut seen = rights::visible_people(&of("person_id"), reach, conn).await?;
        seen.extend(rights::visible_fiches(&of("action_fiche_id"), reach, conn).await?);
        seen.extend(rights::visible_documents(&of("document_id"), reach, conn).await?);
        Ok(Self { now: named(thing, &members, false, conn).await?, seen, members })
    }

    /// The member by which the thing names from now on what the caller may not see.
    pub async fn strange(&self, thing: Id, conn: &mut Conn) -> QueryResult<Option<String>> {
        let named = named(thing, &self.members, false, conn).await?;
        // Its parts name itself.
        let strange = |naming: &&(String, Id)| naming.1 != thing && !self.now.contains(*naming) && !self.seen.contains(&naming.1);
        Ok(named.iter().find(strange).map(|(member, _)| member.clone()))
    }
}

#[derive(QueryableByName)]
struct Merged {
    #[diesel(sql_type = Nullable<Uuid>)]
    into: Option<Id>,
}

/// Into which thing this one was merged, if that is the last that happened to it.
pub async fn merged_into(thing: Id, conn: &mut Conn) -> QueryResult<Option<Id>> {
    let merged: Option<Merged> = sql_query("SELECT merged_into($1) AS into").bind::<Uuid, _>(thing).get_result(conn).await.optional()?;
    Ok(merged.and_then(|merged| merged.into))
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Jsonb)]
    after: Value,
}

/// A thing as this version had it, if there is one that the caller may see.
pub async fn at(noun: &str, thing: Id, version: i32, reach: &Reach, conn: &mut Conn) -> QueryResult<Option<Value>> {
    let query =
        format!("SELECT content(line) AS after FROM ledger line WHERE {} AND noun = $5 AND thing = $6 AND version = $7", shown::within("line"));
    let query = shown::bind(sql_query(query).into_boxed(), reach, None).bind::<Text, _>(noun).bind::<Uuid, _>(thing).bind::<Int4, _>(version);
    Ok(query.get_result::<Row>(conn).await.optional()?.map(|row| row.after))
}

/// Brings a thing back to one of its versions, with its parts as they were then.
pub async fn restore(noun: &str, thing: Id, version: i32, conn: &mut Conn) -> QueryResult<()> {
    let restore = sql_query("SELECT restore_thing($1, $2, $3)");
    restore.bind::<Text, _>(noun).bind::<Uuid, _>(thing).bind::<Int4, _>(version).execute(conn).await.map(drop)
}

/// Forgets a person: its names and functions, in the rows, in every line about it, and in the answers that are kept. Seats and links stay.
pub async fn erase_person(person: Id, conn: &mut Conn) -> QueryResult<()> {
    sql_query("SELECT erase_person($1)").bind::<Uuid, _>(person).execute(conn).await.map(drop)
}

/// Says why this transaction writes, for its lines in the ledger.
pub async fn because(reason: Option<&str>, conn: &mut Conn) -> QueryResult<()> {
    let set = sql_query("SELECT set_config('app.reason', $1, $2)");
    set.bind::<Text, _>(reason.unwrap_or_default()).bind::<Bool, _>(true).execute(conn).await.map(drop)
}
