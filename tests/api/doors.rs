//! Who may open what: every operation, asked by everyone, of every kind of thing, in every way it can be refused. The
//! oracle is `doors.toml`, written from the policy; what is expected is computed here from it, and from nothing of the service.

use std::collections::BTreeMap;

use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, Client, House, contract::DOCUMENT, house, makers, send};

#[derive(Deserialize)]
struct Oracle {
    see: BTreeMap<String, String>,
    doors: BTreeMap<String, Door>,
}

/// Who may call an operation.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Door {
    See(#[expect(dead_code, reason = "it says that there is nothing to say")] String),
    Write {
        role: String,
        #[serde(default)]
        over: Vec<String>,
    },
}

/// Who asks.
struct Principal {
    name: &'static str,
    client: Client,
    /// Role, kind of perimeter, and which one.
    grants: Vec<(String, String, String)>,
    /// No credential at all.
    anonymous: bool,
    /// A credential that does not hold.
    refused: bool,
}

impl Principal {
    fn content(&self) -> impl Iterator<Item = &(String, String, String)> {
        self.grants.iter().filter(|(role, ..)| role != "admin")
    }

    fn holding<'a>(&'a self, role: &'a str) -> impl Iterator<Item = &'a (String, String, String)> {
        self.grants.iter().filter(move |(held, ..)| includes(held, role))
    }
}

fn includes(held: &str, role: &str) -> bool {
    let rank = |role: &str| ["reader", "editor", "approver"].iter().position(|known| *known == role);
    held == role || matches!((rank(held), rank(role)), (Some(held), Some(role)) if held >= role)
}

/// What is asked for.
#[derive(Clone, Default, Debug)]
struct Thing {
    noun: &'static str,
    about: &'static str,
    id: String,
    /// The territories it is of, and the region of its own.
    territories: Vec<String>,
    region: Option<&'static str>,
    /// Of a fiche: its visibility. Of a person: `named` or `unnamed`.
    seen: &'static str,
    /// Its parts: name, identifier, territory of its own.
    parts: Vec<(&'static str, String)>,
    /// Was it deleted, or was it never there?
    deleted: bool,
    absent: bool,
}

impl Thing {
    /// Is it a person who sits in a committee?
    fn seated(&self) -> bool {
        self.noun == "people" && !(self.territories.is_empty() && self.region.is_none())
    }
}

/// Everything of a house, and the rules.
struct World {
    house: House,
    oracle: Oracle,
    principals: Vec<Principal>,
    things: Vec<Thing>,
    /// The departments and regions that each territory touches.
    touched: BTreeMap<String, Vec<&'static str>>,
    territories: [String; 4],
}

const NEVER: &str = "00000000-0000-7000-8000-000000000000";

impl World {
    fn sees(&self, who: &Principal, thing: &Thing) -> bool {
        let see = self.oracle.see.get(thing.noun);
        let see = see.unwrap_or_else(|| panic!("nothing says who sees {}. To fix this: write it under [see] in tests/api/doors.toml", thing.noun));
        if see == "anyone" || thing.seen == "public" || thing.seen == "named" {
            return true;
        }
        let touches = |code: &str| thing.territories.iter().any(|territory| self.touched[territory].contains(&code)) || thing.region == Some(code);
        who.content().any(|(role, kind, which)| match kind.as_str() {
            "nation" => true,
            "region" => touches(&format!("R{which}")),
            "department" => touches(&format!("D{which}")),
            "territory" => thing.territories.contains(which) && (thing.seen != "restricted" || role != "reader"),
            _ => thing.id == *which,
        }) || thing.seen == "unnamed" && thing.territories.is_empty() && thing.region.is_none() && who.holding("approver").count() > 0
    }

    fn may(&self, who: &Principal, role: &str, over: &[String], thing: &Thing) -> bool {
        let over = |word: &str| over.iter().any(|known| known == word);
        let alone = |which: &String| (over("territory") || over("part's territory")) && thing.territories == [which.clone()];
        who.holding(role).any(|(_, kind, which)| match kind.as_str() {
            "nation" => true,
            "territory" => alone(which),
            "region" => over("region") && thing.territories.is_empty() && thing.region == Some(&format!("R{which}")),
            "fiche" => over("fiche") && thing.id == *which,
            _ => false,
        })
    }

