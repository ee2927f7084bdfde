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

pub async fn fiche(client: &Client, n: u32) -> String {
    let territory_id = territory(client, &format!("De la fiche {n}")).await;
    make(client, "/action-fiches", json!({ "territory_id": territory_id, "title": format!("Fiche {n}") })).await
}

pub async fn indicator(client: &Client, n: u32) -> String {
    make(client, "/indicators", json!({ "code": format!("mesure_{n}"), "label_fr": "Mesure", "unit": "emplois" })).await
}

pub async fn cited(client: &Client, n: u32) -> Value {
    let document = make(client, "/documents", json!({ "title": format!("Source {n}"), "kind": "report" })).await;
    json!({ "document_id": document, "noun": "partners", "thing_id": partner(client, &format!("Cité {n}")).await })
}

pub async fn tool(client: &Client, n: u32) -> String {
    make(client, "/support-tools", json!({ "name": format!("Outil de {n}"), "kind": "funding" })).await
}

/// A decision that a meeting of this territory takes on this fiche.
pub async fn decide(client: &Client, territory: &str, fiche: &str, effect: &str, reason: &str) -> super::Answer {
    let decision = json!({ "text": "Le comité décide.", "action_fiche_id": fiche, "effect": effect, "reason": reason });
    client.post("/meetings", json!({ "territory_id": territory, "decisions": [decision] })).await
}

