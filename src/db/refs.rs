//! What links rows to rows, whatever nouns they belong to.

use diesel::{QueryableByName, sql_query, sql_types};
use diesel_async::RunQueryDsl;

use super::{Conn, Violation, error::Rule, quoted};
use crate::values::Id;

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = sql_types::Uuid)]
    id: Id,
}

/// The row that was there first, when a write broke a rule of uniqueness. PostgreSQL says which columns hold which
/// values (`Key (siren)=(246100663) already exists.`).
pub async fn winner(violation: &Violation, conn: &mut Conn) -> Option<Id> {
    if violation.rule != Rule::Unique {
        return None;
    }
    let (columns, values) = violation.detail.strip_prefix("Key (")?.split_once(")=(")?;
    let values = values.strip_suffix(") already exists.")?;
    let values = if columns.contains(", ") { values.split(", ").map(quoted).collect::<Vec<_>>().join(", ") } else { quoted(values) };
    let found = sql_query(format!("SELECT id FROM {} WHERE ({columns}) = ({values}) LIMIT 1", violation.table));
    found.get_result::<Found>(conn).await.ok().map(|found| found.id)
}