    /// The status that comes first, before the request itself is looked at; none when all doors are open.
    fn refusal(&self, who: &Principal, door: &Door, thing: Option<&Thing>) -> Option<(u16, &'static str)> {
        if who.refused {
            return Some((401, "invalid_token"));
        }
        if who.anonymous && matches!(door, Door::Write { .. }) {
            return Some((401, "unauthenticated"));
        }
        if let Some(thing) = thing {
            if thing.absent || !self.sees(who, thing) {
                return Some((404, "not_found"));
            }
            if thing.deleted {
                return Some((410, "gone"));
            }
        }
        let Door::Write { role, over, .. } = door else { return None };
        if who.holding(role).count() == 0 {
            return Some((403, "insufficient_role"));
        }
        match thing {
            Some(thing) if !self.may(who, role, over, thing) => Some((403, "outside_perimeter")),
            None if over.is_empty() && !self.may(who, role, over, &Thing::default()) => Some((403, "outside_perimeter")),
            _ => None,
        }
    }
}

/// The body of a fresh part, as its maker makes it.
async fn part_body(house: &House, noun: &str, part: &str, number: usize) -> Value {
    match part {
        // The maker's has a SIREN, which a territory has once.
        "members" => json!({ "kind": "other", "name": format!("member {number}") }),
        part => makers::body(house, &format!("/{noun}/{{id}}/{part}"), number as u32).await,
    }
}

/// The body of a noun that makes another thing like this one: its maker's, of the same place and seen by the same.
async fn body_like(house: &House, like: &Thing, number: usize) -> Value {
    let path = format!("/{}", like.noun);
    let (territory, region) = (like.territories.first(), like.region.map(|region| &region[1..]));
    let mut body = makers::body(house, &path, number as u32).await;
    for (member, value) in [("territory_id", json!(territory)), ("region_code", json!(region)), ("visibility", json!(like.seen))] {
        if takes(like.noun, member) {
            body[member] = value;
        }
    }
    match like.noun {
        // A scheme is one territory's own, or the nation's.
        "themes" => body["scheme"] = json!(territory.map_or("doors".to_owned(), |id| format!("doors-{id}"))),
        "people" => body["publication_basis"] = json!(if like.seen == "named" { "elected_mandate" } else { "not_publishable" }),
        "committees" if region.is_some() => body["level"] = json!("regional"),
        // It is where its document is.
        "citations" => {
            let document =
                json!({ "title": format!("cites itself {number}"), "kind": "minutes", "territory_id": territory, "visibility": like.seen });
            let document = makers::make(house, "/documents", document).await;
            body = json!({ "document_id": document, "noun": "documents", "thing_id": document });
        }
        _ => {}
    }
    body
}

/// Does the body that creates one of this noun take the member?
fn takes(noun: &str, member: &str) -> bool {
    let body = &DOCUMENT["paths"][format!("/api/v1/{noun}")]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let schema = DOCUMENT.pointer(&body.as_str().unwrap()[1..]).unwrap();
    schema["properties"].get(member).is_some()
}

/// Makes one thing of a noun, as this one is: of the same places, seen by the same.
async fn make(house: &House, like: &Thing, number: usize) -> Thing {
    let mut made = Thing { deleted: false, absent: false, ..like.clone() };
    let mut body = body_like(house, like, number).await;
    if like.noun == "partners" {
        body["commitments"] = like.territories.iter().map(|id| json!({ "territory_id": id, "side": "state", "text": "x" })).collect();
    }
    made.id = makers::make(house, &format!("/{}", like.noun), body).await;
    if like.noun == "people" {
        let places = like.territories.iter().map(|id| json!({ "territory_id": id, "level": "territorial" }));
        for mut place in places.chain(like.region.map(|code| json!({ "region_code": &code[1..], "level": "regional" }))) {
            place["name"] = json!(format!("seat of {} {number}", like.about));
            place["kind"] = json!("project");
            place["seats"] = json!([{ "person_id": made.id }]);
            makers::make(house, "/committees", place).await;
        }
    }
    if like.noun == "territories" {
        made.territories = vec![made.id.clone()];
    }
    made
}

/// A house with four territories (one of them across two regions), things of every sort in them, and everyone who may ask.
async fn world() -> World {
    let house = house().await;
    let mut touched = BTreeMap::new();
    let mut territories = Vec::new();
    for (name, departments, codes) in [
        ("T7", vec!["14"], vec!["R28", "D14"]),
        ("T8", vec!["61"], vec!["R28", "D61"]),
        ("T6", vec!["61", "72"], vec!["R28", "D61", "R52", "D72"]),
        ("T9", vec!["37"], vec!["R24", "D37"]),
    ] {
        let members = json!([{ "kind": "other", "name": "member", "department_codes": departments }]);
        let id = makers::make(&house, "/territories", json!({ "name": name, "members": members })).await;
        touched.insert(id.clone(), codes);
        territories.push(id);
    }
    let [t7, t8, t6, t9]: [String; 4] = territories.try_into().unwrap();
    let of = |ids: &[&String]| ids.iter().map(|id| (*id).clone()).collect::<Vec<_>>();
    let thing = |noun, about, territories, region, seen| Thing { noun, about, territories, region, seen, ..Thing::default() };
    let mut kinds = vec![
        thing("themes", "the nation's theme", vec![], None, ""),
        thing("themes", "T7's theme", of(&[&t7]), None, ""),
        thing("themes", "T8's theme", of(&[&t8]), None, ""),
        thing("territories", "another territory", vec![], None, ""),
        thing("partners", "nobody's partner", vec![], None, ""),
        thing("partners", "T7's partner", of(&[&t7]), None, ""),
        thing("partners", "T7's and T8's partner", of(&[&t7, &t8]), None, ""),
        thing("people", "T7's named", of(&[&t7]), None, "named"),
        thing("people", "T7's unnamed", of(&[&t7]), None, "unnamed"),
        thing("people", "T8's unnamed", of(&[&t8]), None, "unnamed"),
        thing("people", "T6's unnamed", of(&[&t6]), None, "unnamed"),
        thing("people", "T9's unnamed", of(&[&t9]), None, "unnamed"),
        thing("people", "Normandy's unnamed", vec![], Some("R28"), "unnamed"),
        thing("people", "unnamed nowhere", vec![], None, "unnamed"),
        thing("committees", "the nation's committee", vec![], None, ""),
        thing("committees", "T7's committee", of(&[&t7]), None, ""),
        thing("committees", "T8's committee", of(&[&t8]), None, ""),
        thing("committees", "Normandy's committee", vec![], Some("R28"), ""),
        thing("action-fiches", "T7 public", of(&[&t7]), None, "public"),
        thing("action-fiches", "T7 partners", of(&[&t7]), None, "partners"),
        thing("action-fiches", "T7 restricted", of(&[&t7]), None, "restricted"),
        thing("action-fiches", "T8 public", of(&[&t8]), None, "public"),
        thing("action-fiches", "T8 partners", of(&[&t8]), None, "partners"),
        thing("action-fiches", "T8 restricted", of(&[&t8]), None, "restricted"),
        thing("action-fiches", "T6 restricted", of(&[&t6]), None, "restricted"),
        thing("action-fiches", "T9 partners", of(&[&t9]), None, "partners"),
        thing("action-fiches", "T9 restricted", of(&[&t9]), None, "restricted"),
        thing("documents", "the nation's document", vec![], None, "public"),
        thing("documents", "the nation's own document", vec![], None, "restricted"),
        thing("documents", "T7's partners' document", of(&[&t7]), None, "partners"),
        thing("documents", "T8's restricted document", of(&[&t8]), None, "restricted"),
        thing("meetings", "T7's meeting", of(&[&t7]), None, "public"),
        thing("meetings", "T8's restricted meeting", of(&[&t8]), None, "restricted"),
        thing("meetings", "T6's partners' meeting", of(&[&t6]), None, "partners"),
        thing("meetings", "Normandy's meeting", vec![], Some("R28"), "public"),
        thing("events", "the nation's event", vec![], None, ""),
        thing("events", "T7's event", of(&[&t7]), None, ""),
        thing("observations", "the nation's observation", vec![], None, "public"),
        thing("observations", "T7's partners' observation", of(&[&t7]), None, "partners"),
        thing("observations", "T8's restricted observation", of(&[&t8]), None, "restricted"),
        thing("citations", "the nation's citation", vec![], None, "public"),
        thing("citations", "T7's partners' citation", of(&[&t7]), None, "partners"),
    ];
    // And of each noun that has no other sorts: one in a territory, or the nation's.
    for noun in makers::makers().iter().filter_map(|maker| maker.path.strip_prefix('/').filter(|noun| !noun.contains('/'))) {
        if !kinds.iter().any(|kind| kind.noun == noun) {
            let (about, territories) = if takes(noun, "territory_id") { ("T7's", of(&[&t7])) } else { ("the nation's", vec![]) };
            kinds.push(thing(noun, about, territories, None, if takes(noun, "visibility") { "partners" } else { "" }));
        }
    }
    let mut things = Vec::new();
    for (number, like) in kinds.iter().enumerate() {
        // One, and another like it that was deleted (who sits somewhere cannot be), and for each noun one that never was.
        for deleted in [false, true] {
            if deleted && like.seated() {
                continue;
            }
            let number = 100 + 2 * number + usize::from(deleted);
            let mut made = make(&house, like, number).await;
            for part in parts_of(like.noun) {
                let mut body = part_body(&house, like.noun, part, number).await;
                if let ("commitments", Some(territory)) = (part, like.territories.last()) {
                    body["territory_id"] = json!(territory);
                }
                let id = makers::make(&house, &format!("/{}/{}/{part}", like.noun, made.id), body).await;
                made.parts.push((part, id));
            }
            if deleted {
                house.delete(&format!("/{}/{}", like.noun, made.id), Some("*")).await.expect(204);
            }
            things.push(Thing { deleted, ..made });
        }
        if !things.iter().any(|known: &Thing| known.noun == like.noun && known.absent) {
            things.push(Thing { id: NEVER.to_owned(), absent: true, about: "never was", ..like.clone() });
        }
    }
    let pilot = things.iter().find(|thing| thing.about == "T8 restricted" && !thing.deleted && !thing.absent).unwrap().id.clone();
    let texts: Vec<(&'static str, Vec<String>)> = vec![
        ("reader of the nation", vec!["reader@nation".to_owned()]),
        ("editor of the nation", vec!["editor@nation".to_owned()]),
        ("approver of the nation", vec!["approver@nation".to_owned()]),
        ("reader of T7", vec![format!("reader@territory:{t7}")]),
        ("editor of T7", vec![format!("editor@territory:{t7}")]),
        ("approver of T7", vec![format!("approver@territory:{t7}")]),
        ("approver of T7 and T8", vec![format!("approver@territory:{t7}"), format!("approver@territory:{t8}")]),
        ("pilot of a fiche of T8", vec![format!("editor@fiche:{pilot}")]),
        ("reader of Normandy", vec!["reader@region:28".to_owned()]),
        ("approver of Normandy", vec!["approver@region:28".to_owned()]),
        ("editor of Orne", vec!["editor@department:61".to_owned()]),
        ("admin of the nation", vec!["admin@nation".to_owned()]),
        ("admin of T7", vec![format!("admin@territory:{t7}")]),
        ("nobody, with a key", vec![]),
    ];
    let mut principals = Vec::new();
    for (name, texts) in texts {
        let client = house.with(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let part = |text: &String| {
            let (role, perimeter) = text.split_once('@').unwrap();
            let (kind, which) = perimeter.split_once(':').unwrap_or((perimeter, ""));
            (role.to_owned(), kind.to_owned(), which.to_owned())
        };
        principals.push(Principal { name, client, grants: texts.iter().map(part).collect(), anonymous: false, refused: false });
    }
    principals.push(Principal { name: "anyone", client: house.anyone.clone(), grants: vec![], anonymous: true, refused: false });
    for (name, key) in refused_keys(&house).await {
        let client = Client { key: Some(key), ..house.anyone.clone() };
        principals.push(Principal { name, client, grants: vec![], anonymous: false, refused: true });
    }
    let oracle = toml::from_str(include_str!("doors.toml")).unwrap();
    World { house, oracle, principals, things, touched, territories: [t7, t8, t6, t9] }
}

/// Credentials that do not hold: revoked, expired, never given, of another sort.
async fn refused_keys(house: &House) -> Vec<(&'static str, String)> {
    use territoires_industrie::{api::keys, rights::NewGrant};
    let mut conn = house.database().await;
    let grants = [NewGrant::parse("approver@nation").unwrap()];
    let expired = keys::create("expired", &grants, Some(-1), "tests", &mut conn).await.unwrap().to_string();
    let revoked = keys::create("revoked", &grants, Some(1), "tests", &mut conn).await.unwrap();
    assert!(keys::revoke(&revoked.public_id, "tests", &mut conn).await.unwrap());
    let unknown = territoires_industrie::http::auth::Secret::random().to_string();
    let foreign = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.".to_owned();
    vec![("a revoked key", revoked.to_string()), ("an expired key", expired), ("a key never given", unknown), ("a foreign token", foreign)]
}

fn parts_of(noun: &str) -> Vec<&'static str> {
    let prefix = format!("/{noun}/{{id}}/");
    makers::makers().iter().filter_map(|maker| maker.path.strip_prefix(&prefix)).collect()
}

/// A change that each noun or part takes; nothing changes by it.
const NOTHING: fn() -> Value = || json!({});

#[actix_web::test]
async fn every_door_opens_to_whom_it_should() {
    let world = world().await;
    let mut cells = Cells { world: &world, count: 0, wrong: Vec::new(), number: 1000, conn: world.house.database().await, absent: BTreeMap::new() };
    for line in include_str!("../../openapi/operations.txt").lines() {
        let [method, path, operation, told] = line.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{line}") };
        let door = world.oracle.doors.get(operation).unwrap_or_else(|| {
            panic!("nothing says who may call {operation}. To fix this: write its line in tests/api/doors.toml, as the policy has it")
        });
        let role = if let Door::Write { role, .. } = door { role.as_str() } else { "anyone" };
        assert_eq!(
            told, role,
            "the document (left) and tests/api/doors.toml (right) differ on who may call {operation}. To fix this: doors.toml is the policy; the \
             handler says the other by what it takes (Editor, Approver …)"
        );
        cells.ask(method, path, operation, door).await;
    }
    println!("{} cells", cells.count);
    assert!(
        cells.wrong.is_empty(),
        "{} of {} cells are wrong:\n{}\nTo fix this: what was due follows from tests/api/doors.toml. Where that is the policy, the service lets in \
         whom it should not, or refuses whom it should let in; else correct its line",
        cells.wrong.len(),
        cells.count,
        cells.wrong.join("\n")
    );
    assert!(cells.count >= 3000, "only {} cells", cells.count);
    // No letter is escaped on the way to a door.
    for path in ["/%61pi/v1/partners?knd=x", "/api/v1/part%6eers"] {
        send(world.house.request(Method::GET, &format!("{}{path}", world.house.address))).await.expect(404);
    }
}

/// The matrix, as it is gone through.
struct Cells<'a> {
    world: &'a World,
    count: usize,
    wrong: Vec<String>,
    number: usize,
    conn: territoires_industrie::db::Conn,
    /// What is said to each of a thing of a noun that never was.
    absent: BTreeMap<(String, &'static str), Value>,
}

impl Cells<'_> {
    async fn ask(&mut self, method: &str, path: &str, operation: &str, door: &Door) {
        let world = self.world;
        let Some(below) = path.strip_prefix("/api/v1/") else {
            // Beside the API nobody is asked who he is; who asks for a token says so in a form.
            for who in &world.principals {
                let answer = send(who.client.request(method.parse().unwrap(), &format!("{}{path}", who.client.address))).await;
                self.hold(operation, who, "", &answer, if method == "POST" { 400 } else { 200 }, "");
            }
            return;
        };
        let segments: Vec<&str> = below.split('/').collect();
        if let ["api-keys" | "grants", ..] = segments[..] {
            for who in &world.principals {
                self.access(method, operation, who, &segments, door).await;
            }
            return;
        }
        for who in &world.principals {
            match (method, &segments[..]) {
                ("GET", ["changes", ..] | [_, "transitions" | "funding"]) => {
                    let answer = who.client.get(&format!("/{below}")).await;
                    let (status, code) = world.refusal(who, door, None).unwrap_or((200, ""));
                    self.hold(operation, who, "", &answer, status, code);
                }
                // No year of the COG is there: it is so for everyone.
                ("GET", [noun, "{code}"]) => {
                    let code = if *noun == "intercommunalities" { "246100663" } else { "61" };
                    let answer = who.client.get(&format!("/{noun}/{code}")).await;
                    let (status, code) = world.refusal(who, door, None).unwrap_or((404, "not_found"));
                    self.hold(operation, who, "", &answer, status, code);
                }
                ("GET", [noun]) => self.list(operation, who, noun).await,
                ("POST", [noun]) => {
                    assert!(
                        world.things.iter().any(|thing| thing.noun == *noun),
                        "there is no thing of /{noun} to ask for. To fix this: add its maker to tests/api/support/makers.rs"
                    );
                    self.create(operation, who, noun, door).await;
                }
                (method, [noun, "{id}", rest @ ..]) => {
                    // Who is refused is refused of anything. The parts of a fiche are as it is: each kind is asked for of every
                    // third fiche, in turn, so that one of each sort is asked for all kinds of parts.
                    let some = if who.refused { 1 } else { usize::MAX };
                    let turn = parts_of(noun).iter().position(|part| rest.first() == Some(part)).filter(|_| *noun == "action-fiches");
                    let things = world.things.iter().filter(|thing| thing.noun == *noun).enumerate();
                    let things = things.filter(|(number, _)| turn.is_none_or(|turn| number % 3 == turn % 3)).take(some);
                    for (_, thing) in things {
                        self.one(method, operation, who, thing, rest, door).await;
                    }
                }
                other => panic!("{other:?}: doors.rs does not know such a path"),
            }
        }
    }

