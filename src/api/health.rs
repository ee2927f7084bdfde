//! Is the service alive, and is it ready? Supervisors ask often, so the answers are cheap.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use actix_web::{get, web::Data};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::{
    db::{Db, migrate},
    http::{Momentary, Result},
};

/// The state of the service.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`. In any other state the answer is a problem.
    #[schema(max_length = 10)]
    status: &'static str,
    /// The version of the service.
    #[schema(max_length = 50)]
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// The time for which a positive answer is reused.
const HOLDS: Duration = Duration::from_secs(1);

thread_local! {
    /// The instant at which this worker last found the service ready.
    static READY_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Registers the operations, which stand beside `/api/v1`.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_live_health).service(read_ready_health);
}

/// Is the service alive?
#[utoipa::path(responses((status = OK, body = Health)))]
#[get("/health/live")]
async fn read_live_health() -> Momentary<Health> {
    Momentary(OK)
}

/// Is the service ready: does it reach its database, and does it know the schema there?
#[utoipa::path(responses((status = OK, body = Health)))]
#[get("/health/ready")]
async fn read_ready_health(db: Data<Db>) -> Result<Momentary<Health>> {
    if READY_AT.get().is_none_or(|at| at.elapsed() > HOLDS) {
        READY_AT.set(None);
        db.run(async |conn| migrate::expected(conn).await).await?;
        READY_AT.set(Some(Instant::now()));
    }
    Ok(Momentary(OK))
}
