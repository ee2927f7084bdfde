//! What every noun and part must do: the same life, asked of each.

use serde_json::json;

use crate::support::{
    Client, contract, house,
    makers::{Maker, makers},
};

/// The path with its parent in it, where it has one.
async fn placed(client: &Client, maker: &Maker, number: u32) -> String {
    let Some((parent, rest)) = maker.path.split_once("/{id}") else {
        return maker.path.to_owned();
    };
    let makers = makers();
    let of = makers.iter().find(|maker| maker.path == parent).expect("a part has a parent");
    let body = (of.body)(client, number + 500).await;
    let made = client.post(parent, body).await.expect(201);
    format!("{parent}/{}{rest}", made.body["id"].as_str().unwrap())
}

#[actix_web::test]
async fn every_noun_lives_the_same_life() {
    let house = house().await;
    for (number, maker) in (1..).zip(makers()) {
        let path = placed(&house, &maker, number).await;
        let body = (maker.body)(&house, number).await;

        house.anyone.post(&path, body.clone()).await.expect(401);
        let made = house.post(&path, body.clone()).await.expect(201);
        let one = made.location.clone().unwrap();
        assert_eq!((made.etag.as_deref(), &made.body["version"]), (Some("\"v1\""), &json!(1)), "{path}");
        for (member, value) in body.as_object().unwrap() {
            assert_eq!(&made.body[member], value, "{path} keeps {member}");
        }

        let read = house.anyone.get(&one).await.expect(200);
        assert_eq!((&read.body, read.etag.as_deref()), (&made.body, Some("\"v1.pub\"")), "{path}");
        let listed = house.anyone.get(&format!("{path}?count=true&limit=1000")).await.expect(200);
        assert!(listed.rows().iter().any(|row| row["id"] == made.body["id"]), "{path} lists what was made");
        assert_eq!(listed.body["meta"]["total"], listed.rows().len(), "{path}");

        let mut version = 1;
        if let Some((change, solid)) = &maker.change {
            house.patch(&one, None, change.clone()).await.expect(428);
            house.patch(&one, Some("\"v9\""), change.clone()).await.expect(412);
            let strange = house.patch(&one, Some("\"v1\""), json!({ "strange": 1 })).await.expect(422);
            assert_eq!(strange.wrongs(), [("/strange".to_owned(), "unknown_field".to_owned())], "{path}");
            let empty = house.patch(&one, Some("\"v1\""), json!({ *solid: null })).await.expect(422);
            assert_eq!(empty.wrongs()[0].0, format!("/{solid}"), "{path}");
            let same = house.patch(&one, Some("\"v1\""), json!({})).await.expect(200);
            assert_eq!(same.body, made.body, "{path}: a change of nothing changes nothing");
            let changed = house.patch(&one, Some("W/\"v1\""), change.clone()).await.expect(200);
            assert_eq!(changed.etag.as_deref(), Some("\"v2\""), "{path}");
            for (member, value) in change.as_object().unwrap() {
                assert_eq!(&changed.body[member], value, "{path} changes {member}");
            }
            let again = house.patch(&one, Some("\"v2\""), change.clone()).await.expect(200);
            assert_eq!(again.body, changed.body, "{path}: the same change again makes no new version");
            version = 2;
        }

        house.delete(&one, None).await.expect(428);
        house.delete(&one, Some("\"v9\"")).await.expect(412);
        house.delete(&one, Some(&format!("\"v{version}\""))).await.expect(204);
        let gone = house.anyone.get(&one).await.expect(410);
        assert!(gone.body["deleted_at"].is_string(), "{path}");
        house.delete(&one, Some("\"v1\"")).await.expect(410);
        let never = one.rsplit_once('/').unwrap().0.to_owned() + "/00000000-0000-7000-8000-000000000000";
        house.anyone.get(&never).await.expect(404);
        for odd in ["x", "00000000000070008000000000000000", "%7B00000000-0000-7000-8000-000000000000%7D"] {
            house.anyone.get(&format!("{}/{odd}", one.rsplit_once('/').unwrap().0)).await.expect(404);
        }

        // The ledger has it all, signed, and tells it; and what is no part comes back.
        if !maker.path.contains("{id}") {
            let history = house.anyone.get(&format!("{one}/history")).await.expect(200);
            let told: Vec<_> =
                history.rows().iter().map(|version| (version["version"].clone(), version["action"].clone(), version["author"].clone())).collect();
            let known = |version: i32, action: &str| (json!(version), json!(action), json!(null));
            let mut expected = vec![known(3, "delete"), known(2, "update"), known(1, "create")];
            // Of a person nobody is told more than that.
            expected.truncate(if maker.path == "/people" { 1 } else { 3 });
            assert_eq!(told, expected, "{path}");
            let signed = house.get(&format!("{one}/history?limit=1")).await.expect(200);
            assert_eq!((&signed.rows()[0]["author"], signed.rows().len()), (&json!("editor of the tests"), 1), "{path}");
            assert_eq!(house.all(&format!("{one}/history?limit=1")).await.len(), 3, "{path}: no version is left out");
            house.anyone.post(&format!("{one}/restore"), json!({ "version": 1 })).await.expect(401);
            house.post(&format!("{one}/restore"), json!({ "version": 3 })).await.expect(422);
            let restored = house.post(&format!("{one}/restore"), json!({ "version": 2, "reason": "Par erreur" })).await.expect(200);
            assert_eq!(
                (&restored.body["version"], &restored.body["action"], &restored.body["reason"]),
                (&json!(4), &json!("restore"), &json!("Par erreur")),
                "{path}"
            );
            let back = house.anyone.get(&one).await.expect(200);
            let (change, _) = maker.change.as_ref().unwrap();
            for (member, value) in change.as_object().unwrap() {
                assert_eq!(&back.body[member], value, "{path} comes back with {member}");
            }
            house.post(&format!("{one}/restore"), json!({ "version": 1 })).await.expect(428);
            restore(&house, &one, "\"v3\"", 1).await.expect(412);
            restore(&house, &one, "\"v4\"", 1).await.expect(200);
            let first = house.anyone.get(&one).await.expect(200);
            for (member, value) in
                made.body.as_object().unwrap().iter().filter(|(name, _)| !matches!(name.as_str(), "version" | "created_at" | "updated_at"))
            {
                assert_eq!(&first.body[member], value, "{path} is as it was at first");
            }
            house.delete(&one, Some("\"v5\"")).await.expect(204);
        }
        let lines = lines(&house, made.body["id"].as_str().unwrap()).await;
        let expected = match &maker.change {
            Some(_) if !maker.path.contains("{id}") => vec!["create 1", "update 2", "delete 3", "restore 4", "restore 5", "delete 6"],
            Some(_) => vec!["create 1", "update 2", "delete 3"],
            None => vec!["create 1", "delete 2"],
        };
        assert_eq!(lines, expected, "{path}");
    }
}

