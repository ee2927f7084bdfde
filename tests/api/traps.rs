//! What the model must not get wrong: each of the seventeen traps seen in the sources and the official lists, as a test that
//! fails if the model falls into it. (The first three and the sixth once more, on the official lists, in `official.rs`.)

use serde_json::{Value, json};

use crate::support::{Client, demo_house, house, makers};

async fn total(client: &Client, path: &str) -> i64 {
    let separator = if path.contains('?') { '&' } else { '?' };
    client.get(&format!("{path}{separator}count=true&limit=1")).await.expect(200).body["meta"]["total"].as_i64().unwrap()
}

async fn only(client: &Client, path: &str) -> Value {
    let found = client.get(path).await.expect(200);
    assert_eq!(found.rows().len(), 1, "{path}: {}", found.body);
    found.rows()[0].clone()
}

fn id(thing: &Value) -> &str {
    thing["id"].as_str().unwrap()
}

/// Trap 1: the same code names another territory in another phase.
#[actix_web::test]
async fn an_official_code_is_no_identity() {
    let house = demo_house().await;
    let phases = house.all("/programme-phases?sort=number").await;
    let of = |phase: usize| format!("/territories?official_code=ti-2801&phase_id={}", id(&phases[phase]));
    assert_eq!(only(&house, &of(0)).await["name"], "Vallée de la Seine");
    let alencon = only(&house, &of(1)).await;
    assert_eq!(alencon["name"], "Alençon");
    assert_eq!(total(&house, "/territories?official_code=ti-2801").await, 2);
    let other = makers::territory(&house, "Autre").await;
    let label = |phase: usize| json!({ "phase_id": id(&phases[phase]), "official_code": "ti-2801", "status": "labelled" });
    house.post(&format!("/territories/{other}/labels"), label(1)).await.expect(409);
    // What is behind is an identifier of our own: no code leads to a territory, and one that gets another code stays where it was.
    house.get("/territories/ti-2801").await.expect(404);
    let labels = format!("/territories/{}/labels", id(&alencon));
    let own = only(&house, &format!("{labels}?official_code=ti-2801")).await;
    house.patch(&format!("{labels}/{}", id(&own)), Some("*"), json!({ "official_code": "ti-2890" })).await.expect(200);
    assert_eq!(id(&only(&house, &format!("/territories?official_code=ti-2890&phase_id={}", id(&phases[1]))).await), id(&alencon));
    house.post(&format!("/territories/{other}/labels"), label(1)).await.expect(201);
}

/// Trap 2: a territory continues, splits, merges, disappears: many to many.
#[actix_web::test]
async fn successions_are_many_to_many() {
    let house = house().await;
    let mut ids = Vec::new();
    for name in ["Un", "Deux", "Trois", "Quatre"] {
        ids.push(makers::territory(&house, name).await);
    }
    for (was, is, kind) in [(0, 2, "split"), (0, 3, "split"), (1, 3, "merged")] {
        house.post(&format!("/territories/{}/successions", ids[was]), json!({ "successor_id": ids[is], "kind": kind })).await.expect(201);
    }
    let all = house.all("/territories?include=successions&sort=name").await;
    let heirs = |name: &str| all.iter().find(|row| row["name"] == name).unwrap()["successions"].as_array().unwrap().len();
    assert_eq!(["Un", "Deux", "Trois", "Quatre"].map(heirs), [2, 1, 0, 0]);
}

/// Trap 3: which territory an intercommunality is in depends on the day.
#[actix_web::test]
async fn membership_has_a_phase_and_dates() {
    let house = house().await;
    let (first, second) = (makers::phase(&house, 1).await, makers::phase(&house, 2).await);
    let member = |phase: &str, from: &str, to: Option<&str>| json!({ "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon", "phase_id": phase, "starts_on": from, "ends_on": to });
    for (name, phase, from, to) in [("Avant", &first, "2019-01-01", Some("2023-11-08")), ("Après", &second, "2023-11-09", None)] {
        house.post("/territories", json!({ "name": name, "members": [member(phase, from, to)] })).await.expect(201);
    }
    let asked = async |query: &str| only(&house, &format!("/territories?member_siren=246100663&{query}")).await["name"].clone();
    assert_eq!(asked("member_on=2020-06-30").await, "Avant");
    assert_eq!(asked("member_on=2026-06-30").await, "Après");
    assert_eq!(asked(&format!("member_phase_id={first}")).await, "Avant");
    assert_eq!(total(&house, "/territories?member_siren=246100663").await, 2);
}

