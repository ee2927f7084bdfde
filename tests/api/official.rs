//! The demo data against the official lists of ANCT, where the folder of official data is at hand: `SHARED_DATA` names it.

use std::{collections::HashSet, fs, path::PathBuf};

use crate::support::demo_house;

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
