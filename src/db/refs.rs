//! References between rows, whatever their nouns.

use diesel::{
    OptionalExtension, QueryResult, QueryableByName,
    pg::Pg,
    query_builder::{AstPass, Query, QueryFragment, QueryId},
    sql_query, sql_types,
};
use diesel_async::RunQueryDsl;

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
