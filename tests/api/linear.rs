//! Every fiche behaves as one register, whoever reads and writes it at once: what was acknowledged is what is read from then
//! on, each version is made once, and no time goes backwards.

use std::{collections::BTreeMap, time::Instant};

use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use crate::support::{house, makers};

const FICHES: usize = 20;
const CLIENTS: u64 = 16;
const ROUNDS: usize = 200;

/// Something that a client saw: a version with its title, made by it or only read.
struct Seen {
    fiche: usize,
    began: Instant,
    ended: Instant,
    version: i64,
    title: String,
    made: bool,
}

#[actix_web::test]
async fn what_was_acknowledged_is_what_is_read_from_then_on() {
    let house = house().await;
    let territory = makers::territory(&house, "T").await;
    let mut fiches = Vec::new();
    for number in 0..FICHES {
        let body = json!({ "territory_id": territory, "title": format!("fiche {number}"), "visibility": "public" });
        fiches.push(format!("/action-fiches/{}", makers::make(&house, "/action-fiches", body).await));
    }
    let client = |number: u64| {
        let (editor, fiches) = (house.editor.clone(), fiches.clone());
        async move {
            let mut dice = StdRng::seed_from_u64(number);
            let mut seen = Vec::new();
            for round in 0..ROUNDS {
                let fiche = dice.random_range(0..FICHES);
                let (path, began) = (&fiches[fiche], Instant::now());
                let made = dice.random_bool(0.5);
                let answer = if made {
                    let version = dice.random_range(1..40);
                    let tag = if dice.random_bool(0.7) { "*".to_owned() } else { format!("\"v{version}\"") };
                    editor.patch(path, Some(&tag), json!({ "title": format!("{number} {round}") })).await
                } else {
                    editor.get(path).await
                };
                if answer.status == 412 {
                    continue;
                }
                let body: Value = answer.expect(200).body;
                let (version, title) = (body["version"].as_i64().unwrap(), body["title"].as_str().unwrap().to_owned());
                seen.push(Seen { fiche, began, ended: Instant::now(), version, title, made });
            }
            seen
        }
    };
    let seen: Vec<Seen> = futures_util::future::join_all((0..CLIENTS).map(client)).await.into_iter().flatten().collect();
    for fiche in 0..FICHES {
        let of: Vec<&Seen> = seen.iter().filter(|one| one.fiche == fiche).collect();
        let mut made = BTreeMap::from([(1, format!("fiche {fiche}"))]);
        for write in of.iter().filter(|one| one.made) {
            assert!(made.insert(write.version, write.title.clone()).is_none(), "version {} was made twice", write.version);
        }
        assert!(made.keys().copied().eq(1..=made.len() as i64), "no version is missing: {:?}", made.keys());
        for one in &of {
            assert_eq!(made[&one.version], one.title, "version {} is what its writer wrote", one.version);
            let before = of.iter().filter(|other| other.ended < one.began).map(|other| other.version).max().unwrap_or(0);
            assert!(one.version >= before + i64::from(one.made), "version {} after {before} was seen", one.version);
        }
    }
    assert!(seen.len() > 2500, "{}", seen.len());
}