    /// Keys and grants: of the nation's own, of one that never was, and of none.
    async fn access(&mut self, method: &str, operation: &str, who: &Principal, segments: &[&str], door: &Door) {
        let path = format!("/{}", segments.join("/"));
        let national = who.holding("admin").any(|(_, kind, _)| kind == "nation");
        let first = match self.world.refusal(who, &Door::See(String::new()), None) {
            None if who.anonymous => Some((401, "unauthenticated")),
            refused => refused,
        };
        if segments.len() == 1 {
            let first = first.or_else(|| self.world.refusal(who, door, None));
            let answer = if method == "GET" { who.client.get(&path).await } else { who.client.post(&path, json!({ "strange": 1 })).await };
            let (status, code) = first.unwrap_or(if method == "GET" { (200, "") } else { (422, "invalid_body") });
            return self.hold(operation, who, "", &answer, status, code);
        }
        let house = &self.world.house;
        let admin = house.with(&["admin@nation"]).await;
        let own = admin.get("/grants?role=admin&perimeter=nation").await.rows().last().unwrap().clone();
        let id = if segments[0] == "grants" { &own["id"] } else { &own["key_id"] };
        for (about, id, there) in [("the nation's own", id.as_str().unwrap(), national), ("never was", NEVER, false)] {
            let path = path.replace("{id}", id);
            let answer = if method == "GET" { who.client.get(&path).await } else { who.client.post(&path, json!({ "strange": 1 })).await };
            let due = if method == "GET" { (200, "") } else { (422, "invalid_body") };
            let (status, code) = first.unwrap_or(if there { due } else { (404, "not_found") });
            self.hold(operation, who, about, &answer, status, code);
            if status == 404 {
                self.as_if_absent(operation, who, &Thing { noun: "", about, ..Thing::default() }, answer);
            }
        }
    }

