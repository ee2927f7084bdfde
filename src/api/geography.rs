//! Geography: the regions, departments, intercommunalities and communes of the official geographic code (COG), by year. They are reference
//! data: a command loads them, no operation writes them, and the ledger does not keep them.

pub mod cog;
mod communes;
pub mod contour_file;
mod departments;
mod intercommunalities;
mod regions;

use diesel::{dsl::sql, expression::SqlLiteral, sql_types::Int4};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::contours,
    http::{Along, Result},
    values::Contour,
};

/// Registers the operations of these nouns.
pub fn routes(routes: &mut ServiceConfig) {
    regions::routes(routes);
    departments::routes(routes);
    intercommunalities::routes(routes);
    communes::routes(routes);
}

/// The latest year that is loaded.
fn latest() -> SqlLiteral<Int4> {
    sql("(SELECT max(year) FROM regions)")
}

/// Adds the contours of the rows of this noun, where they are known.
async fn draw<V>(noun: &str, along: &mut Along<'_, V>, key: impl Fn(&V) -> &str, place: impl Fn(&mut V) -> &mut Option<Contour>) -> Result<()> {
    if !along.wants("contour") {
        return Ok(());
    }
    let keys: Vec<String> = along.views.iter().map(|(_, view)| key(view).to_owned()).collect();
    let drawn = contours::drawn(noun, &keys, along.conn).await?;
    for (_, view) in along.views.iter_mut() {
        *place(view) = drawn.get(key(view)).cloned();
    }
    Ok(())
}