async fn restore(client: &Client, one: &str, tag: &str, version: i32) -> crate::support::Answer {
    let request = client.request(reqwest::Method::POST, &format!("{one}/restore")).header("If-Match", tag);
    crate::support::send(request.json(&json!({ "version": version }))).await
}

#[derive(diesel::QueryableByName)]
struct Line {
    #[diesel(sql_type = diesel::sql_types::Text)]
    line: String,
}

async fn lines(house: &crate::support::House, id: &str) -> Vec<String> {
    use diesel_async::RunQueryDsl;
    let query = diesel::sql_query(
        "SELECT action || ' ' || version AS line FROM ledger WHERE thing = $1::uuid AND author = 'editor of the tests' AND request IS NOT NULL ORDER BY id",
    );
    let lines: Vec<Line> = query.bind::<diesel::sql_types::Text, _>(id).load(&mut house.database().await).await.unwrap();
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn every_noun_of_the_document_has_a_maker() {
    let makers = makers();
    let posts = contract::DOCUMENT["paths"].as_object().unwrap().iter().filter(|(_, item)| item.get("post").is_some());
    for (path, _) in posts {
        let known = makers.iter().any(|maker| format!("/api/v1{}", maker.path) == *path);
        let named = ["/transitions", "/restore", "/erasure", "/merge", "/unmerge"].iter().any(|end| path.ends_with(end));
        let beside = path.starts_with("/oauth/") || ["/api/v1/api-keys", "/api/v1/grants"].iter().any(|noun| path.starts_with(noun));
        assert!(
            known || named || beside,
            "nothing makes one of {path}. To fix this: add its maker (its path, its smallest valid body, a change) to makers() in \
             tests/api/support/makers.rs, below that of what it is part of"
        );
    }
}