    fn hold(&mut self, operation: &str, who: &Principal, about: &str, answer: &Answer, status: u16, code: &str) {
        self.count += 1;
        let got = (answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default().to_owned());
        let known = code.is_empty() || got.1 == code;
        if got.0 != status || !known {
            self.wrong.push(format!("{operation} by {} of {about}: {status} {code} was due, {} {} came", who.name, got.0, got.1));
        }
    }

    /// A list shows what the caller sees and nothing else, and its total tells no more.
    async fn list(&mut self, operation: &str, who: &Principal, noun: &str) {
        let answer = who.client.get(&format!("/{noun}?limit=1000&count=true")).await;
        if who.refused {
            return self.hold(operation, who, "", &answer, 401, "invalid_token");
        }
        self.hold(operation, who, "", &answer, 200, "");
        let shown: Vec<&str> = answer.rows().iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(answer.body["meta"]["total"], shown.len(), "{noun} by {}", who.name);
        for thing in self.world.things.iter().filter(|thing| thing.noun == noun) {
            self.count += 1;
            let due = !thing.deleted && !thing.absent && self.world.sees(who, thing);
            if shown.contains(&thing.id.as_str()) != due {
                self.wrong.push(format!("{operation} by {}: {} was {}shown", who.name, thing.about, if due { "not " } else { "" }));
            }
        }
    }