/// Trap 4: a member may be a commune, and its SIREN does not say so.
#[actix_web::test]
async fn the_kind_of_a_member_is_stated() {
    let house = house().await;
    let glieres = json!({ "kind": "commune", "siren": "200081446", "commune_code": "74212", "name": "Glières-Val-de-Borne" });
    let made = house.post("/territories", json!({ "name": "T", "members": [glieres] })).await.expect(201).location.unwrap();
    assert_eq!(only(&house, &format!("{made}/members?kind=commune")).await["siren"], "200081446");
    let unsaid = house.post(&format!("{made}/members"), json!({ "siren": "200081446", "name": "G" })).await.expect(422);
    assert_eq!(unsaid.wrongs(), [("/kind".to_owned(), "missing_field".to_owned())]);
}

/// Trap 5: names have their time; a deed keeps the one that stands on it.
#[actix_web::test]
async fn names_change_and_deeds_keep_theirs() {
    let house = house().await;
    let partner = makers::partner(&house, "Pays Bellegardien").await;
    let territory = makers::territory(&house, "T").await;
    let agreement =
        makers::make(&house, "/agreements", json!({ "title": "Protocole", "kind": "protocol", "territory_id": territory, "status": "signed" })).await;
    let signs = json!({ "partner_id": partner, "capacity": "signs", "organisation_as_stated": "Pays Bellegardien" });
    makers::make(&house, &format!("/agreements/{agreement}/signatories"), signs).await;
    let renamed = json!({ "name": "Terre Valserhône", "aliases": [{ "name": "Pays Bellegardien", "valid_to": "2020-12-31" }] });
    house.patch(&format!("/partners/{partner}"), Some("*"), renamed).await.expect(200);
    assert_eq!(only(&house, &format!("/agreements/{agreement}/signatories")).await["organisation_as_stated"], "Pays Bellegardien");
    assert_eq!(only(&house, "/partners?q=bellegardien").await["name"], "Terre Valserhône");
}

/// Trap 6: departments and regions are those of the communes, several of each; the digits in a code say nothing.
#[actix_web::test]
async fn regions_are_computed_from_communes() {
    let house = demo_house().await;
    let bresle = async |query: &str| total(&house, &format!("/territories?name=Vall%C3%A9e%20de%20la%20Bresle&{query}")).await;
    assert_eq!((bresle("official_code=ti-3213").await, bresle("region_code=32").await, bresle("region_code=28").await), (1, 1, 1));
    assert_eq!(total(&house, "/territories?name=Alen%C3%A7on&region_code=28&department_code=72").await, 1);
}

/// Trap 7: a lead group has any size and shape; a person has many hats, a company many names.
#[actix_web::test]
async fn governance_has_no_fixed_shape() {
    let house = demo_house().await;
    let groups = house.all("/committees?kind=lead_group&include=seats").await;
    let sizes: std::collections::BTreeSet<usize> = groups.iter().map(|group| group["seats"].as_array().unwrap().len()).collect();
    assert!(sizes.len() > 2, "{sizes:?}");
    let mut hats = std::collections::HashMap::new();
    for group in house.all("/committees?include=seats").await {
        for person in group["seats"].as_array().unwrap().iter().filter_map(|seat| seat["person_id"].as_str()) {
            hats.entry(person.to_owned()).or_insert_with(std::collections::HashSet::new).insert(id(&group).to_owned());
        }
    }
    assert!(hats.values().any(|committees| committees.len() > 1), "nobody sits in two committees");
    let airbus =
        house.post("/partners", json!({ "name": "Airbus Atlantic", "kind": "company", "aliases": [{ "name": "STELIA", "valid_to": "2021-12-31" }] }));
    airbus.await.expect(201);
    assert_eq!(only(&house, "/partners?q=stelia").await["name"], "Airbus Atlantic");
}

/// Trap 8: themes differ by phase and place; a fiche has several, of any scheme, or none.
#[actix_web::test]
async fn a_fiche_has_themes_of_any_scheme_or_none() {
    let house = demo_house().await;
    let anjou = only(&house, "/territories?name=Anjou%20Bleu").await;
    let fiches = house.all(&format!("/action-fiches?territory_id={}&include=themes", id(&anjou))).await;
    assert_eq!((fiches.len(), fiches.iter().filter(|fiche| fiche["themes"] == json!([])).count()), (9, 9));
    let schemes: std::collections::BTreeSet<String> =
        house.all("/themes").await.iter().map(|theme| theme["scheme"].as_str().unwrap().to_owned()).collect();
    assert!(schemes.contains("phase-1") && schemes.contains("phase-2"), "{schemes:?}");
    let path = format!("/action-fiches/{}/themes", id(&fiches[0]));
    for scheme in ["phase-1", "phase-2"] {
        let theme = &house.all(&format!("/themes?scheme={scheme}")).await[0];
        house.post(&path, json!({ "theme_id": id(theme) })).await.expect(201);
    }
    assert_eq!(total(&house, &path).await, 2);
}

