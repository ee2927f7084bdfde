//! References between rows, whatever their nouns.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query, sql_types,
};
use diesel_async::RunQueryDsl;
use serde::Serialize;

use super::{Conn, Violation, error::Breach, quoted};
use crate::values::Id;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Id,
}

/// The row that was there first, when a write broke a rule of uniqueness. PostgreSQL names the columns and values, in any language:
/// `Key (siren)=(246100663) already exists.`
pub async fn winner(violation: &Violation, conn: &mut Conn) -> QueryResult<Option<Id>> {
    let told = violation.detail.split_once('(').and_then(|(_, detail)| detail.rsplit_once(')')?.0.split_once(")=("));
    let Some((columns, values)) = told.filter(|_| violation.rule == Breach::Unique) else { return Ok(None) };
    let values = if columns.contains(", ") { values.split(", ").map(quoted).collect::<Vec<_>>().join(", ") } else { quoted(values) };
    let found = sql_query(format!("SELECT id FROM {} WHERE ({columns}) = ({values}) LIMIT 1", violation.table));
    Ok(found.get_result::<Found>(conn).await.optional()?.map(|found| found.id))
}

/// Locks the row with this identifier until the transaction ends, so that nobody else changes it meanwhile. Returns its version; nothing
/// when the row does not exist.
pub async fn lock_row(table: &'static str, id: Id, conn: &mut Conn) -> QueryResult<Option<i32>> {
    LockRow { table, id }.get_result(conn).await.optional()
}

/// Locks the row with this identifier as it is until the transaction ends: others may share the lock, but nobody changes the row meanwhile.
pub async fn share_row(table: &str, id: Id, conn: &mut Conn) -> QueryResult<()> {
    sql_query(format!("SELECT FROM {table} WHERE id = $1 FOR SHARE")).bind::<sql_types::Uuid, _>(id).execute(conn).await.map(drop)
}

/// Locks the identifier of a thing until the transaction ends, whether there is a row or not. Whatever brings a thing back takes this lock
/// before it looks at the thing.
pub async fn lock_thing(id: Id, conn: &mut Conn) -> QueryResult<()> {
    sql_query("SELECT lock_thing($1)").bind::<sql_types::Uuid, _>(id).execute(conn).await.map(drop)
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = sql_types::Text)]
    name: String,
}

/// The columns of a table, in their order, without the words that it is searched by.
pub async fn columns(table: &str, conn: &mut Conn) -> QueryResult<Vec<String>> {
    let columns = sql_query(
        "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname <> 'search' ORDER BY attnum",
    );
    let columns: Vec<Named> = columns.bind::<sql_types::Text, _>(table).load(conn).await?;
    Ok(columns.into_iter().map(|column| column.name).collect())
}

/// A thing that a body names.
#[derive(Debug, Serialize)]
pub struct Mention {
    /// Where the body names it: a JSON Pointer.
    pub pointer: String,
    /// The table whose member names it.
    pub noun: &'static str,
    /// The member.
    pub member: String,
    /// Its identifier.
    pub id: Id,
}

/// What a body names: where, in which table it is looked for, and whether it is there.
#[derive(Debug, QueryableByName)]
pub struct Sought {
    /// Where the body names it.
    #[diesel(sql_type = sql_types::Text)]
    pub pointer: String,
    /// The table of what is named.
    #[diesel(sql_type = sql_types::Text)]
    pub target: String,
    /// Its identifier.
    #[diesel(sql_type = sql_types::Uuid)]
    pub id: Id,
    /// Is there a row?
    #[diesel(sql_type = sql_types::Bool)]
    pub stands: bool,
}

/// Looks for what a body names. A member that refers to no table is passed over.
pub async fn seek(mentions: &[Mention], conn: &mut Conn) -> QueryResult<Vec<Sought>> {
    let mentions = serde_json::to_value(mentions).map_err(|error| diesel::result::Error::SerializationError(error.into()))?;
    sql_query("SELECT * FROM seek($1)").bind::<sql_types::Jsonb, _>(mentions).load(conn).await
}

/// Prepared once for each table.
struct LockRow {
    table: &'static str,
    id: Id,
}

impl QueryFragment<Pg> for LockRow {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("SELECT version FROM ");
        out.push_identifier(self.table)?;
        out.push_sql(" WHERE id = ");
        out.push_bind_param::<sql_types::Uuid, _>(&self.id)?;
        out.push_sql(" FOR NO KEY UPDATE");
        Ok(())
    }
}

impl QueryId for LockRow {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for LockRow {
    type SqlType = sql_types::Integer;
}