    /// Of a thing that comes to be: 401, 403, 415, 422, and of another's place 403.
    async fn create(&mut self, operation: &str, who: &Principal, noun: &str, door: &Door) {
        let (world, path) = (self.world, format!("/{noun}"));
        let first = world.refusal(who, door, None);
        let text = send(who.client.request(Method::POST, &path).header("content-type", "text/plain").body("{}")).await;
        let (status, code) = first.unwrap_or((415, "unsupported_media_type"));
        self.hold(operation, who, "a text", &text, status, code);
        let strange = who.client.post(&path, json!({ "strange": 1 })).await;
        let (status, code) = first.unwrap_or((422, "invalid_body"));
        self.hold(operation, who, "a strange body", &strange, status, code);
        let Door::Write { role, over, .. } = door else { panic!("{operation} writes") };
        for like in world.things.iter().filter(|thing| thing.noun == noun && !thing.deleted && !thing.absent) {
            self.number += 1;
            let body = body_like(&world.house, like, self.number).await;
            let answer = who.client.post(&path, body).await;
            let anywhere = over.iter().any(|word| word == "anywhere");
            let due = first.unwrap_or(if anywhere || world.may(who, role, over, like) {
                (201, "")
            } else if noun == "citations" && !world.sees(who, like) {
                // Where a citation is follows from what it names, and that is hidden.
                (422, "invalid_body")
            } else {
                (403, "outside_perimeter")
            });
            self.hold(operation, who, like.about, &answer, due.0, due.1);
        }
    }

