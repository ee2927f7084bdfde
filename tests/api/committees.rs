//! What is particular to committees, partners and territories: composition at a date, and what refers to what.

use serde_json::json;

use crate::support::{house, makers};

#[actix_web::test]
async fn a_committee_is_composed_at_a_date() {
    let house = house().await;
    let body = json!({ "name": "Comité de projet", "level": "territorial", "kind": "project", "seats": [
        { "function": "Président", "capacity": "chair", "starts_on": "2019-05-11", "ends_on": "2020-06-30" },
        { "function": "Nouvelle présidente", "capacity": "chair", "starts_on": "2020-07-01" },
        { "function": "Sous-préfète", "side": "state", "may_be_represented": true },
    ] });
    let one = house.post("/committees", body).await.expect(201).location.unwrap();
    for (day, functions) in [
        ("2018-01-01", vec!["Sous-préfète"]),
        ("2020-06-30", vec!["Président", "Sous-préfète"]),
        ("2020-07-01", vec!["Nouvelle présidente", "Sous-préfète"]),
    ] {
        let seats = house.anyone.get(&format!("{one}/seats?on={day}")).await.expect(200);
        let mut there: Vec<&str> = seats.rows().iter().map(|seat| seat["function"].as_str().unwrap()).collect();
        there.sort_unstable();
        assert_eq!(there, functions, "{day}");
    }
    let seat = house.get(&format!("{one}/seats?capacity=member")).await.expect(200).rows()[0]["id"].clone();
    let alternate = json!({ "function": "Secrétaire général", "capacity": "alternate", "alternate_of": seat });
    house.post(&format!("{one}/seats"), alternate.clone()).await.expect(201);
    let other = makers::make(&house, "/committees", json!({ "name": "Autre", "level": "national", "kind": "steering" })).await;
    let refused = house.post(&format!("/committees/{other}/seats"), alternate).await.expect(422);
    assert_eq!(refused.wrongs(), [("/alternate_of".to_owned(), "unknown_reference".to_owned())], "an alternate sits in the same committee");
    let empty = house.post(&format!("{one}/seats"), json!({ "side": "elected" })).await.expect(422);
    assert_eq!(empty.wrongs(), [(String::new(), "broken_rule".to_owned())]);
    let turned =
        house.post(&format!("{one}/seats"), json!({ "function": "x", "starts_on": "2020-01-02", "ends_on": "2020-01-01" })).await.expect(422);
    assert_eq!(turned.wrongs(), [(String::new(), "broken_rule".to_owned())]);
}

#[actix_web::test]
async fn what_is_referred_to_stays() {
    let house = house().await;
    let partner = makers::partner(&house, "A2MI").await;
    let person =
        makers::make(&house, "/people", json!({ "name": "Christophe Guineheux", "mandates": [{ "partner_id": partner, "function": "Gérant" }] }))
            .await;
    let kept = house.delete(&format!("/partners/{partner}"), Some("\"v1\"")).await.expect(409);
    assert_eq!(kept.body["code"], "still_referenced");
    house.delete(&format!("/people/{person}"), Some("\"v1\"")).await.expect(204);
    house.get(&format!("/people/{person}/mandates")).await.expect(410);
    house.anyone.get(&format!("/people/{person}/mandates")).await.expect(404);
    house.delete(&format!("/partners/{partner}"), Some("\"v1\"")).await.expect(204);
}

#[actix_web::test]
async fn a_part_is_found_below_its_own_whole_only() {
    let house = house().await;
    let [here, there] = [makers::territory(&house, "Ici").await, makers::territory(&house, "Là").await];
    let member = makers::make(&house, &format!("/territories/{here}/members"), json!({ "kind": "other", "name": "Pacé" })).await;
    house.anyone.get(&format!("/territories/{here}/members/{member}")).await.expect(200);
    house.anyone.get(&format!("/territories/{there}/members/{member}")).await.expect(404);
    house.patch(&format!("/territories/{there}/members/{member}"), Some("\"v1\""), json!({ "coordinator": true })).await.expect(404);
    house.delete(&format!("/territories/{there}/members/{member}"), Some("\"v1\"")).await.expect(404);
    assert_eq!(house.anyone.get(&format!("/territories/{there}/members")).await.expect(200).rows().len(), 0);
}

/// One official code names one territory in a phase, and may name another in another phase.
#[actix_web::test]
async fn an_official_code_is_unique_within_its_phase_only() {
    let house = house().await;
    let [first, second] = [makers::phase(&house, 1).await, makers::phase(&house, 2).await];
    let [seine, alencon] = [makers::territory(&house, "Axe Seine").await, makers::territory(&house, "Alençon").await];
    let label = |phase: &str| json!({ "phase_id": phase, "official_code": "ti-2801", "status": "labelled" });
    house.post(&format!("/territories/{seine}/labels"), label(&first)).await.expect(201);
    house.post(&format!("/territories/{alencon}/labels"), label(&first)).await.expect(409);
    house.post(&format!("/territories/{alencon}/labels"), label(&second)).await.expect(201);
    house.post(&format!("/territories/{seine}/labels"), json!({ "phase_id": second, "status": "candidate" })).await.expect(201);
    let names = async |query: String| -> Vec<String> {
        let page = house.anyone.get(&format!("/territories?{query}")).await.expect(200);
        page.rows().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("official_code=ti-2801".to_owned()).await, ["Alençon", "Axe Seine"]);
    // What is asked of labels is asked of one and the same label.
    assert_eq!(names(format!("official_code=ti-2801&phase_id={second}")).await, ["Alençon"]);
    assert_eq!(names(format!("official_code=ti-2801&phase_id={first}")).await, ["Axe Seine"]);
    // And what is asked of members, of one and the same member.
    for member in [
        json!({ "kind": "intercommunality", "siren": "246100663", "name": "CUA" }),
        json!({ "kind": "commune", "commune_code": "61001", "name": "Alençon" }),
    ] {
        house.post(&format!("/territories/{alencon}/members"), member).await.expect(201);
    }
    for (query, found) in [("member_siren=246100663", 1), ("member_commune_code=61001", 1), ("member_siren=246100663&member_commune_code=61001", 0)] {
        assert_eq!(names(query.to_owned()).await.len(), found, "{query}");
    }
}
