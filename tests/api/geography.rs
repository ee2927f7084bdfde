//! Geography: the COG by year, old codes, what crosses borders, perimeters, contours, and files that are refused whole.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use territoires_industrie::{
    api::{
        geography::{cog, contour_file},
        territories::official,
    },
    config::ContoursOf,
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
        "bad.csv: line 4, lib_ti: ti-2890 is named \"Essai\" elsewhere",
        "bad.csv: line 3), and \"Autre\" here",
        "bad.csv: line 4, lib_membre: \"\": Must not be blank",
        "bad.csv: line 5, all columns",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(labels().await, before);
    let other = folder.file("other.csv", "siren,nom\n246100663,CU\n");
    assert!(official::read(&[other]).unwrap_err().to_string().contains("are the columns of no list known here"));
    let list = official::read(&[folder.file("list.csv", "id_ti,lib_ti\nti-2890,Essai\n")]).unwrap();
    assert!(official::load(&list, 7, &official::Map::default(), &db).await.unwrap_err().to_string().contains("there is no phase 7"));
    let named = official::read(&[folder.file("named.csv", "id_ti,lib_ti\nti-2890,Alencon\n")]).unwrap();
    assert!(
        official::load(&named, 2, &official::Map::default(), &db)
            .await
            .unwrap_err()
            .to_string()
            .contains("a territory of this name bears the code ti-2801")
    );

    // The lists as ANCT publishes them: groups, communes and territories apart; a group in two territories; a commune alone.
    let files = [
        folder.file("ti.csv", "\u{feff}id_ti,lib_ti\nti-2890,Bocage\nti-2891,Plaine\n"),
        folder.file("grpt.csv", "id_ti,siren_groupement,lib_groupement\nti-2890 ; ti-2891,200035814,CA Flers Agglo\n"),
        folder.file("com.csv", "insee_com,lib_com,id_ti,lib_ti\n61169,Flers,ti-2890,Bocage\n49331,Segré-en-Anjou Bleu,ti-2891,Plaine\n"),
    ];
    let loaded = official::load(&official::read(&files).unwrap(), 2, &official::Map::default(), &db).await.unwrap();
    assert_eq!((loaded.territories_made, loaded.members_made, loaded.successions_made), (2, 3, 2 /* of Collines de Normandie, split */));
    let again = official::load(&official::read(&files).unwrap(), 2, &official::Map::default(), &db).await.unwrap();
    let unchanged = official::Loaded { territories: 2, members: 3, recognised: [(official::How::Code, 2)].into(), ..official::Loaded::default() };
    assert_eq!(again, unchanged, "the same again changes nothing");
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
    let loaded = official::load(&official::read(&shorter).unwrap(), 2, &official::Map::default(), &db).await.unwrap();
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
    let file = contour_file::read(&good, None).unwrap();
    let several = contour_file::load(&file, None, &db).await.unwrap_err().to_string();
    assert!(several.contains("feature 1: ti-2802 is a code in several phases"), "{several}");
    assert_eq!(contour_file::load(&file, Some(1), &db).await.unwrap().drawn, 5);
    assert_eq!(contour_file::load(&file, Some(1), &db).await.unwrap().drawn, 0, "the same again changes nothing");
    let bbox = json!([0.0, 48.0, 0.5, 48.5]);
    let id = territory(&house, "Caen Industrie").await;
    let label = house.get(&format!("/territories/{id}/labels?include=contour&official_code=ti-2802")).await.expect(200);
    assert_eq!(label.rows()[0]["contour"], json!({ "bbox": bbox, "geometry": square }));
    // A territory has a contour in each phase; today is the current one.
    let today = async || house.anyone.get(&format!("/territories/{id}?include=labels,contour")).await.expect(200).body;
    assert!(today().await.get("contour").is_none(), "the contour of the first phase is not that of the second one");
    let later = json!({ "type": "Polygon", "coordinates": [[[1.0, 48.0], [1.5, 48.0], [1.5, 48.5], [1.0, 48.0]]] });
    let second = folder.file("second.geojson", &collection(vec![feature(json!({ "id_ti": "ti-2803" }), &later)]));
    assert_eq!(contour_file::load(&contour_file::read(&second, None).unwrap(), Some(2), &db).await.unwrap().drawn, 1);
    let drawn = today().await;
    assert_eq!(drawn["contour"]["geometry"], later);
    let mut of_labels: Vec<&Value> = drawn["labels"].as_array().unwrap().iter().map(|label| &label["contour"]["geometry"]).collect();
    of_labels.sort_by_key(|geometry| geometry.to_string());
    assert_eq!(of_labels, [&square, &later]);
    for path in ["/intercommunalities/246100663", "/communes/61001", "/departments/61", "/regions/28"] {
        let drawn = house.anyone.get(&format!("{path}?include=contour")).await.expect(200).body;
        assert_eq!((&drawn["contour"]["bbox"], &drawn["contour"]["geometry"]), (&bbox, &square), "{path}");
        let plain = house.anyone.get(path).await.expect(200).body;
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
    let told = contour_file::read(&bad, None).err().unwrap().to_string();
    assert!(told.contains("feature 1: properties") && told.contains("feature 2: geometry: 483000, 6817000 is no longitude"), "{told}");
}

