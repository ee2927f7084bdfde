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

use actix_web::guard::fn_guard;
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

/// The operations of every noun, below `/api/v1`. There are some three hundred, and routes are tried one after the other: a
/// request is held against those of its own noun alone.
pub fn routes(routes: &mut ServiceConfig) {
    noun(routes, "programme-phases", programme_phases::routes);
    noun(routes, "themes", themes::routes);
    noun(routes, "territories", |routes| {
        territories::routes(routes);
        overview::routes(routes);
        plan::routes(routes);
    });
    noun(routes, "partners", partners::routes);
    noun(routes, "people", people::routes);
    noun(routes, "committees", committees::routes);
    noun(routes, "action-fiches", action_fiches::routes);
    noun(routes, "documents", documents::routes);
    noun(routes, "support-tools", support_tools::routes);
    noun(routes, "objectives", objectives::routes);
    noun(routes, "meetings", meetings::routes);
    noun(routes, "events", events::routes);
    noun(routes, "agreements", agreements::routes);
    noun(routes, "diagnoses", diagnoses::routes);
    noun(routes, "posts", posts::routes);
    noun(routes, "indicators", indicators::routes);
    noun(routes, "observations", observations::routes);
    noun(routes, "citations", citations::routes);
    geography::routes(routes);
    changes::routes(routes);
    keys::routes(routes);
}

/// The operations of the noun whose paths begin with this, and its history.
fn noun(routes: &mut ServiceConfig, name: &'static str, operations: impl FnOnce(&mut ServiceConfig)) {
    // `/api/v1/{name}`
    let theirs = fn_guard(move |request| request.head().uri.path().split('/').nth(3) == Some(name));
    routes.service(scope("").guard(theirs).configure(|routes| {
        operations(routes);
        history::routes(name, routes);
    }));
}
