//! The demo data against the official lists of ANCT, where the folder of official data is at hand: `SHARED_DATA` names it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fs,
    path::PathBuf,
};

use serde_json::json;
use territoires_industrie::{
    api::territories::official::{self, How},
    db::Db,
};

use crate::support::{demo_house, house, makers};

/// The rows of an official list, as (code, second column or SIREN).
fn official(folder: &str, file: &str, column: &str) -> HashSet<(String, String)> {
    let text = fs::read_to_string(PathBuf::from(folder).join(file)).unwrap();
    let mut lines = text.lines();
    let place = |header: &str, name: &str| header.split(',').position(|column| column == name).unwrap();
    let header = lines.next().unwrap();
    let (code, other) = (place(header, "id_ti"), place(header, column));
    // No quoted cell comes before the columns that are read here.
    lines.map(|line| line.split(',').collect::<Vec<_>>()).map(|cells| (cells[code].to_owned(), cells[other].to_owned())).collect()
}

#[actix_web::test]
async fn the_codes_and_members_of_the_demo_are_the_official_ones() {
    #[expect(clippy::disallowed_methods, reason = "the tests are told so by whoever runs them")]
    let Ok(folder) = std::env::var("SHARED_DATA") else {
        eprintln!("NOT RUN: the official data are not at hand, SHARED_DATA does not name their folder");
        return;
    };
    let house = demo_house().await;
    let mut compared = 0;
    for (number, file) in [(1, "ti_phase1_149_membres.csv"), (2, "ti_phase2_183_membres.csv")] {
        let known = official(&folder, file, "siren_membre");
        let phase = house.anyone.get(&format!("/programme-phases?number={number}")).await.expect(200);
        let phase = phase.rows()[0]["id"].as_str().unwrap().to_owned();
        for territory in house.anyone.all(&format!("/territories?phase_id={phase}&include=labels,members")).await {
            let of_phase = |part: &&serde_json::Value| part["phase_id"] == phase.as_str();
            let label = territory["labels"].as_array().unwrap().iter().find(of_phase).unwrap();
            let code = label["official_code"].as_str().unwrap();
            let ours: HashSet<_> =
                territory["members"].as_array().unwrap().iter().filter(of_phase).map(|member| member["siren"].as_str().unwrap().to_owned()).collect();
            let theirs: HashSet<_> = known.iter().filter(|(known, _)| known == code).map(|(_, siren)| siren.clone()).collect();
            assert_eq!(ours, theirs, "{} is {code} in phase {number}", territory["name"]);
            compared += theirs.len();
        }
    }
    assert!(compared > 50, "{compared}");
}