/// Trap 9: who takes part in a fiche does not own it: sums over partners count the shared ones twice.
#[actix_web::test]
async fn a_shared_fiche_is_one_fiche() {
    let house = demo_house().await;
    let [vire, flers] = ["200068799", "200035814"].map(|siren| format!("/partners?siren={siren}"));
    let (vire, flers) = (only(&house, &vire).await, only(&house, &flers).await);
    let with = async |ids: &str| total(&house, &format!("/action-fiches?partner_id={ids}")).await;
    let (of_vire, of_flers, of_both) = (with(id(&vire)).await, with(id(&flers)).await, with(&format!("{},{}", id(&vire), id(&flers))).await);
    assert_eq!((of_vire, of_flers, of_both), (19, 8, 19));
    // Nor does an agreement: a fiche may be in two, as a protocol's and then a contract's.
    let fiche = house.all(&format!("/action-fiches?partner_id={}", id(&flers))).await[0].clone();
    let territory = fiche["territory_id"].clone();
    let contract =
        makers::make(&house, "/agreements", json!({ "title": "Contrat", "kind": "contract", "territory_id": territory, "status": "planned" })).await;
    makers::make(&house, &format!("/agreements/{contract}/fiches"), json!({ "action_fiche_id": fiche["id"], "commitment": "unknown" })).await;
    assert_eq!(total(&house, &format!("/agreements?action_fiche_id={}", id(&fiche))).await, 2);
    assert_eq!(with(&format!("{},{}", id(&vire), id(&flers))).await, 19);
}

/// Trap 10: protocol, contract, convention, amendment are different deeds, whatever a source calls them.
#[actix_web::test]
async fn a_deed_is_what_it_is_and_what_it_is_called() {
    let house = demo_house().await;
    let anjou = only(&house, "/agreements?q=anjou").await;
    assert_eq!((&anjou["kind"], &anjou["kind_as_called"]), (&json!("contract"), &json!("contrat de territoire")));
    let launch = only(&house, "/events?kind=launch").await;
    assert_eq!(launch["called"], "convention de lancement");
    assert_eq!(total(&house, "/agreements?q=lancement").await, 0, "an event is no deed");
}

/// Trap 11: what is declared and what is known stand side by side.
#[actix_web::test]
async fn declared_and_known_counts_stand_side_by_side() {
    let house = demo_house().await;
    let collines = only(&house, "/agreements?q=collines&include=counts").await;
    assert_eq!((&collines["counts"]["declared_fiches"], &collines["counts"]["fiches"]), (&json!(23), &json!(19)));
}

/// Trap 12: amounts of different kinds are never added: with tax and without, asked and granted; and they are exact.
#[actix_web::test]
async fn amounts_of_different_kinds_are_not_added() {
    let house = house().await;
    let fiche = makers::fiche(&house, 1).await;
    let lines = format!("/action-fiches/{fiche}/funding-lines");
    for (basis, asked, granted) in [("excl_tax", json!(0.1), json!(null)), ("excl_tax", json!(0.2), json!(0)), ("incl_tax", json!(100), json!(50))] {
        makers::make(&house, &lines, json!({ "funder": "state", "basis": basis, "requested_eur": asked, "granted_eur": granted })).await;
    }
    let funding = house.get("/action-fiches/funding").await.expect(200).body;
    let sums: Vec<_> = funding["total"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sum| (&sum["basis"], &sum["requested_eur"], &sum["granted_eur"], &sum["paid_eur"]))
        .collect();
    let known = [(json!("excl_tax"), json!(0.3), json!(0.0), json!(null)), (json!("incl_tax"), json!(100.0), json!(50.0), json!(null))];
    let known: Vec<_> = known.iter().map(|(basis, asked, granted, paid)| (basis, asked, granted, paid)).collect();
    assert_eq!(sums, known, "0.1 and 0.2 are 0.3; none is 0, unknown is null");
}