/// The body of a noun or part by the path of its maker.
pub async fn body(client: &Client, path: &str, n: u32) -> Value {
    let maker = makers().into_iter().find(|maker| maker.path == path);
    let maker = maker.unwrap_or_else(|| panic!("nothing makes one of {path}. To fix this: add its maker to tests/api/support/makers.rs"));
    (maker.body)(client, n).await
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
            body: |client, n| Box::pin(async move { json!({ "phase_id": phase(client, n + 10_000).await, "status": "labelled" }) }),
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
        Maker {
            path: "/action-fiches/{id}/funding-lines",
            body: |_, _| Box::pin(async { json!({ "funder": "state" }) }),
            change: Some((json!({ "requested_eur": 1234.56, "requested_on": "2024-03-01" }), "funder")),
        },
        Maker {
            path: "/action-fiches/{id}/milestones",
            body: |_, n| Box::pin(async move { json!({ "title": format!("Jalon {n}") }) }),
            change: Some((json!({ "planned_on": "2025-01-31" }), "title")),
        },
        Maker {
            path: "/action-fiches/{id}/locations",
            body: |_, _| Box::pin(async { json!({ "label": "Parc d'activités" }) }),
            change: Some((json!({ "commune_code": "14762" }), "label")),
        },
        Maker {
            path: "/action-fiches/{id}/notes",
            body: |_, _| Box::pin(async { json!({ "dated_on": "2025-01-31", "text": "Les travaux avancent." }) }),
            change: Some((json!({ "dated_on": "2025-02-28" }), "text")),
        },
        Maker {
            path: "/action-fiches/{id}/tools",
            body: |client, n| Box::pin(async move { json!({ "support_tool_id": tool(client, n).await }) }),
            change: None,
        },
        Maker {
            path: "/documents",
            body: |_, n| Box::pin(async move { json!({ "title": format!("Document {n}"), "kind": "minutes" }) }),
            change: Some((json!({ "url": "https://exemple.fr/compte-rendu" }), "title")),
        },
        Maker {
            path: "/support-tools",
            body: |_, n| Box::pin(async move { json!({ "name": format!("Outil {n}"), "kind": "funding" }) }),
            change: Some((json!({ "description": "Une aide." }), "kind")),
        },
        Maker {
            path: "/objectives",
            body: |client, n| {
                Box::pin(
                    async move { json!({ "territory_id": territory(client, &format!("Objectifs {n}")).await, "wording": format!("Objectif {n}") }) },
                )
            },
            change: Some((json!({ "position": 2 }), "wording")),
        },
        Maker {
            path: "/meetings",
            body: |client, n| {
                Box::pin(async move { json!({ "territory_id": territory(client, &format!("Réunions {n}")).await, "purposes": ["Faire le point"] }) })
            },
            change: Some((
                json!({ "held_on": "2019-09-26", "held_stated": "jeudi 26 septembre 2019", "held_precision": "day", "held_confidence": "certain" }),
                "status",
            )),
        },
        Maker {
            path: "/meetings/{id}/attendances",
            body: |_, _| Box::pin(async { json!({ "function": "Chargé de mission" }) }),
            change: Some((json!({ "status": "excused" }), "status")),
        },
        Maker {
            path: "/meetings/{id}/decisions",
            body: |_, _| Box::pin(async { json!({ "text": "Le comité prend acte." }) }),
            change: Some((json!({ "reason": "Au vu du dossier." }), "text")),
        },
        Maker {
            path: "/events",
            body: |_, n| Box::pin(async move { json!({ "name": format!("Atelier {n}"), "kind": "workshop" }) }),
            change: Some((json!({ "starts_on": "2019-04-15", "starts_precision": "day" }), "kind")),
        },
        Maker {
            path: "/events/{id}/sequences",
            body: |_, n| Box::pin(async move { json!({ "position": n + 1, "purpose": "Hiérarchiser" }) }),
            change: Some((json!({ "result": "Un classement" }), "purpose")),
        },
        Maker {
            path: "/events/{id}/measures",
            body: |_, n| Box::pin(async move { json!({ "label": format!("Présents {n}"), "value": 43 }) }),
            change: Some((json!({ "qualifier": "about" }), "value")),
        },
        Maker {
            path: "/events/{id}/participants",
            body: |_, _| Box::pin(async { json!({ "category": "Organismes de formation" }) }),
            change: Some((json!({ "role": "guest" }), "role")),
        },
        Maker {
            path: "/agreements",
            body: |client, n| {
                Box::pin(async move {
                    json!({ "territory_id": territory(client, &format!("Contrats {n}")).await, "title": format!("Contrat {n}"), "kind": "contract", "status": "planned" })
                })
            },
            change: Some((json!({ "declared_fiches": 9 }), "status")),
        },
        Maker {
            path: "/agreements/{id}/signatories",
            body: |_, _| Box::pin(async { json!({ "function": "Ministre", "capacity": "signs" }) }),
            change: Some((json!({ "capacity": "in_presence_of" }), "capacity")),
        },
        Maker {
            path: "/agreements/{id}/approvals",
            body: |client, n| {
                Box::pin(async move { json!({ "partner_id": partner(client, &format!("Approuve {n}")).await, "outcome": "approved" }) })
            },
            change: Some((json!({ "outcome": "reserved" }), "outcome")),
        },
        Maker {
            path: "/agreements/{id}/fiches",
            body: |client, n| Box::pin(async move { json!({ "action_fiche_id": fiche(client, n).await }) }),
            change: Some((json!({ "commitment": "firm" }), "commitment")),
        },
        Maker {
            path: "/diagnoses",
            body: |client, n| {
                Box::pin(async move { json!({ "territory_id": territory(client, &format!("Diagnostics {n}")).await, "title": "Diagnostic" }) })
            },
            change: Some((json!({ "declared_ambitions": 10 }), "title")),
        },
        Maker {
            path: "/diagnoses/{id}/findings",
            body: |_, _| Box::pin(async { json!({ "kind": "strength", "text": "Un tissu dense" }) }),
            change: Some((json!({ "cause_kind": "structural" }), "text")),
        },
        Maker {
            path: "/diagnoses/{id}/stakes",
            body: |_, _| Box::pin(async { json!({ "label": "Attractivité" }) }),
            change: Some((json!({ "rank": 1 }), "label")),
        },
        Maker {
            path: "/diagnoses/{id}/ambitions",
            body: |_, _| Box::pin(async { json!({ "text": "Assurer la pérennité du tissu" }) }),
            change: Some((json!({ "position": 1 }), "text")),
        },
        Maker {
            path: "/posts",
            body: |client, n| {
                Box::pin(async move { json!({ "territory_id": territory(client, &format!("Postes {n}")).await, "title": "Chef de projet" }) })
            },
            change: Some((json!({ "note": "Un des premiers postes" }), "kind")),
        },
        Maker {
            path: "/posts/{id}/funding-lines",
            body: |_, _| Box::pin(async { json!({ "funder": "state" }) }),
            change: Some((json!({ "amount_eur": 1234.56 }), "funder")),
        },
        Maker {
            path: "/indicators",
            body: |_, n| Box::pin(async move { json!({ "code": format!("indicateur_{n}"), "label_fr": "Indicateur", "unit": "emplois" }) }),
            change: Some((json!({ "definition": "Au sens de la source" }), "unit")),
        },
        Maker {
            path: "/observations",
            body: |client, n| Box::pin(async move { json!({ "indicator_id": indicator(client, n).await, "subject": "country", "value": 12.5 }) }),
            change: Some((json!({ "qualifier": "over" }), "kind")),
        },
        Maker {
            path: "/citations",
            body: |client, n| Box::pin(async move { cited(client, n).await }),
            change: Some((json!({ "passage": "page 3" }), "relation")),
        },
    ]
}
