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

/// Every noun, in the order of the document. The document, the feed, history, the demo and the ledger's tests read this list;
/// there is no other.
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

/// Their names, as the feed and addresses say them, in the order of the alphabet.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = kept().map(|face| face.card.name()).collect();
    names.sort_unstable();
    names
}

/// All operations, below `/api/v1`. There are some three hundred, and routes are tried one after the other: a request is held
/// against those of its own noun alone.
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
