//! What the service is about: one file a noun. A noun never imports a noun; they meet in tables.

pub mod action_fiches;
pub mod changes;
pub mod committees;
pub mod health;
pub mod history;
pub mod keys;
pub mod oauth;
pub mod partners;
pub mod people;
pub mod programme_phases;
pub mod territories;
pub mod themes;

use utoipa_actix_web::service_config::ServiceConfig;

/// The operations of every noun, below `/api/v1`.
pub fn routes(routes: &mut ServiceConfig) {
    programme_phases::routes(routes);
    themes::routes(routes);
    territories::routes(routes);
    partners::routes(routes);
    people::routes(routes);
    committees::routes(routes);
    action_fiches::routes(routes);
    history::routes(routes);
    changes::routes(routes);
    keys::routes(routes);
}