/// A feature names what it is the contour of: by its finest code, or as `--of` says; else it is refused.
#[actix_web::test]
async fn a_contour_is_drawn_on_what_its_feature_names_or_on_nothing() {
    let house = demo_house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("named");
    let square = |west: f64| json!([[[west, 48.0], [west + 0.5, 48.0], [west + 0.5, 48.5], [west, 48.0]]]);
    let polygon = |west: f64| json!({ "type": "Polygon", "coordinates": square(west) });
    let feature = |properties: &Value, geometry: Value| json!({ "type": "Feature", "properties": properties, "geometry": geometry });
    let whole = |features: &[Value]| json!({ "type": "FeatureCollection", "features": features }).to_string();
    let try_load = async |text: &str, of: Option<ContoursOf>| -> Result<contour_file::Loaded, String> {
        let file = contour_file::read(&folder.file("some.geojson", text), of).map_err(|error| error.to_string())?;
        contour_file::load(&file, None, &db).await.map_err(|error| error.to_string())
    };
    let west = async |path: &str| house.anyone.get(&format!("{path}?include=contour")).await.expect(200).body["contour"]["bbox"][0].as_f64();

    // The finest code of several is the feature's own. Each is drawn somewhere else, so that one sees which thing got it.
    let ign = json!({ "NOM": "Flers", "INSEE_COM": "61169", "INSEE_CAN": "08", "INSEE_ARR": "1", "INSEE_DEP": "61", "INSEE_REG": "28", "SIREN_EPCI": "200035814" });
    let mut two_epci = ign.clone();
    two_epci["SIREN_EPCI"] = json!("200035814/246100663");
    let own = json!({ "nom": "Flers", "code": "61169", "codeDepartement": "61", "siren": "216101691", "codeEpci": "200035814", "codeRegion": "28" });
    let cases = [
        (ign.clone(), "/communes/61169"),
        (two_epci, "/communes/61169"),
        (own, "/communes/61169"),
        (json!({ "insee": 61169 }), "/communes/61169"),
        (json!({ "siren": "216101691" }), "/communes/61169"),
        (json!({ "code": "200035814", "codesDepartements": ["61"] }), "/intercommunalities/200035814"),
        (json!({ "code": "61", "nom": "Orne", "region": "28" }), "/departments/61"),
        (json!({ "code": "28", "nom": "Eure-et-Loir", "region": "24" }), "/departments/28"),
        (json!({ "code": "2A", "nom": "Corse-du-Sud" }), "/departments/2A"),
        (json!({ "code": "971" }), "/departments/971"),
        (json!({ "code": 1, "nom": "Ain", "region": 84 }), "/departments/01"),
        (json!({ "INSEE_REG": "28" }), "/regions/28"),
        (json!({ "code_insee": "72", "code_insee_de_la_region": "52", "code_siren": "227200029" }), "/departments/72"),
    ];
    for (place, (properties, path)) in (1..).zip(&cases) {
        let west_of_it = f64::from(place);
        let loaded = try_load(&whole(&[feature(properties, polygon(west_of_it))]), None).await;
        assert_eq!((loaded.map(|loaded| loaded.drawn), west(path).await), (Ok(1), Some(west_of_it)), "{properties}");
    }
    assert_eq!(west("/intercommunalities/200035814").await, Some(6.0), "the attributes of its communes drew nothing");

    // What names nothing, or two things, is refused.
    let refused = [
        (json!({ "code": "28" }), "the code of a department and of a region: say of which, with --of"),
        (json!({ "code": "61", "region": "24" }), "the department 61 is not in the region 24"),
        (json!({ "INSEE_COM": "x", "SIREN_EPCI": "200035814" }), "INSEE_COM is \"x\", which is no code of communes"),
        (json!({ "INSEE_COM": null, "SIREN_EPCI": "200035814" }), "INSEE_COM is \"\""),
        (json!({ "INSEE_CAN": "08", "INSEE_DEP": "61", "INSEE_REG": "28" }), "INSEE_CAN 08 is finer"),
        (json!({ "id_ti": "ti-2801", "siren_epci": "200035814" }), "name a territory and an intercommunality"),
        (json!({ "code": "61", "siren": "200035814" }), "61 and the SIREN 200035814 are of two things"),
        (json!({ "siren_epci": "200035814, 246100663" }), "name no territory"),
        (json!({ "code": "49081" }), "49081 is the old code of a part of 49331 Segré-en-Anjou Bleu"),
        (json!({ "code": "61999" }), "communes have no 61999"),
        (json!({ "nom": "Flers" }), "name no territory, SIREN or code"),
    ];
    for (properties, told) in refused {
        let fault = try_load(&whole(&[feature(&properties, polygon(0.0))]), None).await.unwrap_err();
        assert!(fault.contains("feature 1") && fault.contains(told), "{properties}: {fault}");
    }
    let region = whole(&[feature(&json!({ "code": "28", "nom": "Normandie" }), polygon(20.0))]);
    assert_eq!(try_load(&region, Some(ContoursOf::Regions)).await.map(|loaded| loaded.drawn), Ok(1));
    assert_eq!((west("/regions/28").await, west("/departments/28").await), (Some(20.0), Some(8.0)));
    let whole_of_them = whole(&[feature(&ign, polygon(21.0))]);
    assert_eq!(try_load(&whole_of_them, Some(ContoursOf::Intercommunalities)).await.map(|loaded| loaded.drawn), Ok(1));
    assert_eq!(west("/intercommunalities/200035814").await, Some(21.0));
    assert!(try_load(&whole_of_them, Some(ContoursOf::Territories)).await.unwrap_err().contains("name none of territories"));

    // The parts of one thing are one contour; a Feature may stand alone; what has no geometry is told, and the others are drawn.
    let (flers, alencon) = (json!({ "siren": "200035814" }), json!({ "siren": "246100663" }));
    let parts = whole(&[feature(&flers, polygon(30.0)), feature(&alencon, Value::Null), feature(&flers, polygon(31.0))]);
    let loaded = try_load(&parts, None).await.unwrap();
    assert_eq!((loaded.drawn, loaded.told.len()), (1, 1));
    assert!(loaded.told[0].contains("feature 2: has no geometry"), "{:?}", loaded.told);
    let drawn = house.anyone.get("/intercommunalities/200035814?include=contour").await.expect(200).body;
    assert_eq!(drawn["contour"]["geometry"], json!({ "type": "MultiPolygon", "coordinates": [square(30.0), square(31.0)] }));
    let alone = json!({ "type": "Polygon", "coordinates": [[[40, 48], [40.5, 48.0], [40.5, 48.5], [40.0, 48.0]]] });
    assert_eq!(try_load(&feature(&flers, alone).to_string(), None).await.map(|loaded| loaded.drawn), Ok(1));
    assert_eq!(west("/intercommunalities/200035814").await, Some(40.0));

    // The official lists read the same forms.
    let listed = |geometry: Value| {
        feature(&json!({ "id_ti": "ti-2899", "lib_ti": "Essai Nord", "siren_groupement": "200035814", "lib_groupement": "CA" }), geometry)
    };
    let list = folder.file("list.geojson", &whole(&[listed(polygon(0.0)), listed(Value::Null), listed(polygon(1.0))]));
    let loaded = official::load(&official::read(&[list]).unwrap(), 2, &official::Map::default(), &db).await.unwrap();
    assert_eq!((loaded.territories, loaded.members_made, loaded.contours_drawn), (1, 1, 1));
    assert!(loaded.told[0].contains("feature 2: has no geometry"), "{:?}", loaded.told);
    let id = territory(&house, "Essai%20Nord").await;
    let label = house.get(&format!("/territories/{id}/labels?include=contour")).await.expect(200);
    assert_eq!(label.rows()[0]["contour"]["geometry"], json!({ "type": "MultiPolygon", "coordinates": [square(0.0), square(1.0)] }));
}

