//! Who may open what: every operation, asked by everyone. The oracle is `openapi/operations.txt`, which a reviewer reads.

use reqwest::Method;
use serde_json::json;

use crate::support::{Client, house, send};

#[actix_web::test]
async fn every_door_opens_to_whom_it_should() {
    let house = house().await;
    let wrong = format!("tdi_{}_{}", "0".repeat(16), "0".repeat(72));
    let with = |key: &str| Client { key: Some(key.to_owned()), ..house.anyone.clone() };
    let callers = [
        ("anyone", house.anyone.clone()),
        ("editor", house.editor.clone()),
        ("admin", house.with(&["approver@nation", "admin@nation"]).await),
        ("wrong", with(&wrong)),
    ];
    let table = include_str!("../../openapi/operations.txt");
    let mut cells = 0;
    for line in table.lines() {
        let [method, path, operation, who] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        let path = path.replace("{id}", "00000000-0000-7000-8000-000000000000").replace("{part_id}", "00000000-0000-7000-8000-000000000001");
        for (name, caller) in &callers {
            let address = format!("{}{path}", house.address);
            let answer = send(caller.request(method.parse::<Method>().unwrap(), &address).json(&json!({}))).await;
            let status = answer.status.as_u16();
            let closed = (*name == "wrong" && path.starts_with("/api/")) || (who != "anyone" && *name == "anyone");
            let missing = path.contains("00000000");
            match (closed, who) {
                (true, _) => assert_eq!(status, 401, "{operation} as {name}"),
                (false, "anyone") => assert_eq!(status, if missing { 404 } else { 200 }, "{operation} as {name}"),
                // What is not there is said before the body is looked at.
                (false, _) => assert_eq!(status, if missing { 404 } else { 422 }, "{operation} as {name}"),
            }
            cells += 1;
        }
    }
    assert!(cells > 250, "every operation was asked: {cells}");
    // No letter is escaped on the way to a door.
    for path in ["/%61pi/v1/partners?knd=x", "/api/v1/part%6eers"] {
        send(callers[3].1.request(Method::GET, &format!("{}{path}", house.address))).await.expect(404);
    }
    let list = house.get("/partners?count=true").await.expect(200);
    assert_eq!(list.body["meta"]["total"], 0, "and nothing was written");
}

#[actix_web::test]
async fn what_is_not_public_is_hidden_from_anyone() {
    let house = house().await;
    let territory = crate::support::makers::territory(&house, "Alençon").await;
    let partner = crate::support::makers::partner(&house, "Newmatec").await;
    for visibility in ["public", "partners", "restricted"] {
        let body = json!({ "territory_id": territory, "title": visibility, "visibility": visibility, "participants": [{ "partner_id": partner, "role": "lead" }] });
        let made = house.post("/action-fiches", body).await.expect(201);
        let one = made.location.unwrap();
        let (open, team) = if visibility == "public" { (200, 200) } else { (404, 200) };
        for path in ["", "/participants", "/themes"] {
            house.anyone.get(&format!("{one}{path}")).await.expect(open);
            house.get(&format!("{one}{path}")).await.expect(team);
        }
    }
    for (client, total) in [(&house.anyone, 1), (&house.editor, 3)] {
        for query in ["", "&q=restricted,public", "&visibility=public,partners,restricted", &format!("&partner_id={partner}")] {
            let seen = client.get(&format!("/action-fiches?count=true{query}")).await.expect(200);
            let expected = if query.contains("q=") { 0 } else { total };
            assert_eq!((&seen.body["meta"]["total"], seen.rows().len()), (&json!(expected), expected), "{query}");
        }
    }
    // Deleted, it is no more to be seen than before, under its own noun or another one.
    let restricted = house.get("/action-fiches?title=restricted").await.expect(200);
    let id = restricted.rows()[0]["id"].as_str().unwrap().to_owned();
    house.delete(&format!("/action-fiches/{id}"), Some("\"v1\"")).await.expect(204);
    for path in [format!("/action-fiches/{id}"), format!("/partners/{id}"), format!("/action-fiches/{id}/themes")] {
        house.anyone.get(&path).await.expect(404);
    }
    let hidden = house.anyone.get("/action-fiches?title=restricted&count=true").await.expect(200);
    assert_eq!(hidden.body["meta"]["total"], 0);
}