/// Trap 13: a date is kept as it is stated, beside what it is taken to mean.
#[actix_web::test]
async fn a_date_is_kept_as_stated() {
    let house = demo_house().await;
    let first = only(&house, "/meetings?ordinal=1").await;
    let told = (&first["held_stated"], &first["held_on"], &first["held_precision"], &first["held_confidence"]);
    assert_eq!(told, (&json!("le jeudi 11 mai 2019"), &json!("2019-04-11"), &json!("day"), &json!("interpreted")));
    let workshop = only(&house, "/events?kind=workshop").await;
    assert_eq!((&workshop["starts_stated"], &workshop["starts_precision"]), (&json!("en avril 2019"), &json!("month")));
}

/// Trap 14: unknown, none and zero are three values.
#[actix_web::test]
async fn absence_is_not_false() {
    let house = demo_house().await;
    let touraine = only(&house, "/agreements?q=touraine&kind=protocol&include=counts").await;
    let counts = &touraine["counts"];
    assert_eq!(
        (&counts["declared_fiches"], &counts["declared_firm"], &counts["firm"], &counts["intention"]),
        (&json!(21), &json!(8), &json!(6), &json!(0))
    );
    let collines = only(&house, "/agreements?q=collines&include=counts").await;
    assert_eq!((&collines["counts"]["declared_firm"], &collines["counts"]["unknown"]), (&json!(null), &json!(19)));
}

/// Trap 15: a figure is of a place and a source; two figures of one thing stand side by side, and none is averaged.
#[actix_web::test]
async fn a_figure_is_of_its_place_and_source() {
    let house = demo_house().await;
    let share = only(&house, "/indicators?code=part_actifs_industrie").await;
    let figure = only(&house, &format!("/observations?indicator_id={}", id(&share))).await;
    let told = (&figure["subject"], &figure["department_code"], &figure["territory_id"], &figure["value"], &figure["qualifier"]);
    assert_eq!(told, (&json!("department"), &json!("61"), &json!(null), &json!(28.0), &json!("about")));
    let territories = only(&house, "/indicators?code=territoires").await;
    let counted = house.all(&format!("/observations?indicator_id={}&subject=country", id(&territories))).await;
    let values: std::collections::BTreeSet<String> = counted.iter().map(|figure| figure["value"].to_string()).collect();
    assert!(values.len() > 1 && counted.iter().all(|figure| figure["document_id"].is_string()), "{counted:?}");
}

/// Trap 16: a person without a ground to be named is not named; a seat outlives who held it.
#[actix_web::test]
async fn a_seat_tells_no_name_without_a_ground_and_outlives_its_holder() {
    let house = house().await;
    let territory = makers::territory(&house, "T").await;
    let person = makers::make(&house, "/people", json!({ "name": "Camille Martin" })).await;
    let seat = json!({ "person_id": person, "function": "Directeur de site", "side": "industrial", "capacity": "member" });
    let body = json!({ "name": "C", "level": "territorial", "kind": "project", "territory_id": territory, "seats": [seat] });
    let committee = makers::make(&house, "/committees", body).await;
    let seen = async |client: &Client| only(client, &format!("/committees/{committee}/seats")).await;
    assert_eq!((&seen(&house.anyone).await["person_id"], &seen(&house).await["person_id"]), (&json!(null), &json!(person)));
    assert_eq!(total(&house.anyone, "/people?q=camille").await, 0);
    let erasure = json!({ "reason": "À sa demande" });
    let tag = house.get(&format!("/people/{person}")).await.etag.unwrap();
    let erased =
        crate::support::send(house.request(reqwest::Method::POST, &format!("/people/{person}/erasure")).header("if-match", tag).json(&erasure)).await;
    erased.expect(200);
    // What it was there goes with the person; the seat stays.
    assert_eq!((&seen(&house).await["function"], &seen(&house).await["capacity"]), (&json!(null), &json!("member")));
    assert_eq!(total(&house, "/people?q=camille").await, 0);
}

/// Trap 17: each fact cites its source; where two sources differ, each keeps its own.
#[actix_web::test]
async fn each_fact_cites_its_source() {
    let house = demo_house().await;
    for noun in ["action-fiches", "agreements", "committees", "meetings", "events", "objectives", "diagnoses", "posts", "support-tools"] {
        let cited: std::collections::HashSet<String> =
            house.all(&format!("/citations?noun={noun}")).await.iter().map(|citation| citation["thing_id"].as_str().unwrap().to_owned()).collect();
        for thing in house.all(&format!("/{noun}")).await {
            assert!(cited.contains(id(&thing)), "/{noun}/{} cites nothing", id(&thing));
        }
    }
    assert!(house.all("/observations").await.iter().all(|figure| figure["document_id"].is_string()));
}