    /// Of a thing that is there, or was, or never was, or one of its parts.
    async fn one(&mut self, method: &str, operation: &str, who: &Principal, thing: &Thing, rest: &[&str], door: &Door) {
        let world = self.world;
        let mut whole = thing.clone();
        if door_is_of_part(door) {
            // A commitment is of its own territory.
            whole.territories = thing.territories.last().cloned().into_iter().collect();
        }
        let part = thing.parts.iter().find(|(part, _)| Some(part) == rest.first()).map_or(NEVER, |(_, id)| id);
        let below: String = rest.iter().map(|segment| format!("/{}", segment.replace("{part_id}", part))).collect();
        let path = format!("/{}/{}{below}", thing.noun, thing.id);
        let mut door = door.clone();
        if matches!(rest, ["history" | "restore"]) && whole.deleted {
            // What is gone can still be told, and brought back.
            whole.deleted = false;
            if let Door::Write { over, .. } = &mut door {
                over.retain(|word| word != "fiche");
            }
        }
        let door = &door;
        let first = world.refusal(who, door, Some(&whole));
        let before = self.lines().await;
        if method == "GET" {
            let answer = who.client.get(&path).await;
            let (status, code) = first.unwrap_or((200, ""));
            self.hold(operation, who, thing.about, &answer, status, code);
            if status == 404 {
                self.as_if_absent(operation, who, thing, answer);
            }
            return;
        }
        let method: Method = method.parse().unwrap();
        let locked = method != Method::POST || matches!(rest, ["transitions" | "erasure" | "merge"]) || rest == ["restore"] && !thing.deleted;
        let send_it = |tag: Option<&'static str>, media: &'static str, body: Value| {
            let mut request = who.client.request(method.clone(), &path);
            if let Some(tag) = tag {
                request = request.header("if-match", tag);
            }
            send(request.header("content-type", media).body(body.to_string()))
        };
        if locked {
            let bare = send_it(None, "application/json", NOTHING()).await;
            let (status, code) = first.unwrap_or((428, "precondition_required"));
            self.hold(operation, who, thing.about, &bare, status, code);
            if status == 404 {
                self.as_if_absent(operation, who, thing, bare);
            }
            let stale = send_it(Some("\"v99\""), "application/json", NOTHING()).await;
            let (status, code) = first.unwrap_or((412, "no_such_version"));
            self.hold(operation, who, thing.about, &stale, status, code);
        }
        if method != Method::DELETE {
            // Of a commitment's place, the body is looked at first.
            let early = if door_is_of_part(door) && method == Method::POST { first.filter(|(_, code)| *code != "outside_perimeter") } else { first };
            let text = send_it(Some("*"), "text/plain", NOTHING()).await;
            let (status, code) = early.unwrap_or((415, "unsupported_media_type"));
            self.hold(operation, who, thing.about, &text, status, code);
            let strange = send_it(Some("*"), "application/json", json!({ "strange": 1 })).await;
            let (status, code) = early.unwrap_or((422, "invalid_body"));
            self.hold(operation, who, thing.about, &strange, status, code);
        }
        assert_eq!(self.lines().await, before, "{operation} by {} of {}: what was refused left a line", who.name, thing.about);
        self.through(&method, operation, who, thing, rest, first).await;
    }

