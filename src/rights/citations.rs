//! Citations: what is said in public about a thing must be said by the editors of that thing.

use diesel::{
    QueryResult, QueryableByName, sql_query,
    sql_types::{Nullable, Uuid},
};
use diesel_async::RunQueryDsl;

use crate::{db::Conn, values::Id};

#[derive(QueryableByName)]
struct Territory {
    #[diesel(sql_type = Nullable<Uuid>)]
    id: Option<Id>,
}

/// The territories of the citations that this transaction made public; none for a citation of the nation.
pub async fn newly_cited(conn: &mut Conn) -> QueryResult<Vec<Option<Id>>> {
    let territories = sql_query(
        "SELECT DISTINCT citations.territory_id AS id
         FROM (SELECT thing, min(version) AS first FROM ledger WHERE transaction = pg_current_xact_id() AND recorded_at > now() - interval '1 day'
            AND noun = 'citations' GROUP BY thing) line
         JOIN citations ON citations.id = line.thing AND citations.visibility = 'public'
         LEFT JOIN LATERAL (SELECT coalesce(content(past), before) AS row FROM ledger past WHERE past.thing = line.thing AND past.version < line.first
            ORDER BY version DESC LIMIT 1) past ON true
         WHERE past.row ->> 'visibility' IS DISTINCT FROM 'public' OR (past.row ->> 'territory_id')::uuid IS DISTINCT FROM citations.territory_id",
    );
    Ok(territories.load::<Territory>(conn).await?.into_iter().map(|territory| territory.id).collect())
}