/// The places in a refusal are those that the person sees in an editor, and what only looks different is told before the database sees it.
#[actix_web::test]
async fn a_list_is_read_as_spreadsheets_write_it() {
    let folder = Folder::new("csv");
    let read = |text: &str| official::read(&[folder.file("list.csv", text)]).map(drop).map_err(|error| error.to_string());
    // With any end of line, and with an empty line before it.
    for (end, empty, line) in [("\n", "", 3), ("\r\n", "", 3), ("\r", "", 3), ("\n", "\n", 4), ("\r\n", "\r\n\r\n", 5)] {
        let told = read(&["id_ti;lib_ti", "ti-9001;Essai Nord", &format!("{empty}ti-90;Essai Est"), ""].join(end)).unwrap_err();
        assert!(told.contains(&format!("list.csv: line {line}, id_ti: \"ti-90\"")), "{end:?} {empty:?}: {told}");
        let told = read(&["id_ti;lib_ti", "ti-9001;\"Essai", "Nord\"", &format!("{empty}ti-9002;Est;x"), ""].join(end)).unwrap_err();
        assert!(told.contains(&format!("list.csv: line {}, all columns: the row has 3 cells", line + 1)), "{end:?} {empty:?}: {told}");
    }
    // Rows of separators are empty rows, and cells without a column are no cells.
    assert_eq!(read("id_ti;lib_ti\nti-9001;Essai Nord\n;\n ; \n;;;\n;\n"), Ok(()));
    assert_eq!(read("id_ti,lib_ti\r\nti-9001,Essai Nord,,\r\n,,,\r\n"), Ok(()));
    assert!(read("id_ti;lib_ti\n;Essai Nord\n").is_err_and(|told| told.contains("line 2, id_ti")));
    // Names that differ by case or accents alone, of two territories or of one.
    let told = read("id_ti;lib_ti\nti-9001;Pays d'Épernay\n;\nti-9002;PAYS D’EPERNAY\n").unwrap_err();
    assert!(
        told.contains("list.csv: line 4, name: ti-9002") && told.contains("ti-9001 \"Pays d'Épernay\"") && told.contains("list.csv: line 2"),
        "{told}"
    );
    let told = read("id_ti;lib_ti\nti-9001;Cœur\nti-9001;Coeur\n").unwrap_err();
    assert!(told.contains("list.csv: line 3, lib_ti: ti-9001 is named \"Cœur\" elsewhere") && told.contains("list.csv: line 2"), "{told}");
}

