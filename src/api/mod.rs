//! What the service is about: one file for each noun. A noun never imports another noun: nouns meet in the tables only.

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
pub mod indicators;
pub mod keys;
pub mod meetings;
pub mod oauth;
pub mod objectives;
pub mod observations;
pub mod partners;
pub mod people;
pub mod posts;
pub mod programme_phases;
pub mod support_tools;
pub mod territories;
pub mod themes;

use actix_web::guard::fn_guard;
use utoipa_actix_web::{scope::scope, service_config::ServiceConfig};

use crate::noun::Face;

/// All nouns, in the order of the document. This is the only list of nouns: the document, the feed, the history, the demo and the tests of
/// the ledger read it.
pub const NOUNS: &[Face] = &[
    Face::of::<programme_phases::ProgrammePhase>(),
    Face::of::<themes::Theme>(),
    Face::of::<territories::Territory>(),
    Face::of::<partners::Partner>(),
    Face::of::<people::Person>(),
    Face::of::<committees::Committee>(),
    Face::of::<action_fiches::ActionFiche>(),
    Face::of::<documents::Document>(),
    Face::of::<support_tools::SupportTool>(),
    Face::of::<objectives::Objective>(),
    Face::of::<meetings::Meeting>(),
    Face::of::<events::Event>(),
    Face::of::<agreements::Agreement>(),
    Face::of::<diagnoses::Diagnosis>(),
    Face::of::<posts::Post>(),
    Face::of::<indicators::Indicator>(),
    Face::of::<observations::Observation>(),
    Face::of::<citations::Citation>(),
];

/// Every noun and every part, by the names of their tables: what the ledger keeps.
pub fn kept() -> impl Iterator<Item = &'static Face> {
    NOUNS.iter().flat_map(Face::family)
}

/// The names of all nouns and parts, as in the feed and in addresses, in alphabetical order.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = kept().map(|face| face.card.name()).collect();
    names.sort_unstable();
    names
}

/// Registers all operations, below `/api/v1`. actix tries routes one after the other, and there are about three hundred: so a request is
/// compared with the routes of its own noun or of its own part only.
pub fn routes(routes: &mut ServiceConfig) {
    for face in NOUNS {
        let name = face.card.name();
        // `/api/v1/{name}`
        let theirs = fn_guard(move |request| request.head().uri.path().split('/').nth(3) == Some(&name));
        routes.service(scope("").guard(theirs).configure(face.routes));
    }
    geography::routes(routes);
    changes::routes(routes);
    keys::routes(routes);
}