    /// And at last with all that is needed, of a thing made for it.
    async fn through(&mut self, method: &Method, operation: &str, who: &Principal, thing: &Thing, rest: &[&str], first: Option<(u16, &'static str)>) {
        let world = self.world;
        let (status, code) = match first {
            Some(refused) => refused,
            None if *method == Method::DELETE && rest.is_empty() && thing.seated() => (409, "still_referenced"),
            None if *method == Method::DELETE => (204, ""),
            None if *method == Method::POST && !matches!(rest, ["transitions" | "restore" | "erasure" | "merge" | "unmerge"]) => (201, ""),
            None => (200, ""),
        };
        let pilots = who.grants.iter().any(|(_, kind, _)| kind == "fiche");
        let again = matches!(rest, ["restore" | "erasure"]);
        if first.is_some() && (thing.absent || thing.deleted) || again && pilots {
            return;
        }
        self.number += 1;
        // What is destroyed, or moves on, is a thing or a part made for it.
        let house = &world.house;
        let spare = match (method, rest) {
            (&Method::DELETE, []) | (_, ["restore" | "erasure" | "merge" | "unmerge"]) if first.is_none() => {
                make(house, &Thing { territories: own(thing), ..thing.clone() }, self.number).await
            }
            (_, ["transitions"]) if first.is_none() && !pilots => make(house, thing, self.number).await,
            _ => thing.clone(),
        };
        let mut path = format!("/{}/{}", spare.noun, spare.id);
        if let [part, more @ ..] = rest {
            path += &format!("/{part}");
            if let [_] = more {
                let mut id = spare.parts.iter().find(|(known, _)| known == part).map_or(NEVER.to_owned(), |(_, id)| id.clone());
                if *method == Method::DELETE && first.is_none() {
                    let body = self.body_of_part(part, thing).await;
                    id = makers::make(house, &path, body).await;
                }
                path += &format!("/{id}");
            }
        }
        let body = match (method, rest) {
            (&Method::POST, ["transitions"]) => json!({ "axis": "progress", "to": "in_progress" }),
            (&Method::POST, ["restore"]) => json!({ "version": 1 }),
            (&Method::POST, ["erasure"]) => json!({ "reason": "À sa demande" }),
            (&Method::POST, ["merge"]) => json!({ "into_id": stays(house, spare.noun, self.number).await }),
            (&Method::POST, ["unmerge"]) => json!({}),
            (&Method::POST, [part]) => self.body_of_part(part, thing).await,
            _ => NOTHING(),
        };
        if rest == ["restore"] && thing.deleted {
            house.delete(&format!("/{}/{}", spare.noun, spare.id), Some("*")).await.expect(204);
        }
        if rest == ["unmerge"] && first.is_none() {
            let stays = stays(house, spare.noun, self.number).await;
            let merge = house.request(Method::POST, &format!("/{}/{}/merge", spare.noun, spare.id)).header("if-match", "*");
            send(merge.json(&json!({ "into_id": stays }))).await.expect(200);
        }
        let answer = send(who.client.request(method.clone(), &path).header("if-match", "*").json(&body)).await;
        self.hold(operation, who, thing.about, &answer, status, code);
        if let (["transitions"], None) = (rest, first) {
            // To submit it is an editor's; to decide on it is a meeting's.
            let submitted =
                send(who.client.request(Method::POST, &path).header("if-match", "*").json(&json!({ "axis": "validation", "to": "submitted" }))).await;
            self.hold(operation, who, thing.about, &submitted, 200, "");
            let decision = json!({ "axis": "validation", "to": "validated", "reason": "Comité du 12 mars" });
            let decided = send(who.client.request(Method::POST, &path).header("if-match", "*").json(&decision)).await;
            self.hold(operation, who, "a decision", &decided, 422, "invalid_body");
        }
    }

    async fn body_of_part(&mut self, part: &str, thing: &Thing) -> Value {
        self.number += 1;
        let mut body = part_body(&self.world.house, thing.noun, part, self.number).await;
        if part == "commitments" {
            body["territory_id"] = json!(thing.territories.last().unwrap_or(&self.world.territories[3]));
        }
        body
    }

    /// A thing that is hidden is told from one that never was by nothing.
    fn as_if_absent(&mut self, operation: &str, who: &Principal, thing: &Thing, answer: Answer) {
        let mut body = answer.body.clone();
        body.as_object_mut().unwrap().shift_remove("instance");
        let mut headers: Vec<(String, String)> = answer
            .headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "x-request-id" | "date"))
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        headers.sort();
        let told = json!({ "body": body, "headers": headers });
        let known = self.absent.entry((operation.to_owned(), who.name)).or_insert_with(|| told.clone());
        if *known != told {
            self.wrong.push(format!("{operation} by {} of {}: hidden and absent differ: {told} and {known}", who.name, thing.about));
        }
    }

    async fn lines(&mut self) -> i64 {
        use diesel::QueryDsl;
        use diesel_async::RunQueryDsl;
        territoires_industrie::schema::ledger::table.count().get_result(&mut self.conn).await.unwrap()
    }
}

fn door_is_of_part(door: &Door) -> bool {
    matches!(door, Door::Write { over, .. } if over.iter().any(|word| word == "part's territory"))
}

/// The places to make another one in.
fn own(thing: &Thing) -> Vec<String> {
    if thing.noun == "territories" { Vec::new() } else { thing.territories.clone() }
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
        for query in ["", "&q=restricted", "&visibility=public,partners,restricted", &format!("&partner_id={partner}")] {
            let seen = client.get(&format!("/action-fiches?count=true{query}")).await.expect(200);
            // One of them has the word.
            let expected = if query.contains("q=") { total / 3 } else { total };
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

/// One that another of its noun may be merged into.
async fn stays(house: &House, noun: &str, number: usize) -> String {
    let name = format!("stays {number}");
    if noun == "territories" { makers::territory(house, &name).await } else { makers::partner(house, &name).await }
}
