//! The departments and regions of territories, as the database computes them from the members; and the territories that came before them.

use diesel::{
    QueryResult, sql_query,
    sql_types::{Array, Uuid},
};
use diesel_async::RunQueryDsl;

use crate::{db::Conn, values::Id};

diesel::table! {
    /// Each department and region where a territory has a commune. A territory may lie in several.
    territory_places (territory_id, department_code) {
        /// The territory (territoire).
        territory_id -> Uuid,
        /// A department, by its code of the COG.
        department_code -> Text,
        /// The region that the department is in.
        region_code -> Text,
    }
}

#[derive(diesel::QueryableByName)]
struct Territory {
    #[diesel(sql_type = Uuid)]
    id: Id,
}

/// These territories, and all that they succeed.
pub async fn and_predecessors(territories: &[Id], conn: &mut Conn) -> QueryResult<Vec<Id>> {
    let reached: Vec<Territory> =
        sql_query("SELECT id FROM unnest(and_predecessors($1)) id ORDER BY id").bind::<Array<Uuid>, _>(territories).load(conn).await?;
    Ok(reached.into_iter().map(|territory| territory.id).collect())
}
