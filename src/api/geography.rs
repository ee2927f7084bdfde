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