/// The packages of the years before 2022 say some things otherwise.
#[actix_web::test]
async fn the_packages_of_earlier_years_are_read() {
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("early");
    let early = folder.cog(|file, rows| match file {
        "regions.json" => rows.retain(|row| row["code"].as_str().unwrap().len() == 2),
        "departements.json" => rows.retain(|row| row["region"].as_str().unwrap().len() == 2),
        "epci.json" => {
            let own = |member: &mut Value| member["siren"] = json!(if member["code"] == "61001" { "216100016" } else { "200065423" });
            rows.iter_mut().flat_map(|row| row["membres"].as_array_mut().unwrap()).for_each(own);
            let whole = rows.iter_mut().find(|row| row["membres"].as_array().unwrap().iter().any(|member| member["code"] == "49331")).unwrap();
            // A part of a commune that is a member already, as in the package of 2020; a member twice and a row without values, as in 2025.
            whole["membres"].as_array_mut().unwrap().push(json!({ "code": "49081", "siren": "214900813" }));
            whole["membres"].as_array_mut().unwrap().push(json!({ "code": "49331", "siren": "200065423" }));
            rows.push(json!({ "code": "undefined", "membres": [{ "code": "undefined", "siren": "undefined" }] }));
        }
        "communes.json" => {
            rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().shift_remove("siren")));
            rows.retain(|row| row["departement"].as_str().unwrap().len() == 2 || row["region"].as_str().unwrap().len() == 2);
            for collectivity in [("97501", "975", "Saint-Pierre-et-Miquelon"), ("97701", "977", "Saint-Barthélemy")] {
                let whole = json!({ "code": collectivity.1, "nom": collectivity.2 });
                rows.push(json!({ "code": collectivity.0, "nom": "Île", "collectiviteOutremer": whole, "type": "commune-actuelle" }));
            }
            // Taken over by one that was taken over itself; with another code; and one of which nothing is said.
            rows.push(json!({ "code": "61901", "departement": "61", "region": "28", "nom": "Une", "type": "commune-absorbee", "communeAbsorbante": "61902" }));
            rows.push(json!({ "code": "61902", "departement": "61", "region": "28", "nom": "Deux", "type": "ancien-code", "nouveauCode": "61001" }));
            rows.push(json!({ "code": "61903", "departement": "61", "region": "28", "nom": "Trois", "type": "commune-perimee" }));
        }
        _ => {}
    });
    fs::remove_file(early.join("ept.json")).unwrap();
    let cog = cog::read(early).unwrap();
    assert_eq!(cog.told.len(), 4, "{:?}", cog.told);
    cog::load(&cog, 2019, &db).await.unwrap();
    for (old, now) in [("61901", "Alençon"), ("61902", "Alençon"), ("49081", "Segré-en-Anjou Bleu")] {
        assert_eq!(house.get(&format!("/communes/{old}")).await.expect(200).body["name"], now, "{old}");
    }
    house.get("/communes/61903").await.expect(404);
    assert_eq!(house.get("/communes/61001").await.expect(200).body["siren"], "216100016", "as its intercommunality says it");
    let island = house.get("/communes/97501").await.expect(200).body;
    assert_eq!((&island["department_code"], &island["region_code"]), (&json!("975"), &json!("975")));
    assert_eq!(house.get("/departments/977").await.expect(200).body["name"], "Saint-Barthélemy");

    // An old code on a list is the commune of today, and is told.
    makers::phase(&house, 1).await;
    let list = "insee_com;lib_com;id_ti;lib_ti\n49081;Châtelais;ti-9001;Essai Nord\n61901;Une;ti-9001;Essai Nord\n49331;Segré;ti-9002;Essai Sud\n";
    let loaded = official::load(&official::read(&[folder.file("old.csv", list)]).unwrap(), 1, &official::Map::default(), &db).await.unwrap();
    assert_eq!((loaded.members_made, loaded.told.len()), (3, 2), "{:?}", loaded.told);
    assert!(loaded.told[0].contains("49081: \"Châtelais\" is the old code of a part of 49331"), "{:?}", loaded.told);
    let id = territory(&house, "Essai%20Nord").await;
    let members = house.get(&format!("/territories/{id}/members?sort=name")).await.expect(200);
    let members: Vec<_> = members.rows().iter().map(|row| (row["commune_code"].as_str().unwrap(), row["name"].as_str().unwrap())).collect();
    assert_eq!(members, [("61001", "Alençon"), ("49331", "Segré-en-Anjou Bleu")]);
}

