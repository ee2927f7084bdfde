//! The smallest valid body of each noun and part. A noun without one is named by `walk.rs`.

use std::pin::Pin;

use serde_json::{Value, json};

use super::Client;

/// Makes a body, and first what it leans on.
type Body = for<'a> fn(&'a Client, u32) -> Pin<Box<dyn Future<Output = Value> + 'a>>;

/// What the walk needs to know of a noun.
pub struct Maker {
    /// Its path, with `{id}` where a parent's identifier goes.
    pub path: &'static str,
    /// A body of its own; what it leans on is made first. Numbers keep two bodies apart.
    pub body: Body,
    /// A change to it, and a member that may not be null. None when it cannot change.
    pub change: Option<(Value, &'static str)>,
}

/// Makes a thing, and gives its identifier.
pub async fn make(client: &Client, path: &str, body: Value) -> String {
    let made = client.post(path, body).await.expect(201);
    made.body["id"].as_str().unwrap().to_owned()
}

pub async fn phase(client: &Client, number: u32) -> String {
    make(client, "/programme-phases", json!({ "number": number, "name": format!("Phase {number}") })).await
}

pub async fn territory(client: &Client, name: &str) -> String {
    make(client, "/territories", json!({ "name": name })).await
}

pub async fn theme(client: &Client, code: &str) -> String {
    make(client, "/themes", json!({ "scheme": "essai", "code": code, "label_fr": code, "label_en": code, "position": 1 })).await
}

pub async fn partner(client: &Client, name: &str) -> String {
    make(client, "/partners", json!({ "name": name, "kind": "company" })).await
}

pub async fn person(client: &Client, name: &str) -> String {
    make(client, "/people", json!({ "name": name, "publication_basis": "elected_mandate" })).await
}

/// All of them. Parts come after their parents.
pub fn makers() -> Vec<Maker> {
    vec![
        Maker {
            path: "/programme-phases",
            body: |_, n| Box::pin(async move { json!({ "number": n + 100, "name": format!("Phase {n}") }) }),
            change: Some((json!({ "description": "Une phase" }), "name")),
        },
        Maker {
            path: "/themes",
            body: |_, n| {
                Box::pin(async move {
                    json!({ "scheme": "marche", "code": format!("theme_{n}"), "label_fr": "Thème", "label_en": "Theme", "position": 1 })
                })
            },
            change: Some((json!({ "label_fr": "Autre" }), "code")),
        },
        Maker {
            path: "/themes/{id}/correspondences",
            body: |client, n| Box::pin(async move { json!({ "other_theme_id": theme(client, &format!("autre_{n}")).await }) }),
            change: Some((json!({ "note": "Proches" }), "other_theme_id")),
        },
        Maker {
            path: "/territories",
            body: |_, n| Box::pin(async move { json!({ "name": format!("Territoire {n}") }) }),
            change: Some((json!({ "website": "https://exemple.fr/" }), "name")),
        },
        Maker {
            path: "/territories/{id}/labels",
            body: |client, n| Box::pin(async move { json!({ "phase_id": phase(client, n + 200).await, "status": "labelled" }) }),
            change: Some((json!({ "official_code": "ti-2801" }), "status")),
        },
        Maker {
            path: "/territories/{id}/members",
            body: |_, _| Box::pin(async { json!({ "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon" }) }),
            change: Some((json!({ "coordinator": true }), "name")),
        },
        Maker {
            path: "/territories/{id}/successions",
            body: |client, n| Box::pin(async move { json!({ "successor_id": territory(client, &format!("Suite {n}")).await, "kind": "continued" }) }),
            change: Some((json!({ "happened_on": "2023-11-09" }), "kind")),
        },
        Maker {
            path: "/partners",
            body: |_, n| Box::pin(async move { json!({ "name": format!("Partenaire {n}"), "kind": "company" }) }),
            change: Some((json!({ "acronym": "P" }), "kind")),
        },
        Maker {
            path: "/partners/{id}/commitments",
            body: |client, n| {
                Box::pin(async move {
                    json!({ "territory_id": territory(client, &format!("Engagé {n}")).await, "side": "economic", "text": "S'engage." })
                })
            },
            change: Some((json!({ "text": "S'engage encore." }), "side")),
        },
        Maker {
            path: "/people",
            body: |_, n| Box::pin(async move { json!({ "publication_basis": "elected_mandate", "name": format!("Personne {n}") }) }),
            change: Some((json!({ "variants": ["Autre graphie"] }), "name")),
        },
        Maker {
            path: "/people/{id}/mandates",
            body: |_, _| Box::pin(async { json!({ "function": "Maire" }) }),
            change: Some((json!({ "starts_on": "2020-07-04" }), "function")),
        },
        Maker {
            path: "/committees",
            body: |_, n| Box::pin(async move { json!({ "name": format!("Comité {n}"), "level": "territorial", "kind": "project" }) }),
            change: Some((json!({ "declared_size": 10, "declared_size_qualifier": "about" }), "level")),
        },
        Maker {
            path: "/committees/{id}/seats",
            body: |_, _| Box::pin(async { json!({ "function": "Chef d'entreprise" }) }),
            change: Some((json!({ "capacity": "chair" }), "capacity")),
        },
        Maker {
            path: "/action-fiches",
            body: |client, n| {
                Box::pin(async move { json!({ "territory_id": territory(client, &format!("Fiches {n}")).await, "title": format!("Fiche {n}") }) })
            },
            change: Some((json!({ "budget_eur": 1234.56, "budget_basis": "excl_tax" }), "title")),
        },
        Maker {
            path: "/action-fiches/{id}/participants",
            body: |client, n| Box::pin(async move { json!({ "partner_id": partner(client, &format!("Participant {n}")).await, "role": "lead" }) }),
            change: Some((json!({ "role": "owner" }), "role")),
        },
        Maker {
            path: "/action-fiches/{id}/themes",
            body: |client, n| Box::pin(async move { json!({ "theme_id": theme(client, &format!("fiche_{n}")).await }) }),
            change: None,
        },
    ]
}
