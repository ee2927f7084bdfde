//! Is the service alive, and is it ready? Cheap to ask, so that asking never weighs.

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

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`, or there would be no such answer.
    #[schema(max_length = 10)]
    status: &'static str,
    /// The version of the service.
    #[schema(max_length = 50)]
    version: &'static str,
}

const OK: Health = Health { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// How long an answer holds.
const HOLDS: Duration = Duration::from_secs(1);

thread_local! {
    /// When this worker last found itself ready.
    static READY_AT: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Its operations, beside `/api/v1`.
pub fn routes(routes: &mut ServiceConfig) {
    routes.service(read_live_health).service(read_ready_health);
}

/// Is the service alive?
#[utoipa::path(responses((status = OK, body = Health)))]
#[get("/health/live")]
async fn read_live_health() -> Momentary<Health> {
    Momentary(OK)
}

/// Is the service ready: its database reachable, and of the schema it knows?
#[utoipa::path(responses((status = OK, body = Health)))]
#[get("/health/ready")]
async fn read_ready_health(db: Data<Db>) -> Result<Momentary<Health>> {
    if READY_AT.get().is_none_or(|at| at.elapsed() > HOLDS) {
        READY_AT.set(None);
        db.read(async |conn| migrate::expected(conn).await).await?;
        READY_AT.set(Some(Instant::now()));
    }
    Ok(Momentary(OK))
}
