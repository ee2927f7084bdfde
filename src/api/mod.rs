//! What the service is about: one file a noun. A noun never imports a noun; they meet in tables.

pub mod action_fiches;
pub mod agreements;
pub mod changes;
pub mod citations;
pub mod committees;
pub mod diagnoses;
pub mod documents;
pub mod events;
pub mod geography;
pub mod health;
pub mod history;
pub mod indicators;
pub mod keys;
pub mod meetings;
pub mod oauth;
pub mod objectives;
pub mod observations;
pub mod overview;
pub mod partners;
pub mod people;
pub mod plan;
pub mod posts;
pub mod programme_phases;
pub mod support_tools;
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
    documents::routes(routes);
    support_tools::routes(routes);
    objectives::routes(routes);
    meetings::routes(routes);
    events::routes(routes);
    agreements::routes(routes);
    diagnoses::routes(routes);
    posts::routes(routes);
    indicators::routes(routes);
    observations::routes(routes);
    citations::routes(routes);
    overview::routes(routes);
    plan::routes(routes);
    geography::routes(routes);
    history::routes(routes);
    changes::routes(routes);
    keys::routes(routes);
}