/// All of the official lists, on an empty house: dossier, the traps 1, 2, 3 and 6.
#[actix_web::test]
async fn the_official_lists_load_whole() {
    #[expect(clippy::disallowed_methods, reason = "the tests are told so by whoever runs them")]
    let Ok(folder) = std::env::var("SHARED_DATA") else {
        eprintln!("NOT RUN: the official data are not at hand, SHARED_DATA does not name their folder");
        return;
    };
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    for number in [1, 2] {
        makers::phase(&house, number).await;
    }
    let files = |phase: usize| {
        let names = [
            ["ti_phase1_149_membres.csv", "ti_phase1_territoires.csv", "ti_phase1_149_contours.geojson"],
            ["ti_phase2_183_membres.csv", "ti_phase2_territoires.csv", "ti_phase2_183_contours.geojson"],
        ];
        names[phase - 1].map(|name| PathBuf::from(&folder).join(name))
    };
    // The later phase first: what came of the earlier one is found all the same.
    for (phase, territories, members) in [(2, 183, 641), (1, 149, 588)] {
        let lists = official::read(&files(phase)).unwrap();
        let loaded = official::load(&lists, phase as i32, &official::Map::default(), &db).await.unwrap();
        assert_eq!(
            (loaded.territories, loaded.labels_made, loaded.members_made, loaded.contours_drawn),
            (territories, territories, members, territories)
        );
        // 93 of the first phase go on in the second one: each is one thing.
        let known = [(How::Name, 41), (How::Spelling, 10), (How::Members, 42), (How::New, 56)];
        assert_eq!(loaded.recognised, if phase == 2 { [(How::New, 183)].into() } else { known.into() });
        assert_eq!(loaded.told.len(), if phase == 2 { 0 } else { 52 }, "{:#?}", loaded.told);
        let again = official::load(&lists, phase as i32, &official::Map::default(), &db).await.unwrap();
        let unchanged = official::Loaded { territories, members, recognised: [(How::Code, territories)].into(), ..official::Loaded::default() };
        assert_eq!(again, unchanged, "the same files again change nothing");
    }
    let phases = house.all("/programme-phases?sort=number").await;
    let phases: Vec<&str> = phases.iter().map(|phase| phase["id"].as_str().unwrap()).collect();
    let all = house.all("/territories?include=labels,members,successions&limit=1000").await;
    assert_eq!(all.len(), 149 + 183 - 93);
    let one = |name: &str| all.iter().find(|territory| territory["name"] == name).unwrap();
    // Code, name and members are those of each phase; the name of today is that of the latest one.
    let savanes = one("Savanes");
    let label = |phase: usize| savanes["labels"].as_array().unwrap().iter().find(|label| label["phase_id"] == phases[phase - 1]).unwrap();
    assert_eq!((&label(1)["name"], &label(1)["official_code"]), (&json!("Kourou"), &json!("ti-0302")));
    assert_eq!((&label(2)["name"], &label(2)["official_code"]), (&json!("Savanes"), &json!("ti-0302")));
    assert_eq!(savanes["aliases"][0]["name"], "Kourou");
    let aix = one("Aix-Marseille-Provence");
    let page = house.get(&format!("/territories/{}/overview", aix["id"].as_str().unwrap())).await.expect(200).body;
    let counts: Vec<_> =
        page["phases"].as_array().unwrap().iter().map(|phase| (phase["number"].as_i64().unwrap(), phase["members"].as_i64().unwrap())).collect();
    assert_eq!((page["members"].as_array().unwrap().len(), counts), (1, vec![(1, 19), (2, 1)]), "its members today are those of the current phase");
    let drawn = house.get(&format!("/territories/{}?include=labels,contour", aix["id"].as_str().unwrap())).await.expect(200).body;
    let of = |phase: usize| &drawn["labels"].as_array().unwrap().iter().find(|label| label["phase_id"] == phases[phase - 1]).unwrap()["contour"];
    assert!(of(1) != of(2) && &drawn["contour"] == of(2) && of(1)["bbox"].is_array(), "a contour for each phase");
    let mut kinds = BTreeMap::new();
    for member in all.iter().flat_map(|territory| territory["members"].as_array().unwrap()) {
        let phase = phases.iter().position(|phase| member["phase_id"] == **phase).unwrap() + 1;
        *kinds.entry((phase, member["kind"].as_str().unwrap())).or_insert(0) += 1;
    }
    let expected = [(1, "commune", 38), (1, "ept", 3), (1, "intercommunality", 547), (2, "commune", 12), (2, "ept", 3), (2, "intercommunality", 626)];
    assert_eq!(kinds.into_iter().map(|((phase, kind), count)| (phase, kind, count)).collect::<Vec<_>>(), expected);

    // Trap 1: a code of one phase says nothing of the other one.
    let named = async |code: &str, phase: usize| {
        let found = house.get(&format!("/territories?official_code={code}&phase_id={}", phases[phase - 1])).await.expect(200);
        found.rows()[0]["name"].as_str().unwrap().to_owned()
    };
    let saint_andre = [named("ti-0402", 1).await, named("ti-0401", 2).await];
    let le_port = [named("ti-0401", 1).await, named("ti-0402", 2).await];
    assert_ne!(saint_andre[0], le_port[0], "{saint_andre:?} {le_port:?}");

    // Trap 2: the official lists themselves say what shares members with what.
    let known: HashMap<&str, &serde_json::Value> = all.iter().map(|territory| (territory["id"].as_str().unwrap(), territory)).collect();
    let code = |territory: &serde_json::Value, phase: usize| {
        let labels = territory["labels"].as_array().unwrap().iter();
        labels.filter(|label| label["phase_id"] == phases[phase - 1]).find_map(|label| label["official_code"].as_str()).map(str::to_owned)
    };
    let mut ours = BTreeSet::new();
    let mut words: BTreeMap<&str, usize> = BTreeMap::new();
    for territory in &all {
        let Some(was) = code(territory, 1) else { continue };
        for succession in territory["successions"].as_array().unwrap() {
            ours.insert((was.clone(), code(known[succession["successor_id"].as_str().unwrap()], 2).unwrap()));
            *words.entry(succession["kind"].as_str().unwrap()).or_default() += 1;
        }
        // Of one that goes on under its name, its own members of both phases say it.
        let shared = |phase: usize| -> HashSet<&str> {
            let of = territory["members"].as_array().unwrap().iter().filter(|member| member["phase_id"] == phases[phase - 1]);
            of.map(|member| member["siren"].as_str().unwrap()).collect()
        };
        if let Some(is) = code(territory, 2).filter(|_| !shared(1).is_disjoint(&shared(2))) {
            ours.insert((was, is));
        }
    }
    let text = fs::read_to_string(PathBuf::from(&folder).join("ti_correspondance_phase1_phase2.csv")).unwrap();
    let mut theirs = BTreeSet::new();
    for record in csv::Reader::from_reader(text.as_bytes()).records() {
        let record = record.unwrap();
        if record[0].starts_with("ti-") && record[3].starts_with("ti-") {
            theirs.insert((record[0].to_owned(), record[3].to_owned()));
        }
    }
    assert_eq!(ours, theirs);
    // What goes on with all its members is one thing, and succeeds nobody.
    assert_eq!(words.keys().copied().collect::<Vec<_>>(), ["extended", "merged", "reduced", "split"], "{words:?}");

    // Trap 3: a member is what the list says, and a commune alone may be one.
    let creuse = house.get("/territories?member_siren=212301907").await.expect(200);
    assert_eq!(creuse.rows().iter().map(|row| &row["name"]).collect::<Vec<_>>(), ["Creuse Industrie"]);

    // Trap 6: departments and regions are those of the members, never those in the code.
    let mut across = [0, 0];
    for (phase, across) in [1, 2].into_iter().zip(&mut across) {
        let mut regions: HashMap<String, HashSet<&str>> = HashMap::new();
        let codes = ["01", "02", "03", "04", "06", "11", "24", "27", "28", "32", "44", "52", "53", "75", "76", "84", "93", "94"];
        for region in codes {
            for row in house.all(&format!("/territories?region_code={region}&phase_id={}&limit=1000", phases[phase - 1])).await {
                regions.entry(row["id"].as_str().unwrap().to_owned()).or_default().insert(region);
            }
        }
        assert_eq!(regions.len(), [149, 183][phase - 1], "each is in a region");
        *across = regions.values().filter(|regions| regions.len() > 1).count();
    }
    assert!(across[0] >= 12 && across[1] >= 15, "{across:?} territories are in several regions");
}