/// A territory that goes on is one thing with a label for each phase; what a person says comes first.
#[actix_web::test]
async fn a_territory_that_goes_on_is_one_thing() {
    let house = house().await;
    let db = Db::new(&house.url, 1).unwrap();
    let folder = Folder::new("goes-on");
    let phases = [makers::phase(&house, 1).await, makers::phase(&house, 2).await];
    let sirens = ["200035814", "200043065", "200068799", "200073161", "243700499", "243700820", "244900809", "246100663"];
    let list = |name: &str, rows: &[(&str, &str, &[usize])]| {
        let head = "id_ti;lib_ti;siren_membre;lib_membre;type_membre\n".to_owned();
        let member = |(code, name, members): &(&str, &str, &[usize])| -> String {
            members.iter().map(|member| format!("{code};{name};{};CC {member};epci\n", sirens[*member])).collect()
        };
        folder.file(name, &(head + &rows.iter().map(member).collect::<String>()))
    };
    let first = list(
        "1.csv",
        &[("ti-9001", "Béziers-Sète", &[0]), ("ti-9002", "Kourou", &[1]), ("ti-9003", "Vosges", &[2, 3]), ("ti-9004", "Sud - Est", &[4])],
    );
    let second = list(
        "2.csv",
        &[
            ("ti-9011", "Béziers – Sète", &[0, 5]),
            ("ti-9012", "Savanes", &[1]),
            ("ti-9013", "Vosges du Sud", &[2, 6]),
            ("ti-9014", "Plaine", &[3]),
            ("ti-9015", "Sud-Est", &[7]),
        ],
    );
    let load = async |file: &PathBuf, phase: i32, map: &official::Map| {
        official::load(&official::read(&[file]).unwrap(), phase, map, &db).await.map_err(|error| error.to_string())
    };
    let none = official::Map::default();
    load(&first, 1, &none).await.unwrap();
    let loaded = load(&second, 2, &none).await.unwrap();
    assert_eq!(loaded.recognised, [(official::How::Spelling, 1), (official::How::Members, 1), (official::How::New, 3)].into());
    for told in [
        "ti-9011 \"Béziers – Sète\" is \"Béziers-Sète\" (ti-9001 in phase 1): known by the name, written otherwise",
        "ti-9012 \"Savanes\" is \"Kourou\" (ti-9002 in phase 1): known by the members, under another name",
        "ti-9015 \"Sud-Est\": \"Sud - Est\" has no member in common with it, and is another territory",
    ] {
        assert!(loaded.told.iter().any(|line| line == told), "{told} in {:#?}", loaded.told);
    }
    let all = async || house.all("/territories?sort=name&include=labels,successions,predecessors,succession_members").await;
    let names = async || all().await.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names().await, ["Béziers – Sète", "Plaine", "Savanes", "Sud - Est", "Sud-Est", "Vosges", "Vosges du Sud"]);
    let found = house.get("/territories?q=kourou&include=labels").await.expect(200);
    let labels: Vec<_> =
        found.rows()[0]["labels"].as_array().unwrap().iter().map(|label| (&label["phase_id"], &label["name"], &label["official_code"])).collect();
    assert_eq!(labels, [(&json!(phases[0]), &json!("Kourou"), &json!("ti-9002")), (&json!(phases[1]), &json!("Savanes"), &json!("ti-9012"))]);
    assert_eq!(found.rows()[0]["aliases"], json!([{ "name": "Kourou", "source": "Liste officielle de la phase 1" }]));

    // A succession names the members that stay, join and leave, and is read from both ends.
    let of = async |name: &str| all().await.into_iter().find(|row| row["name"] == name).unwrap();
    let (vosges, south) = (of("Vosges").await, of("Vosges du Sud").await);
    let link = vosges["successions"].as_array().unwrap().iter().find(|link| link["successor_id"] == south["id"]).unwrap();
    assert_eq!(&south["predecessors"][0], link);
    let listed = house.get(&format!("/territories/{}/successions?include=members", vosges["id"].as_str().unwrap())).await.expect(200);
    assert!(listed.rows().contains(link));
    let sirens_of = |fate: &str| link[fate].as_array().unwrap().iter().map(|member| member["siren"].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((sirens_of("stays"), sirens_of("joins"), sirens_of("leaves")), (vec![sirens[2]], vec![sirens[6]], vec![sirens[3]]));
    let before = house.get(&format!("/territories?successor_id={}", south["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(before.rows().iter().map(|row| &row["id"]).collect::<Vec<_>>(), [&vosges["id"]]);
    let after = house.get(&format!("/territories?predecessor_id={}&sort=name", vosges["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(after.rows().iter().map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["Plaine", "Vosges du Sud"]);

    // Along a succession things may be linked, and a list goes back in time.
    let [vosges_id, south_id, plain_id] = [&vosges, &south, &of("Plaine").await].map(|row| row["id"].as_str().unwrap().to_owned());
    let contract = json!({ "title": "Contrat", "kind": "contract", "territory_id": vosges_id, "status": "signed" });
    let contract = makers::make(&house, "/agreements", contract).await;
    let renewed =
        |territory: &str| json!({ "title": "Avenant", "kind": "amendment", "territory_id": territory, "status": "planned", "parent_id": contract });
    makers::make(&house, "/agreements", renewed(&south_id)).await;
    let strange = of("Sud-Est").await;
    let refused = house.post("/agreements", renewed(strange["id"].as_str().unwrap())).await.expect(422);
    assert_eq!(refused.wrongs(), [("/parent_id".to_owned(), "broken_rule".to_owned())]);
    for (query, count) in [("", 1), ("&with_predecessors=false", 1), ("&with_predecessors=true", 2)] {
        assert_eq!(house.all(&format!("/agreements?territory_id={south_id}{query}")).await.len(), count, "{query}");
    }
    assert_eq!(house.all(&format!("/agreements?territory_id={plain_id}&with_predecessors=true")).await.len(), 1);
    assert_eq!(house.get("/agreements?with_predecessors=true").await.expect(400).wrongs()[0].0, "with_predecessors");
    assert_eq!(house.get("/partners?kind=company&with_predecessors=yes").await.expect(400).wrongs()[0].0, "with_predecessors");

    // The map corrects: two that are one, and one that is two; and the same again changes nothing.
    let wrong = folder.file("wrong.csv", "id_ti_phase1;id_ti_phase2\nti-9003;ti-9013\nti-9003;ti-9014\n");
    assert!(official::Map::read(&wrong).unwrap_err().to_string().contains("wrong.csv: line 3, id_ti_phase1: ti-9003 is in another row already"));
    let map = official::Map::read(&folder.file("map.csv", "id_ti_phase1;id_ti_phase2\r\nti-9003;ti-9013\r\nti-9002;\r\n;ti-9012\r\n")).unwrap();
    let loaded = load(&second, 2, &map).await.unwrap();
    assert!(loaded.told.iter().any(|line| line.contains("ti-9013 and ti-9003 of phase 1 are one now")), "{:#?}", loaded.told);
    assert!(loaded.told.iter().any(|line| line.contains("ti-9012 \"Savanes\" is a territory of its own now")), "{:#?}", loaded.told);
    let again = load(&second, 2, &map).await.unwrap();
    assert_eq!((again.told, again.territories_made, again.labels_made, again.members_made), (vec![], 0, 0, 0));
    assert_eq!(
        names().await,
        ["Béziers – Sète", "Kourou", "Plaine", "Savanes", "Sud - Est", "Sud-Est", "Vosges du Sud"],
        "the name of the latest phase"
    );
    let whole = of("Vosges du Sud").await;
    assert_eq!((&whole["id"], whole["labels"].as_array().unwrap().len()), (&json!(vosges_id), 2));
    assert_eq!(house.get(&format!("/territories/{south_id}")).await.expect(200).body["id"], json!(vosges_id), "the old address leads there");
    assert_eq!(house.all(&format!("/agreements?territory_id={vosges_id}")).await.len(), 2);
}
