//! Geography: the COG by year, old codes, what crosses borders, perimeters, contours, and files that are refused whole.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use territoires_industrie::{
    api::{
        geography::{cog, contour_file},
        territories::official,
    },
    db::Db,
};

use crate::support::{Client, demo_house, house, makers};

/// A folder of one test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// The shipped extract of the COG, with some of its rows as `edit` leaves them.
    fn cog(&self, edit: impl Fn(&str, &mut Vec<Value>)) -> &PathBuf {
        for name in ["regions.json", "departements.json", "epci.json", "ept.json", "communes.json"] {
            let shipped = fs::read_to_string(format!("{}/src/demo/cog/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            let mut rows: Vec<Value> = serde_json::from_str(&shipped).unwrap();
            edit(name, &mut rows);
            self.file(name, &Value::Array(rows).to_string());
        }
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

async fn territory(client: &Client, name: &str) -> String {
    let found = client.get(&format!("/territories?name={name}")).await.expect(200);
    found.rows()[0]["id"].as_str().unwrap().to_owned()
}

fn codes(places: &Value) -> Vec<&str> {
    places.as_array().unwrap().iter().map(|place| place["code"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn a_territory_is_where_its_communes_are() {
    let house = demo_house().await;
    let anyone = &house.anyone;

    // An intercommunality across the borders of two departments and two regions.
    let alencon = anyone.get("/intercommunalities/246100663?include=places").await.expect(200).body;
    assert_eq!((&alencon["kind"], &alencon["communes_count"]), (&json!("cu"), &json!(31)));
    let places: Vec<_> = alencon["places"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| (place["department_code"].as_str().unwrap(), place["region_code"].as_str().unwrap()))
        .collect();
    assert_eq!(places, [("61", "28"), ("72", "52")]);
    for filter in ["region_code=28", "region_code=52", "department_code=61", "department_code=72"] {
        let found = anyone.get(&format!("/intercommunalities?{filter}&limit=1000")).await.expect(200);
        assert!(found.rows().iter().any(|row| row["siren"] == "246100663"), "{filter}");
        let found = anyone.get(&format!("/territories?{filter}&limit=1000")).await.expect(200);
        assert!(found.rows().iter().any(|row| row["name"] == "Alençon"), "{filter}");
    }
    let breton = anyone.get("/territories?region_code=53&count=true").await.expect(200);
    assert_eq!(breton.body["meta"]["total"], 0);

    // An old code is that of what the commune became part of.
    let segre = anyone.get("/communes/49331").await.expect(200).body;
    let chatelais = anyone.get("/communes/49081").await.expect(200).body;
    assert_eq!((&segre["name"], &chatelais), (&json!("Segré-en-Anjou Bleu"), &segre));
    let formers = segre["formers"].as_array().unwrap();
    assert!(formers.contains(&json!({ "code": "49081", "name": "Châtelais", "kind": "delegated" })), "{formers:?}");
    for nowhere in ["/communes/49999", "/communes/x", "/regions/00", "/departments/2C", "/intercommunalities/246100664"] {
        anyone.get(nowhere).await.expect(404);
    }

    let id = territory(anyone, "Alençon").await;
    let view = anyone.get(&format!("/territories/{id}?include=perimeter")).await.expect(200).body;
    let perimeter = &view["perimeter"];
    assert_eq!((&perimeter["year"], &perimeter["communes_count"]), (&json!(2026), &json!(31)));
    assert_eq!((codes(&perimeter["departments"]), codes(&perimeter["regions"])), (vec!["61", "72"], vec!["28", "52"]));
    let whole = anyone.get(&format!("/territories/{id}/perimeter")).await.expect(200).body;
    let communes = whole["communes"].as_array().unwrap();
    let people: i64 = communes.iter().filter_map(|commune| commune["population"].as_i64()).sum();
    assert_eq!((communes.len(), &json!(people)), (31, &perimeter["population"]));
    let listed = anyone.all("/communes?intercommunality_siren=246100663&sort=code").await;
    assert_eq!(codes(&json!(listed)), codes(&whole["communes"]));

    // A member that the extract does not know is told, never passed over.
    let id = territory(anyone, "Caen Industrie").await;
    let caen = anyone.get(&format!("/territories/{id}/perimeter")).await.expect(200).body;
    assert_eq!((&caen["communes_count"], caen["unknown_members"].as_array().unwrap().len()), (&json!(0), 1));
    assert!(anyone.get("/territories?department_code=14").await.expect(200).rows().iter().any(|row| row["name"] == "Caen Industrie"));
    for (query, wrong) in [("on=2026-02-30", "on"), ("phase_id=x", "phase_id")] {
        let refused = anyone.get(&format!("/territories/{id}/perimeter?{query}")).await.expect(400);
        assert_eq!(refused.wrongs()[0].0, wrong);
    }
}

#[actix_web::test]
async fn a_perimeter_is_that_of_its_phase_and_day() {
    let house = demo_house().await;
    let phases = house.all("/programme-phases?sort=number").await;
    let [first, second] = [0, 1].map(|index: usize| phases[index]["id"].as_str().unwrap().to_owned());
    let whole = house.post(
        "/territories",
        json!({ "name": "Bocage", "members": [
        { "kind": "intercommunality", "siren": "200068799", "name": "CC Intercom de la Vire au Noireau", "phase_id": first },
        { "kind": "intercommunality", "siren": "200035814", "name": "CA Flers Agglo", "phase_id": second },
        { "kind": "commune", "commune_code": "49081", "name": "Châtelais", "phase_id": second, "starts_on": "2024-01-01", "ends_on": "2024-12-31" },
    ] }),
    );
    let whole = whole.await.expect(201).location.unwrap();
    let phase_two = house.get(&format!("/programme-phases/{second}")).await.expect(200);
    house.patch(&format!("/programme-phases/{second}"), phase_two.etag.as_deref(), json!({ "starts_on": "2023-11-09" })).await.expect(200);
    for (query, phase, communes) in [
        ("on=2020-06-01".to_owned(), &first, 17),
        ("on=2024-06-01".to_owned(), &second, 43),
        ("on=2026-06-01".to_owned(), &second, 42),
        (format!("on=2026-06-01&phase_id={first}"), &first, 17),
    ] {
        let perimeter = house.get(&format!("{whole}/perimeter?{query}")).await.expect(200).body;
        assert_eq!(
            (&perimeter["phase_id"], &perimeter["communes_count"], &perimeter["year"]),
            (&json!(phase), &json!(communes), &json!(2026)),
            "{query}"
        );
    }
    // What was a commune of its own is told as what it became part of.
    let then = house.get(&format!("{whole}/perimeter?on=2024-06-01")).await.expect(200).body;
    assert!(codes(&then["communes"]).contains(&"49331"));
}

#[actix_web::test]
async fn years_stand_side_by_side_and_a_bad_file_changes_nothing() {
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("cog");
    let loaded = cog::load(&cog::read(folder.cog(|_, _| {})).unwrap(), 2026, &db).await.unwrap();
    assert!(loaded.iter().all(|table| (table.made, table.changed, table.removed) == (table.all as i64, 0, 0)), "{loaded:?}");
    let again = cog::load(&cog::read(folder.cog(|_, _| {})).unwrap(), 2026, &db).await.unwrap();
    assert!(again.iter().all(|table| (table.made, table.changed, table.removed) == (0, 0, 0)), "{again:?}");

    // In the year before, one commune had another name, and another one was not there.
    let before = folder.cog(|file, rows| {
        for row in rows.iter_mut().filter(|_| file == "epci.json") {
            row["membres"].as_array_mut().unwrap().retain(|member| member["code"] != "72006");
        }
        if file == "communes.json" {
            rows.retain(|row| row["code"] != "72006");
            rows.iter_mut().filter(|row| row["code"] == "61001").for_each(|row| row["nom"] = json!("Alençon-la-Vieille"));
        }
    });
    cog::load(&cog::read(before).unwrap(), 2025, &db).await.unwrap();
    let totals = |year: &'static str| house.get(if year.is_empty() { "/communes?count=true" } else { "/communes?count=true&year=2025" });
    let (now, then) = (totals("").await.expect(200).body, totals("2025").await.expect(200).body);
    assert_eq!(now["meta"]["total"].as_i64().unwrap() - 1, then["meta"]["total"].as_i64().unwrap(), "unless asked, the latest year");
    assert_eq!(house.get("/communes/61001").await.expect(200).body["name"], "Alençon");
    let old = house.get("/communes?code=61001&year=2025").await.expect(200);
    assert_eq!((&old.rows()[0]["name"], &old.rows()[0]["version"]), (&json!("Alençon-la-Vieille"), &json!(1)));
    let id =
        makers::make(&house, "/territories", json!({ "name": "T", "members": [{ "kind": "intercommunality", "siren": "246100663", "name": "CU" }] }))
            .await;
    for (day, year, communes) in [("2024-05-01", 2025, 30), ("2025-12-31", 2025, 30), ("2026-01-01", 2026, 31), ("2030-01-01", 2026, 31)] {
        let perimeter = house.get(&format!("/territories/{id}/perimeter?on={day}")).await.expect(200).body;
        assert_eq!((&perimeter["year"], &perimeter["communes_count"]), (&json!(year), &json!(communes)), "{day}");
    }
    // A corrected file changes what differs, and nothing else.
    let corrected = cog::load(&cog::read(folder.cog(|_, _| {})).unwrap(), 2025, &db).await.unwrap();
    assert_eq!(
        corrected.iter().map(|table| (table.made, table.changed, table.removed)).collect::<Vec<_>>(),
        [(0, 0, 0), (0, 0, 0), (0, 1, 0), (1, 1, 0)]
    );
    assert_eq!(house.get("/communes?code=61001&year=2025").await.expect(200).rows()[0]["version"], 2);

    let hostile = folder.cog(|file, rows| match file {
        "regions.json" => rows[0]["nom"] = json!("Gua\u{202e}deloupe"),
        "departements.json" => rows[0]["region"] = json!("99"),
        "epci.json" => rows[0]["membres"].as_array_mut().unwrap().push(json!({ "code": "99999" })),
        "communes.json" => {
            let living = |row: &&mut Value| row["type"] == "commune-actuelle";
            let twice = rows.iter_mut().filter(living).nth(1).unwrap().clone();
            rows.iter_mut().find(living).unwrap()["code"] = json!("1");
            rows.push(twice);
        }
        _ => {}
    });
    let told = cog::read(hostile).err().unwrap().to_string();
    for part in [
        "regions.json: 01: Contains a character",
        "departements.json: 01: its region 99",
        "the commune 99999 is not there",
        "communes.json: 1: Is not a commune code of the COG",
        "is there twice",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    folder.file("communes.json", "[{\"code\": }]");
    let told = format!("{:#}", cog::read(&folder.0).err().unwrap());
    assert!(told.contains("communes.json") && told.contains("line 1 column 11"), "{told}");
}

#[actix_web::test]
async fn a_list_is_loaded_whole_or_not_at_all() {
    let house = demo_house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("lists");
    let labels = async || house.get("/territories?count=true&limit=1").await.expect(200).body["meta"]["total"].clone();
    let before = labels().await;

    let bad = folder.file("bad.csv", "id_ti;lib_ti;siren_membre;lib_membre;type_membre;codes_departements\nti-99;Nulle part;246100664;CU;epci;61\nti-2890;Essai;200068799;CC;ville;6é|61\nti-2890;Autre;200035814;;epci;61\nti-2891;x;y\n");
    let told = official::read(&[&bad]).unwrap_err().to_string();
    for part in [
        "bad.csv: line 2, id_ti: \"ti-99\": Is not an official code",
        "bad.csv: line 3, type_membre: \"ville\" is none of epci, ept, commune",
        "bad.csv: line 3, codes_departements: \"6é\": Is not a department code",
        "bad.csv: line 4, lib_ti: ti-2890 is named \"Essai\" elsewhere, and \"Autre\" here",
        "bad.csv: line 4, lib_membre: \"\": Must not be blank",
        "bad.csv: line 5, all columns",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(labels().await, before);
    let other = folder.file("other.csv", "siren,nom\n246100663,CU\n");
    assert!(official::read(&[other]).unwrap_err().to_string().contains("are the columns of no list known here"));
    let list = official::read(&[folder.file("list.csv", "id_ti,lib_ti\nti-2890,Essai\n")]).unwrap();
    assert!(official::load(&list, 7, &db).await.unwrap_err().to_string().contains("there is no phase 7"));
    let named = official::read(&[folder.file("named.csv", "id_ti,lib_ti\nti-2890,Alencon\n")]).unwrap();
    assert!(official::load(&named, 2, &db).await.unwrap_err().to_string().contains("a territory of this name bears the code ti-2801"));

    // The lists as ANCT publishes them: groups, communes and territories apart; a group in two territories; a commune alone.
    let files = [
        folder.file("ti.csv", "\u{feff}id_ti,lib_ti\nti-2890,Bocage\nti-2891,Plaine\n"),
        folder.file("grpt.csv", "id_ti,siren_groupement,lib_groupement\nti-2890 ; ti-2891,200035814,CA Flers Agglo\n"),
        folder.file("com.csv", "insee_com,lib_com,id_ti,lib_ti\n61169,Flers,ti-2890,Bocage\n49331,Segré-en-Anjou Bleu,ti-2891,Plaine\n"),
    ];
    let loaded = official::load(&official::read(&files).unwrap(), 2, &db).await.unwrap();
    assert_eq!((loaded.territories_made, loaded.members_made, loaded.successions_made), (2, 3, 2 /* of Collines de Normandie, split */));
    let again = official::load(&official::read(&files).unwrap(), 2, &db).await.unwrap();
    assert_eq!(again, official::Loaded { territories: 2, members: 3, ..official::Loaded::default() }, "the same again changes nothing");
    let id = territory(&house, "Plaine").await;
    let plaine = house.get(&format!("/territories/{id}?include=labels,members,perimeter")).await.expect(200).body;
    let members: Vec<_> =
        plaine["members"].as_array().unwrap().iter().map(|member| (&member["kind"], &member["siren"], &member["commune_code"])).collect();
    assert_eq!(members, [(&json!("intercommunality"), &json!("200035814"), &json!(null)), (&json!("commune"), &json!(null), &json!("49331"))]);
    assert_eq!((&plaine["labels"][0]["official_code"], &plaine["perimeter"]["communes_count"]), (&json!("ti-2891"), &json!(43)));
    // A member that is on the list no more goes; the ledger keeps that it was.
    let shorter = [
        files[0].clone(),
        folder.file("grpt2.csv", "id_ti,siren_epci,lib_epci\nti-2890,200035814,CA Flers Agglo\nti-2891,244900809,CC Anjou Bleu Communauté\n"),
    ];
    let loaded = official::load(&official::read(&shorter).unwrap(), 2, &db).await.unwrap();
    assert_eq!((loaded.members_made, loaded.members_removed), (1, 2));
    let history = house.get(&format!("/territories/{id}/history")).await.expect(200);
    assert_eq!(history.rows()[0]["author"], "command: load territories");
}

#[actix_web::test]
async fn contours_are_kept_apart_and_told_when_asked() {
    let house = demo_house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("contours");
    let square = json!({ "type": "Polygon", "coordinates": [[[0.0, 48.0], [0.5, 48.0], [0.5, 48.5], [0.0, 48.0]]] });
    let feature = |properties: Value, geometry: &Value| json!({ "type": "Feature", "properties": properties, "geometry": geometry });
    let collection = |features: Vec<Value>| json!({ "type": "FeatureCollection", "features": features }).to_string();
    let good = folder.file(
        "good.geojson",
        &collection(vec![
            feature(json!({ "id_ti": "ti-2802" }), &square),
            feature(json!({ "siren": "246100663" }), &square),
            feature(json!({ "code": "61001" }), &square),
            feature(json!({ "code_departement": "61" }), &square),
            feature(json!({ "code_region": "28" }), &square),
        ]),
    );
    let file = contour_file::read(&good).unwrap();
    let several = contour_file::load(&file, None, &db).await.unwrap_err().to_string();
    assert!(several.contains("feature 1: ti-2802 is a code in several phases"), "{several}");
    assert_eq!(contour_file::load(&file, Some(1), &db).await.unwrap(), 5);
    assert_eq!(contour_file::load(&file, Some(1), &db).await.unwrap(), 0, "the same again changes nothing");
    let bbox = json!([0.0, 48.0, 0.5, 48.5]);
    let id = territory(&house, "Caen Industrie").await;
    let label = house.get(&format!("/territories/{id}/labels?include=contour&official_code=ti-2802")).await.expect(200);
    assert_eq!(label.rows()[0]["contour"], json!({ "bbox": bbox, "geometry": square }));
    for path in [
        format!("/territories/{id}"),
        "/intercommunalities/246100663".into(),
        "/communes/61001".into(),
        "/departments/61".into(),
        "/regions/28".into(),
    ] {
        let drawn = house.anyone.get(&format!("{path}?include=contour")).await.expect(200).body;
        assert_eq!((&drawn["contour"]["bbox"], &drawn["contour"]["geometry"]), (&bbox, &square), "{path}");
        let plain = house.anyone.get(&path).await.expect(200).body;
        assert!(plain.get("contour").is_none(), "{path}");
    }
    let bad = folder.file(
        "bad.geojson",
        &collection(vec![
            feature(json!({ "nom": "?" }), &square),
            feature(
                json!({ "code": "61001" }),
                &json!({ "type": "Polygon", "coordinates": [[[483_000, 6_817_000], [1, 1], [2, 2], [483_000, 6_817_000]]] }),
            ),
        ]),
    );
    let told = contour_file::read(&bad).err().unwrap().to_string();
    assert!(told.contains("feature 1: properties") && told.contains("feature 2: geometry: 483000, 6817000 is no longitude"), "{told}");
}
