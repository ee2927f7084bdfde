//! The facts of the five documents, asked as questions over HTTP.
//!
//! Whoever asks knows the words of the documents, no identifier: everything is found by name, search or filter, and by
//! what the answers point to. What the documents do not say must stay unknown, which is asked as well.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{House, demo_house, makers};

/// Names, in no order.
type Names = BTreeSet<String>;

fn set<const N: usize>(names: [&str; N]) -> Names {
    let set = Names::from(names.map(str::to_owned));
    assert_eq!(set.len(), N, "a name stands twice in the expected ones");
    set
}

/// A text of a thing.
fn text<'a>(thing: &'a Value, member: &str) -> &'a str {
    thing[member].as_str().unwrap_or_else(|| panic!("no text at {member} of {thing:#}"))
}

/// The parts that came along.
fn parts<'a>(thing: &'a Value, member: &str) -> &'a [Value] {
    thing[member].as_array().unwrap_or_else(|| panic!("no list at {member} of {thing:#}"))
}

/// What a thing is called.
fn called(thing: &Value) -> String {
    let name = ["name", "title", "label_fr"].iter().find_map(|member| thing[member].as_str());
    name.unwrap_or_else(|| panic!("no name: {thing:#}")).to_owned()
}

/// What each is called, in the order of the answer.
fn in_order(rows: &[Value]) -> Vec<String> {
    rows.iter().map(called).collect()
}

/// The official code of a territory in a phase.
fn code<'a>(territory: &'a Value, phase: &str) -> Option<&'a str> {
    parts(territory, "labels").iter().find(|label| label["phase_id"] == phase)?["official_code"].as_str()
}

/// Someone who has no key, and asks.
struct Reader(House);

impl Reader {
    async fn new() -> Self {
        Self(demo_house().await)
    }

    /// All that answers: the page is whole, as its total says.
    async fn rows(&self, path: &str) -> Vec<Value> {
        let and = if path.contains('?') { '&' } else { '?' };
        let answer = self.0.anyone.get(&format!("{path}{and}count=true")).await.expect(200);
        assert_eq!(answer.body["meta"]["total"], answer.rows().len(), "{path}");
        answer.rows().clone()
    }

    /// What all that answers is called. Nothing comes twice.
    async fn names(&self, path: &str) -> Names {
        let rows = self.rows(path).await;
        let names: Names = rows.iter().map(called).collect();
        assert_eq!(names.len(), rows.len(), "{path} has something twice: {:?}", in_order(&rows));
        names
    }

    /// The one thing that answers.
    async fn the(&self, path: &str) -> Value {
        let mut rows = self.rows(path).await;
        assert_eq!(rows.len(), 1, "{path} has not one answer: {:?}", in_order(&rows));
        rows.remove(0)
    }

    /// The identifier of the one thing that answers.
    async fn id(&self, path: &str) -> String {
        text(&self.the(path).await, "id").to_owned()
    }

    /// How many answer, without their rows.
    async fn count(&self, path: &str) -> u64 {
        let and = if path.contains('?') { '&' } else { '?' };
        let answer = self.0.anyone.get(&format!("{path}{and}limit=1&count=true")).await.expect(200);
        answer.body["meta"]["total"].as_u64().unwrap_or_else(|| panic!("{path} has no total"))
    }

    /// What the thing is called that a member points to; `?` when it points to none.
    async fn pointed(&self, noun: &str, id: &Value) -> String {
        match id.as_str() {
            Some(id) => called(&self.0.anyone.get(&format!("/{noun}/{id}")).await.expect(200).body),
            None => "?".to_owned(),
        }
    }

    async fn phase(&self, number: u8) -> String {
        self.id(&format!("/programme-phases?number={number}")).await
    }

    async fn territory(&self, name: &str) -> String {
        self.id(&format!("/territories?name={name}")).await
    }

    async fn partner(&self, words: &str) -> String {
        self.id(&format!("/partners?q={words}")).await
    }

    /// The functions of the one person whom these words find, each with where.
    async fn hats(&self, words: &str) -> Names {
        let person = self.the(&format!("/people?q={words}&include=mandates")).await;
        let mut hats = Names::new();
        for mandate in parts(&person, "mandates") {
            hats.insert(format!("{}, {}", text(mandate, "function"), self.pointed("partners", &mandate["partner_id"]).await));
        }
        hats
    }

    /// Who sits in a committee, for which side, as what.
    async fn sitting(&self, path: &str) -> Vec<String> {
        let committee = self.the(&format!("{path}&include=seats")).await;
        let mut sitting = Vec::new();
        for seat in parts(&committee, "seats") {
            let who = self.pointed("people", &seat["person_id"]).await;
            sitting.push(format!("{who}: {} {}", text(seat, "side"), text(seat, "capacity")));
        }
        sitting.sort();
        sitting
    }
}

#[actix_web::test]
async fn the_programme_has_two_phases_of_four_themes_and_collines_says_them_in_its_own_words() {
    let reader = Reader::new().await;
    let (first, second) = (reader.the("/programme-phases?number=1").await, reader.the("/programme-phases?number=2").await);

    // How many phases are there?
    assert_eq!(in_order(&reader.rows("/programme-phases").await), ["Phase 1", "Phase 2"]);

    // When was the programme announced, and how long does its second phase run (2023/2027)?
    assert_eq!((&first["starts_on"], &second["ends_on"]), (&json!("2018-11-22"), &json!("2027-12-31")));

    // When did the first phase end? No document says it. The second one is of years.
    assert_eq!((&first["ends_on"], &second["starts_on"], &second["period_precision"]), (&Value::Null, &json!("2023-01-01"), &json!("year")));

    // Is the second phase in force when Alençon launches, and after 2027?
    assert!(reader.names("/programme-phases?on=2024-02-15").await.contains("Phase 2"));
    assert!(!reader.names("/programme-phases?on=2028-01-01").await.contains("Phase 2"));

    // What are the four aims of the first phase, in their order?
    let themes = reader.rows(&format!("/themes?phase_id={}&territory_id__null=true&sort=position", text(&first, "id"))).await;
    assert_eq!(in_order(&themes), ["Attirer", "Recruter", "Innover", "Simplifier"]);

    // And in English?
    let english: Vec<&str> = themes.iter().map(|theme| text(theme, "label_en")).collect();
    assert_eq!(english, ["Attract", "Recruit", "Innovate", "Simplify"]);

    // What are the four strong axes of the second phase, in their order?
    let themes = reader.rows(&format!("/themes?phase_id={}&sort=position", text(&second, "id"))).await;
    assert_eq!(in_order(&themes), ["Innovation", "Compétences", "Transition écologique", "Foncier"]);

    // What are the four stakes of Collines de Normandie, ① to ④?
    let collines = reader.territory("Collines de Normandie").await;
    let stakes = reader.rows(&format!("/themes?territory_id={collines}&parent_id__null=true&sort=position")).await;
    let wordings = [
        "Renforcer l'attractivité",
        "Développer les compétences",
        "Encourager l'innovation",
        "Favoriser la simplification administrative et réglementaire",
    ];
    assert_eq!(in_order(&stakes), wordings);

    // Which stakes have parts, and which parts?
    let mut below = Vec::new();
    for stake in &stakes {
        below.push(in_order(&reader.rows(&format!("/themes?parent_id={}&sort=position", text(stake, "id"))).await));
    }
    let attractiveness =
        ["Attractivité des métiers de l'industrie", "Attractivité du territoire (accueil et ancrage des populations et des entreprises)"];
    assert_eq!(below[0], attractiveness);
    assert_eq!(below[1], ["Développer l'accès aux compétences et à l'emploi", "Adapter l'offre de formations"]);
    assert!(below[2].is_empty() && below[3].is_empty(), "innovation and simplification have no parts: {below:?}");

    // Under which themes does one find "développer les compétences", in whatever words each list has them?
    let skills = set(["Recruter", "Compétences", "Développer les compétences"]);
    assert_eq!(reader.names("/themes?q=developper les competences").await, skills);

    // And the wording of the fourth stake?
    let simpler = set(["Simplifier", "Favoriser la simplification administrative et réglementaire"]);
    assert_eq!(reader.names("/themes?q=simplification administrative").await, simpler);
}

#[actix_web::test]
async fn a_territory_has_an_official_code_a_phase_and_one_code_names_two_territories() {
    let reader = Reader::new().await;
    let (first, second) = (reader.phase(1).await, reader.phase(2).await);

    // Whom does the code ti-2801 name? Two territories: one a phase.
    let mut named = Vec::new();
    for territory in reader.rows("/territories?official_code=ti-2801&include=labels").await {
        let in_phase = |phase: &str| code(&territory, phase) == Some("ti-2801");
        named.push((called(&territory), in_phase(&first), in_phase(&second)));
    }
    assert_eq!(named, [("Alençon".to_owned(), false, true), ("Vallée de la Seine".to_owned(), true, false)]);

    // And ti-2803? Collines de Normandie first, Caen then.
    assert_eq!(reader.names("/territories?official_code=ti-2803").await, set(["Caen Industrie", "Collines de Normandie"]));

    // Under which codes do the territories of the documents go in each phase?
    let codes = [
        ("Alençon", None, "ti-2801"),
        ("Anjou Bleu", Some("ti-5211"), "ti-5202"),
        ("Collines de Normandie", Some("ti-2803"), "ti-2804"),
        ("Grand Est Touraine", Some("ti-2402"), "ti-2405"),
    ];
    for (name, before, after) in codes {
        let territory = reader.the(&format!("/territories?name={name}&include=labels")).await;
        assert_eq!((code(&territory, &first), code(&territory, &second)), (before, Some(after)), "{name}");
    }

    // Who has only joined in phase 2?
    let all = reader.names("/territories").await;
    let of_first = reader.names(&format!("/territories?phase_id={first}")).await;
    assert_eq!(&all - &of_first, set(["Alençon"]));

    // Who is not on the list of phase 2?
    let of_second = reader.names(&format!("/territories?phase_id={second}")).await;
    assert_eq!(&all - &of_second, set(["Pays de l'Aigle", "Sud Manche", "Vallée de l'Huisne"]));

    // Has everyone the label?
    assert_eq!(reader.names("/territories?label_status=labelled").await, all);
    assert_eq!(reader.count("/territories?label_status=candidate,withdrawn").await, 0);

    // Whose day of labelling is known? Anjou Bleu's alone, in phase 1.
    let mut days = Vec::new();
    for territory in reader.rows("/territories?include=labels").await {
        for label in parts(&territory, "labels") {
            if let Some(day) = label["labelled_on"].as_str() {
                assert_eq!(label["phase_id"], first);
                days.push((called(&territory), day.to_owned()));
            }
        }
    }
    assert_eq!(days, [("Anjou Bleu".to_owned(), "2018-11-22".to_owned())]);

    // How did Alençon apply? Alone, for its perimeter is interregional.
    let alencon = reader.the("/territories?name=Alençon&include=labels").await;
    let note = text(&parts(&alencon, "labels")[0], "note");
    assert!(note.contains("Candidature unique") && note.contains("interrégional"), "{note}");
}

#[actix_web::test]
async fn ten_norman_territories_have_the_label_and_go_by_several_names() {
    let reader = Reader::new().await;
    let first = reader.phase(1).await;
    let norman = [
        "Vallée de la Seine",
        "Nord Cotentin",
        "Sud Manche",
        "Caen Industrie",
        "Côte d'Albâtre",
        "Lisieux Industrie",
        "Pays de l'Aigle",
        "Vallée de la Bresle",
        "Vallée de l'Huisne",
        "Collines de Normandie",
    ];

    // Are the ten of phase 1 there, as the Intercom de la Vire au Noireau names them?
    let query = norman.map(|name| format!("name={name}")).join("&");
    let path = format!("/territories?phase_id={first}&{query}");
    assert_eq!(reader.names(&path).await, set(norman));

    // Does the code tell the region? No: two of the ten have another region's digits.
    let ten = reader.rows(&format!("{path}&include=labels")).await;
    let elsewhere = ten.iter().filter(|territory| !code(territory, &first).unwrap().starts_with("ti-28"));
    let elsewhere: Vec<_> = elsewhere.map(|territory| (called(territory), code(territory, &first).unwrap())).collect();
    assert_eq!(elsewhere, [("Vallée de l'Huisne".to_owned(), "ti-5213"), ("Vallée de la Bresle".to_owned(), "ti-3213")]);

    // Who is called so on an official list, or in another document, whatever the accents?
    let known = [
        ("Axe Seine", "Vallée de la Seine"),
        ("Segré-en-Anjou", "Anjou Bleu"),
        ("anjou bleu communaute", "Anjou Bleu"),
        ("LES COLLINES", "Collines de Normandie"),
        ("alencon", "Alençon"),
        ("communaute urbaine", "Alençon"),
        ("cotentin", "Nord Cotentin"),
        ("caen la mer", "Caen Industrie"),
        ("Dieppe Côte d’Albâtre", "Côte d'Albâtre"),
        ("bresle vimeu", "Vallée de la Bresle"),
    ];
    for (words, name) in known {
        assert_eq!(reader.names(&format!("/territories?q={words}")).await, set([name]), "{words}");
    }

    // Which of them are valleys?
    let valleys = set(["Vallée de la Seine", "Vallée de la Bresle", "Vallée de l'Huisne"]);
    assert_eq!(reader.names("/territories?q=vallee").await, valleys);

    // Who calls Anjou Bleu "Segré-en-Anjou"? An alias tells where it comes from.
    let anjou = reader.the("/territories?name=Anjou Bleu").await;
    let alias = json!({ "name": "Segré-en-Anjou", "source": "Liste ANCT de la phase 1" });
    assert!(parts(&anjou, "aliases").contains(&alias), "{anjou:#}");
}

#[actix_web::test]
async fn a_territory_is_made_of_one_two_or_four_intercommunalities() {
    let reader = Reader::new().await;
    let (first, second) = (reader.phase(1).await, reader.phase(2).await);
    let members = async |territory: &str, query: &str| {
        let territory = reader.territory(territory).await;
        let rows = reader.rows(&format!("/territories/{territory}/members?{query}")).await;
        rows.iter().map(|member| format!("{} {}", text(member, "siren"), text(member, "name"))).collect::<Names>()
    };

    // Who makes Alençon?
    assert_eq!(members("Alençon", "kind=intercommunality").await, set(["246100663 CU d'Alençon"]));

    // Who makes Anjou Bleu, in both phases?
    assert_eq!(members("Anjou Bleu", "").await, set(["244900809 CC Anjou Bleu Communauté"]));

    // Which two make Collines de Normandie?
    let two = set(["200068799 CC Intercom de la Vire au Noireau", "200035814 CA Flers Agglo"]);
    assert_eq!(members("Collines de Normandie", &format!("phase_id={first}")).await, two);

    // Which four make the Grand Est Touraine, then and now?
    let four = set([
        "243700820 CC Autour de Chenonceaux Bléré-Val de Cher",
        "243700499 CC du Castelrenaudais",
        "200073161 CC Touraine-Est Vallées",
        "200043065 CC du Val d'Amboise",
    ]);
    for phase in [&first, &second] {
        assert_eq!(members("Grand Est Touraine", &format!("phase_id={phase}")).await, four);
    }

    // Which of the four coordinates them?
    assert_eq!(members("Grand Est Touraine", "coordinator=true").await, set(["200073161 CC Touraine-Est Vallées"]));

    // In which territory is Flers Agglo, and in which the Communauté urbaine d'Alençon?
    for (partner, territory) in [("flers agglo", "Collines de Normandie"), ("communaute urbaine", "Alençon")] {
        let partner = reader.the(&format!("/partners?q={partner}")).await;
        let path = format!("/territories?member_siren={}", text(&partner, "siren"));
        assert_eq!(reader.names(&path).await, set([territory]));
    }

    // How many members has the Vallée de la Seine in each phase?
    let (before, after) = (format!("phase_id={first}"), format!("phase_id={second}"));
    let (before, after) = (members("Vallée de la Seine", &before).await, members("Vallée de la Seine", &after).await);
    assert_eq!((before.len(), after.len()), (7, 10));
    assert!(before.is_subset(&after), "none has left");

    // Since when is anyone a member? No document says a day.
    for territory in reader.rows("/territories?include=members").await {
        let dated = |member: &Value| !member["starts_on"].is_null() || !member["ends_on"].is_null();
        assert!(!parts(&territory, "members").iter().any(dated), "{territory:#}");
    }
}

#[actix_web::test]
async fn partners_are_found_by_kind_by_any_name_and_by_whom_they_took_over_from() {
    let reader = Reader::new().await;

    // Which companies do the documents name?
    let companies = ["Newmatec", "MIP Plastic", "Compagnie des Fromages et Richesmonts", "A2MI", "SMP", "DAPO", "AMU", "La Normandise", "ROVAL"];
    assert_eq!(reader.names("/partners?kind=company").await, set(companies));

    // Which operators of the State?
    let operators = ["Banque des Territoires", "Business France", "Bpifrance", "Agence du numérique", "Pôle emploi"];
    let since = ["Agence nationale de la cohésion des territoires", "France Travail"];
    assert_eq!(reader.names("/partners?kind=state_operator").await, &set(operators) | &set(since));

    // Which associations and clubs of companies, which chamber, which trade union of employers?
    let clubs = set([
        "ASDEPIC",
        "Association des industriels du Castelrenaudais",
        "Initiative Anjou sur le Segréen",
        "Les 3 clubs d'industriels du Grand Est Touraine",
        "CCI de Maine-et-Loire",
        "UIMM de Maine-et-Loire",
    ]);
    assert_eq!(reader.names("/partners?kind=association,business_club,chamber,union").await, clubs);

    // Who took over from the CGET, and who from Pôle emploi?
    for (before, after) in [("cget", "Agence nationale de la cohésion des territoires"), ("pole emploi", "France Travail")] {
        let before = reader.partner(before).await;
        assert_eq!(reader.names(&format!("/partners?predecessor_id={before}")).await, set([after]));
    }

    // Which services belong to the prefecture of Maine-et-Loire?
    let prefecture = reader.id("/partners?name=Préfecture de Maine-et-Loire").await;
    let services = set(["Sous-préfecture de Segré-en-Anjou-Bleu", "DIDD de la préfecture de Maine-et-Loire"]);
    assert_eq!(reader.names(&format!("/partners?parent_id={prefecture}")).await, services);

    // Who is meant by an acronym, or by the name that one document has for it?
    let known = [
        ("CUA", "Communauté urbaine d'Alençon"),
        ("IVN", "Intercom de la Vire au Noireau"),
        ("uimm 49", "UIMM de Maine-et-Loire"),
        ("ANCT", "Agence nationale de la cohésion des territoires"),
        ("Agence Nationale de Cohésion", "Agence nationale de la cohésion des territoires"),
        ("Compagnie de Fromages", "Compagnie des Fromages et Richesmonts"),
        ("Région des Pays-de-la-Loire", "Région Pays de la Loire"),
        ("castel renaudais", "CC du Castelrenaudais"),
        ("val d'amboise", "CC du Val d'Amboise"),
    ];
    for (words, name) in known {
        assert_eq!(reader.names(&format!("/partners?q={words}")).await, set([name]), "{words}");
    }

    // Whom may an industrialist of the Vire au Noireau call or write to? A service, and no other partner's is given.
    let reachable: Vec<Value> = reader.rows("/partners").await.into_iter().filter(|partner| !partner["contact_service"].is_null()).collect();
    assert_eq!(in_order(&reachable), ["Intercom de la Vire au Noireau"]);
    assert_eq!(reachable[0]["contact_service"], "Service Développement économique de l'Intercom de la Vire au Noireau");
    assert_eq!((&reachable[0]["contact_email"], &reachable[0]["contact_phone"]), (&json!("dev.eco@vireaunoireau.fr"), &json!("02 31 66 27 96")));

    // Whose SIREN is known? The eight intercommunalities', of which each is a member of a territory.
    let known = reader.rows("/partners?siren__null=false").await;
    assert_eq!(known.iter().map(called).collect::<Names>(), reader.names("/partners?kind=intercommunality").await);
    assert_eq!(known.len(), 8);
    for partner in &known {
        assert_eq!(reader.count(&format!("/territories?member_siren={}", text(partner, "siren"))).await, 1, "{partner:#}");
    }
}

#[actix_web::test]
async fn four_partners_stand_around_anjou_bleu_and_each_undertakes_something() {
    let reader = Reader::new().await;
    let anjou = reader.territory("Anjou Bleu").await;
    let partners = reader.rows(&format!("/partners?territory_id={anjou}&include=commitments")).await;

    // Who are the four?
    let mut sides = Vec::new();
    for partner in &partners {
        let [commitment] = parts(partner, "commitments") else { panic!("not one commitment: {partner:#}") };
        assert_eq!(commitment["territory_id"], anjou);
        sides.push(format!("{}: {}", text(commitment, "side"), called(partner)));
    }
    sides.sort();
    let four = [
        "economic: Partenaires économiques et industriels d'Anjou Bleu",
        "intercommunality: Anjou Bleu Communauté",
        "region: Région Pays de la Loire",
        "state: État",
    ];
    assert_eq!(sides, four);

    // What does each undertake?
    let undertakes = [
        ("state", ["outils d'accompagnement", "opérateurs"]),
        ("region", ["préside un comité de pilotage régional", "approuve les contrats"]),
        ("intercommunality", ["à l'échelle locale", "co-construire"]),
        ("economic", ["connaissance du tissu industriel", "porte-paroles"]),
    ];
    for (side, words) in undertakes {
        let mut found = Vec::new();
        for partner in &partners {
            found.extend(reader.rows(&format!("/partners/{}/commitments?side={side}", text(partner, "id"))).await);
        }
        let [commitment] = found.as_slice() else { panic!("{side} has not one commitment") };
        assert!(words.iter().all(|words| text(commitment, "text").contains(words)), "{side}: {commitment:#}");
    }

    // Since when? The document does not say, so it holds on any day.
    for partner in &partners {
        let path = format!("/partners/{}/commitments", text(partner, "id"));
        assert_eq!(reader.count(&format!("{path}?starts_on__null=true&ends_on__null=true&on=2019-05-13")).await, 1, "{path}");
    }

    // And around the other territories? No document says what anyone undertakes there.
    for name in ["Alençon", "Collines de Normandie", "Grand Est Touraine"] {
        let territory = reader.territory(name).await;
        assert_eq!(reader.count(&format!("/partners?territory_id={territory}")).await, 0, "{name}");
    }
}

#[actix_web::test]
async fn people_wear_several_hats_and_are_found_under_every_spelling() {
    let reader = Reader::new().await;

    // How many people do the five documents name?
    // One of them, who directs a factory, stands in no register: anyone sees the others.
    assert_eq!(reader.count("/people").await, 27);

    // Who wears two hats, and which?
    let several = [
        ("guineheux", set(["Gérant, A2MI", "Président, Initiative Anjou sur le Segréen"])),
        ("jacrot", set(["Gérant, SMP", "Président, UIMM de Maine-et-Loire"])),
        ("payen", set(["Gérant, DAPO", "Président, ASDEPIC"])),
        ("grimaud", set(["Président, Anjou Bleu Communauté", "Maire, Commune de Segré-en-Anjou Bleu"])),
        (
            "garnier",
            set([
                "Président, Association des industriels du Castelrenaudais",
                "Référent des 3 clubs d'industriels du territoire, Les 3 clubs d'industriels du Grand Est Touraine",
            ]),
        ),
        ("dourthe", set(["Président, CC Touraine-Est Vallées", "Coordinateur des 4 communautés de communes, ?"])),
    ];
    for (name, hats) in &several {
        assert_eq!(&reader.hats(name).await, hats);
    }
    let people = reader.rows("/people?include=mandates").await;
    let hats = |person: &&Value| parts(person, "mandates").len();
    assert_eq!(people.iter().filter(|person| hats(person) == 2).count(), several.len(), "nobody else wears two");
    assert!(people.iter().all(|person| (1..=2).contains(&hats(&person))), "everyone is there in a role");

    // Who is it, under the spelling of another document, without accents, or by the family name alone?
    let spellings = [
        ("Mauffret-Valade", "Marie Mauffret-Vallade"),
        ("Mauffret-Vallade", "Marie Mauffret-Vallade"),
        ("ANDREU SABATER", "Marc Andreu Sabater"),
        ("goasdoue", "Yves Goasdoué"),
        ("Pannier Runacher", "Agnès Pannier-Runacher"),
        ("JeanBaptiste Gueusquin", "Jean-Baptiste Gueusquin"),
        ("jean-baptiste gueusquin", "Jean-Baptiste Gueusquin"),
        ("morancais", "Christelle Morançais"),
        ("Eric GRELIER", "Éric Grelier"),
        ("edouard philippe", "Édouard Philippe"),
    ];
    for (words, name) in spellings {
        assert_eq!(reader.names(&format!("/people?q={words}")).await, set([name]), "{words}");
    }

    // Who is called Philippe? The best answers come first (a name that only begins alike may follow).
    let philippes = in_order(&reader.rows("/people?q=philippe").await);
    assert_eq!(philippes.into_iter().take(2).collect::<Names>(), set(["Philippe Bolo", "Édouard Philippe"]));

    // What is M. Brunet's first name? The document does not say; he directs ROVAL.
    assert_eq!(reader.the("/people?q=brunet").await["name"], "Brunet");
    assert_eq!(reader.hats("M. BRUNET").await, set(["Directeur, ROVAL"]));

    // Who acts for the Communauté urbaine d'Alençon, and who for the Région Pays de la Loire?
    for (partner, names) in [
        ("CUA", set(["Joaquim Pueyo", "Ahamada Dibo", "Diana Antibe"])),
        ("region pays de la loire", set(["Patricia Maussion", "Christelle Morançais"])),
    ] {
        let partner = reader.partner(partner).await;
        assert_eq!(reader.names(&format!("/people?partner_id={partner}")).await, names);
    }

    // Who is the project manager of Alençon, who its prefect, who directs the programme?
    let roles = [
        ("antibe", "Cheffe de projet « Territoires d'industrie », Communauté urbaine d'Alençon"),
        ("jallet", "Préfet de l'Orne, Préfecture de l'Orne"),
        ("gueusquin", "Directeur national du programme Territoires d'industrie, Agence nationale de la cohésion des territoires"),
        ("baumier", "Chef du service économique de l'État en région, Service économique de l'État en région Centre-Val de Loire"),
    ];
    for (name, role) in roles {
        assert_eq!(reader.hats(name).await, set([role]));
    }

    // Of which ministry were the two ministers who signed with Collines? Not said, nor is it made up.
    for name in ["gourault", "pannier"] {
        assert_eq!(reader.hats(name).await, set(["Ministre, ?"]));
    }

    // From when to when does anyone hold a function? No document says it.
    let mandates = || people.iter().flat_map(|person| parts(person, "mandates"));
    assert!(mandates().all(|mandate| mandate["starts_on"].is_null() && mandate["ends_on"].is_null()));
}

#[actix_web::test]
async fn the_elected_and_the_industrial_lead_together_as_two_as_three_or_as_five() {
    let reader = Reader::new().await;
    let groups = reader.rows("/committees?kind=lead_group&include=seats").await;

    // Which lead groups are there, and how large?
    let sizes: BTreeSet<_> = groups.iter().map(|group| (called(group), group["declared_size"].as_u64().unwrap())).collect();
    let expected = [
        ("Binôme élu-industriel d'Anjou Bleu Communauté", 5),
        ("Binôme élu-industriel de Flers Agglo", 2),
        ("Binôme élu-industriel de l'Intercom de la Vire au Noireau", 2),
        ("Binôme élu-industriel des Collines de Normandie", 2),
        ("Trio du territoire d'industrie d'Alençon", 3),
    ];
    assert_eq!(sizes, expected.map(|(name, size)| (name.to_owned(), size)).into());

    // Has each as many seats as it says, and both sides?
    for group in &groups {
        let seats = parts(group, "seats");
        assert_eq!(group["declared_size"], seats.len(), "{group:#}");
        assert!(["elected", "industrial"].iter().all(|side| seats.iter().any(|seat| seat["side"] == *side)), "{group:#}");
    }

    // Who leads Anjou Bleu? Two elected, and three company heads whom the document does not name.
    let five =
        ["?: industrial member", "?: industrial member", "?: industrial member", "Gilles Grimaud: elected member", "Philippe Bolo: elected member"];
    assert_eq!(reader.sitting("/committees?q=binôme anjou bleu").await, five);

    // How were its seats to be shared?
    let anjou = reader.the("/committees?q=binôme anjou bleu").await;
    assert_eq!(anjou["quotas"], json!([{ "side": "elected", "seats": 2 }, { "side": "industrial", "seats": 3 }]));

    // Who leads Alençon, and who speaks for the three?
    let three = ["Ahamada Dibo: elected member", "Dominique Philippot: industrial member", "Gabriel Bonnaud: industrial spokesperson"];
    assert_eq!(reader.sitting("/committees?q=trio alencon").await, three);

    // Who leads Collines de Normandie?
    let two = ["Jean-Charles Duquesne: industrial member", "Yves Goasdoué: elected member"];
    assert_eq!(reader.sitting("/committees?kind=lead_group&q=collines").await, two);

    // Has each of its intercommunalities a lead group of its own, below that one?
    let above = reader.id("/committees?kind=lead_group&q=collines").await;
    let mut of = Names::new();
    for group in reader.rows(&format!("/committees?parent_id={above}&level=intercommunal&kind=lead_group")).await {
        of.insert(reader.pointed("partners", &group["partner_id"]).await);
    }
    assert_eq!(of, set(["Intercom de la Vire au Noireau", "Flers Agglo"]));

    // Who are those two and two?
    let vire = ["Jean-Charles Duquesne: industrial member", "Marc Andreu Sabater: elected member"];
    assert_eq!(reader.sitting("/committees?kind=lead_group&q=vire au noireau").await, vire);
    let flers = ["Brunet: industrial member", "Yves Goasdoué: elected member"];
    assert_eq!(reader.sitting("/committees?kind=lead_group&q=flers").await, flers);
}

#[actix_web::test]
async fn the_project_committee_of_anjou_bleu_has_eight_seats_and_no_chair() {
    let reader = Reader::new().await;
    let committee = reader.id("/committees?kind=project&q=anjou bleu").await;
    let seats = format!("/committees/{committee}/seats");

    // Who sits in it, and for whom?
    let eight = [
        "Arnaud Payen: industrial member",
        "Christophe Guineheux: industrial member",
        "Fabrice Jacrot: industrial member",
        "Gilles Grimaud: elected member",
        "Marie Mauffret-Vallade: state member",
        "Patricia Maussion: region member",
        "Philippe Bolo: elected member",
        "Éric Grelier: chamber member",
    ];
    assert_eq!(reader.sitting("/committees?kind=project&q=anjou bleu").await, eight);

    // Who chairs it? The document does not say.
    assert_eq!(reader.count(&format!("{seats}?capacity=chair,co_chair")).await, 0);

    // May a member be represented, and by whom? Each may; no alternate is named.
    assert_eq!(reader.count(&format!("{seats}?may_be_represented=true")).await, 8);
    assert_eq!(reader.count(&format!("{seats}?capacity=alternate,guest")).await, 0);

    // How many of the seats are for the industrialists, and of what are those the heads?
    let industrial = reader.rows(&format!("{seats}?side=industrial")).await;
    let mut companies = Names::new();
    for seat in &industrial {
        companies.insert(reader.pointed("partners", &seat["partner_id"]).await);
    }
    assert_eq!(companies, set(["A2MI", "SMP", "DAPO"]));
    assert_eq!(reader.the("/committees?kind=project&q=anjou bleu").await["quotas"], json!([{ "side": "industrial", "seats": 3 }]));

    // By which function does Fabrice Jacrot sit?
    let jacrot = reader.id("/people?q=jacrot").await;
    let [seat] = &reader.rows(&format!("{seats}?person_id={jacrot}")).await[..] else { panic!("he has not one seat") };
    assert_eq!(seat["function"], "Gérant de l'entreprise SMP, président de l'UIMM de Maine-et-Loire");

    // Who sat on the day of the fourth meeting? All eight, as far as is known.
    assert_eq!(reader.count(&format!("{seats}?on=2019-12-18")).await, 8);
}

#[actix_web::test]
async fn each_level_has_its_committees_and_one_person_sits_in_several() {
    let reader = Reader::new().await;

    // Who chairs what? Two committees have a chair: the Region's, and that of Collines with its two.
    let mut chairs = Names::new();
    for committee in reader.rows("/committees?include=seats").await {
        for seat in parts(&committee, "seats").iter().filter(|seat| text(seat, "capacity").ends_with("chair")) {
            let (who, of) = (reader.pointed("people", &seat["person_id"]).await, reader.pointed("partners", &seat["partner_id"]).await);
            chairs.insert(format!("{}: {who}, {of}, {}", called(&committee), text(seat, "capacity")));
        }
    }
    let expected = set([
        "Comité de projet des Collines de Normandie: Yves Goasdoué, Flers Agglo, co_chair",
        "Comité de projet des Collines de Normandie: Jean-Charles Duquesne, La Normandise, co_chair",
        "Comité de pilotage régional des Pays de la Loire: ?, Région Pays de la Loire, chair",
    ]);
    assert_eq!(chairs, expected);

    // In which committees does each of them sit?
    let seats = [
        (
            "duquesne",
            set([
                "Binôme élu-industriel des Collines de Normandie",
                "Comité de projet des Collines de Normandie",
                "Binôme élu-industriel de l'Intercom de la Vire au Noireau",
            ]),
        ),
        (
            "goasdoue",
            set([
                "Binôme élu-industriel des Collines de Normandie",
                "Comité de projet des Collines de Normandie",
                "Binôme élu-industriel de Flers Agglo",
            ]),
        ),
        ("bolo", set(["Binôme élu-industriel d'Anjou Bleu Communauté", "Comité de projet d'Anjou Bleu Communauté"])),
        ("brunet", set(["Binôme élu-industriel de Flers Agglo"])),
        ("pueyo", Names::new()),
    ];
    for (name, committees) in &seats {
        let person = reader.id(&format!("/people?q={name}")).await;
        assert_eq!(&reader.names(&format!("/committees?person_id={person}")).await, committees, "{name}");
    }

    // In how many does one of the two leaders of Collines sit? In four: where both sit counts once.
    let (one, other) = (reader.id("/people?q=duquesne").await, reader.id("/people?q=goasdoue").await);
    assert_eq!(reader.names(&format!("/committees?person_id={one},{other}")).await, &seats[0].1 | &seats[1].1);
    assert_eq!(reader.count(&format!("/committees?person_id={one},{other}")).await, 4);

    // Who prioritised the actions of the Vire au Noireau? Five elected and five industrialists, for three components, unnamed.
    let steering = reader.the("/committees?kind=steering&q=vire au noireau&include=seats").await;
    assert_eq!((&steering["declared_size"], &steering["declared_size_qualifier"]), (&json!(10), &json!("exact")));
    let quotas: Vec<_> = parts(&steering, "quotas").iter().map(|quota| (text(quota, "side"), quota["seats"].as_u64().unwrap())).collect();
    assert_eq!(quotas, [("elected", 5), ("industrial", 5)]);
    for quota in parts(&steering, "quotas") {
        let component = text(quota, "component");
        assert!(["Condé en Normandie", "Vire Normandie", "pôles ruraux"].iter().all(|pole| component.contains(pole)), "{component}");
    }
    assert!(parts(&steering, "seats").is_empty());

    // Who proposed them? A group of about thirty industries.
    let group = reader.the("/committees?kind=reflection_group&include=seats").await;
    assert_eq!((&group["declared_size"], &group["declared_size_qualifier"]), (&json!(30), &json!("about")));
    assert_eq!(reader.pointed("partners", &group["partner_id"]).await, "Intercom de la Vire au Noireau");
    assert!(parts(&group, "seats").is_empty());

    // Which committee steers in the region Pays de la Loire (52), and what does it approve?
    let regional = reader.the("/committees?level=regional&region_code=52").await;
    assert_eq!(regional["name"], "Comité de pilotage régional des Pays de la Loire");
    assert!(text(&regional, "role").contains("approuve les contrats"), "{regional:#}");

    // Which committees has the Grand Est Touraine? Its document names none.
    let touraine = reader.territory("Grand Est Touraine").await;
    assert_eq!(reader.count(&format!("/committees?territory_id={touraine}")).await, 0);

    // What do the national bodies recommend? A pair in each territory; who they are is not said.
    let national = reader.the("/committees?level=national&include=seats").await;
    assert!(text(&national, "role").contains("binôme élu-industriel"), "{national:#}");
    assert!(parts(&national, "seats").is_empty() && national["declared_size"].is_null(), "{national:#}");

    // How many are there at each level?
    let mut levels = Vec::new();
    for level in ["national", "regional", "territorial", "intercommunal"] {
        levels.push(reader.count(&format!("/committees?level={level}")).await);
    }
    assert_eq!(levels, [1, 1, 5, 4]);
}

#[actix_web::test]
async fn the_nineteen_actions_of_the_vire_au_noireau_have_four_themes_and_eight_are_shared_with_flers() {
    let reader = Reader::new().await;
    let collines = reader.territory("Collines de Normandie").await;
    let (vire, flers) = (reader.partner("vire au noireau").await, reader.partner("flers agglo").await);

    // How many per theme: ten, four, three, two?
    let mut themes = Vec::new();
    for label in ["Attirer", "Recruter", "Simplifier", "Innover"] {
        themes.push(reader.id(&format!("/themes?label_fr={label}")).await);
    }
    let mut each = Vec::new();
    for theme in &themes {
        each.push(reader.count(&format!("/action-fiches?theme_id={theme}")).await);
    }
    assert_eq!(each, [10, 4, 3, 2]);

    // Are those all of them, once?
    let fiches = reader.names(&format!("/action-fiches?territory_id={collines}")).await;
    assert_eq!(fiches.len(), 19);
    assert_eq!(reader.names(&format!("/action-fiches?theme_id={}", themes.join(","))).await, fiches);

    // How many objectives have they, theme by theme?
    let mut objectives = Vec::new();
    for theme in &themes {
        let rows = reader.rows(&format!("/action-fiches?theme_id={theme}")).await;
        objectives.push(rows.iter().map(|fiche| text(fiche, "context").strip_prefix("Objectif : ").unwrap()).collect::<BTreeSet<_>>().len());
    }
    assert_eq!(objectives, [5, 3, 2, 2]);

    // How many does the protocol declare? 23: four are Flers Agglo's own, and no document names them.
    let territory = reader.the("/territories?name=Collines de Normandie").await;
    let declared = ["23 actions", "dont 19 à mettre en œuvre par l'Intercom de la Vire au Noireau"];
    assert!(declared.iter().all(|words| text(&territory, "description").contains(words)), "{territory:#}");

    // Which eight are run with Flers Agglo (◆)?
    let shared = set([
        "Mise en œuvre d'une cellule d'accueil des nouveaux salariés de l'industrie et de leur famille",
        "Mobilité, un enjeu pour l'emploi",
        "Mise en place d'observatoires et de diagnostics dynamiques",
        "Création de solutions innovantes en matière de formations",
        "Forum de l'entreprise et de l'emploi",
        "Cellules projets ad hoc – Accompagnement des projets",
        "Développer la démarche d'écologie industrielle sur le territoire",
        "Créer un fonds d'Initiatives – Étude de faisabilité",
    ]);
    assert_eq!(reader.names(&format!("/action-fiches?partner_id={flers}")).await, shared);

    // How many per theme are shared?
    let mut each = Vec::new();
    for theme in &themes {
        each.push(reader.count(&format!("/action-fiches?partner_id={flers}&theme_id={theme}")).await);
    }
    assert_eq!(each, [3, 2, 1, 2]);

    // In how many does either take part? In nineteen: 19 + 8 would count the shared ones twice.
    let (with_vire, with_flers) = (format!("/action-fiches?partner_id={vire}"), format!("/action-fiches?partner_id={flers}"));
    assert_eq!((reader.count(&with_vire).await, reader.count(&with_flers).await), (19, 8));
    assert_eq!(reader.names(&format!("/action-fiches?partner_id={vire},{flers}")).await, fiches);

    // Who leads them, and as what does Flers Agglo take part?
    for fiche in reader.rows(&format!("/action-fiches?territory_id={collines}&include=participants")).await {
        let roles: BTreeSet<_> = parts(&fiche, "participants").iter().map(|part| (text(part, "partner_id"), text(part, "role"))).collect();
        let both = [(vire.as_str(), "lead"), (flers.as_str(), "partner")];
        let expected = if shared.contains(&called(&fiche)) { &both[..] } else { &both[..1] };
        assert_eq!(roles, expected.iter().copied().collect(), "{}", called(&fiche));
    }
}

#[actix_web::test]
async fn what_the_actions_are_about_is_found_by_nature_and_by_french_words() {
    let reader = Reader::new().await;
    let collines = reader.territory("Collines de Normandie").await;
    let search = async |words: &str| reader.names(&format!("/action-fiches?q={words}")).await;

    // What does Collines build, and what does it buy?
    let mut natures = Vec::new();
    for nature in ["works", "purchase", "event", "fund", "study", "post"] {
        natures.push(reader.count(&format!("/action-fiches?territory_id={collines}&nature={nature}")).await);
    }
    assert_eq!(natures, [3, 1, 2, 1, 1, 0]);

    // What comes again every year? The Semaine de l'Industrie; of the others it is not known.
    let week = "Faire de la Semaine de l'Industrie le rendez-vous annuel de la promotion du tissu industriel local";
    assert_eq!(reader.names("/action-fiches?recurring=true").await, set([week]));
    assert_eq!((reader.count("/action-fiches?recurring=false").await, reader.count("/action-fiches?recurring__null=true").await), (0, 34));

    // What may become of brownfields ("friche" in the text is "friches")?
    let parks = set([
        "Réalisation de la 2de tranche d'extension du Parc d'Activités La Papillonnière (PIPA) sur la commune de Vire Normandie",
        "Travaux de requalification du PAE les Neuvillières – commune de Vire Normandie",
        "Préparer l'extension future du PAE les Neuvillières – commune de Vire Normandie – par un programme d'acquisitions foncières",
        "Accompagner la création et le développement d'entreprises industrielles par la création d'un atelier-relais sur la commune de Noues de Siennes – commune déléguée de St-Sever",
    ]);
    assert_eq!(search("friche").await, parks);

    // What is done at the Neuvillières, and which of it is road works?
    assert_eq!(search("neuvillieres").await.len(), 2);
    assert_eq!(search("neuvillieres voirie").await, set(["Travaux de requalification du PAE les Neuvillières – commune de Vire Normandie"]));

    // What is there for young people, in the whole country?
    let young = set([
        "Offre en logements et en hébergement pour les jeunes",
        "Rapprocher jeunes et entreprises",
        "Intensifier les relations entreprises-Éducation nationale",
    ]);
    assert_eq!(search("jeune").await, young);

    // Who wants to help towards the industry of the future?
    assert_eq!(search("industrie du futur").await, set(["30 accompagnements vers l'industrie du futur", "Aménager une usine-témoin"]));

    // What is known of ecology, of big data, of Montlouis?
    let known = [
        ("ecologie industrielle", "Développer la démarche d'écologie industrielle sur le territoire"),
        ("économie circulaire", "Diagnostic économie circulaire"),
        ("big data", "Créer un lieu d'accueil de start-up axées sur l'intelligence artificielle et le big data"),
        ("montlouis", "Tiers-lieu économique à Montlouis"),
        ("5G", "Couvrir tout le territoire en réseau mobile 4G, puis 5G"),
        ("défense marchés étrangers", "Partenariat entreprise-défense pour la prospection de marchés étrangers"),
    ];
    for (words, title) in known {
        assert_eq!(search(words).await, set([title]), "{words}");
    }

    // Which actions have a nature that is works, anywhere but in Collines?
    let works = &reader.names("/action-fiches?nature=works").await - &parks;
    assert_eq!(works, set(["Aménager une usine-témoin", "Tiers-lieu économique à Montlouis"]));
}

#[actix_web::test]
async fn anjou_bleu_has_nine_actions_without_a_theme_and_touraine_six_firm_ones() {
    let reader = Reader::new().await;
    let (anjou, touraine) = (reader.territory("Anjou Bleu").await, reader.territory("Grand Est Touraine").await);

    // Which nine actions does the contract of Anjou Bleu decline?
    let nine = set([
        "Dispositif emploi – mobilité – logement",
        "Immobilier d'entreprises",
        "Offre en logements et en hébergement pour les jeunes",
        "Mobilité pour l'insertion professionnelle",
        "Soutien aux associations d'entreprises",
        "Rapprocher jeunes et entreprises",
        "30 accompagnements vers l'industrie du futur",
        "Partenariat entreprise-défense pour la prospection de marchés étrangers",
        "Diagnostic économie circulaire",
    ]);
    assert_eq!(reader.names(&format!("/action-fiches?territory_id={anjou}")).await, nine);

    // Which theme, and whose are they? The document says neither.
    for fiche in reader.rows(&format!("/action-fiches?territory_id={anjou}&include=themes,participants")).await {
        assert!(parts(&fiche, "themes").is_empty() && parts(&fiche, "participants").is_empty(), "{fiche:#}");
    }

    // How many companies are to be accompanied? Thirty, and nothing else is counted.
    let counted: Vec<Value> = reader.rows("/action-fiches").await.into_iter().filter(|fiche| !fiche["quantity"].is_null()).collect();
    let [fiche] = counted.as_slice() else { panic!("not one has a quantity: {:?}", in_order(&counted)) };
    assert_eq!(called(fiche), "30 accompagnements vers l'industrie du futur");
    assert_eq!((fiche["quantity"].as_f64(), &fiche["quantity_unit"]), (Some(30.0), &json!("accompagnements")));

    // Which are undertaken firmly? Six of Touraine's eight are named, and nobody else's.
    let firm = set([
        "Aménager une usine-témoin",
        "Créer un « industry-lab » au CFAI d'Amboise",
        "Créer un lieu d'accueil de start-up axées sur l'intelligence artificielle et le big data",
        "Couvrir tout le territoire en réseau mobile 4G, puis 5G",
        "Intensifier les relations entreprises-Éducation nationale",
        "Soutenir les 3 clubs d'entreprises par l'embauche de personnel",
    ]);
    assert_eq!(reader.names("/action-fiches?commitment=firm").await, firm);
    assert_eq!(reader.names(&format!("/action-fiches?commitment=firm&territory_id={touraine}")).await, firm);

    // And the others? Unknown, which is not no.
    assert_eq!((reader.count("/action-fiches?commitment=unknown").await, reader.count("/action-fiches?commitment=intention").await), (29, 0));

    // Which fiche of Touraine is not one of its firm ones?
    let seven = reader.names(&format!("/action-fiches?territory_id={touraine}")).await;
    assert_eq!(&seven - &firm, set(["Tiers-lieu économique à Montlouis"]));

    // How many does Touraine declare? 21, of which 8 firm.
    let territory = reader.the("/territories?name=Grand Est Touraine").await;
    assert!(["21 fiches actions", "dont 8"].iter().all(|words| text(&territory, "description").contains(words)), "{territory:#}");

    // Who gains by the hiring, and with whom is the industry-lab made?
    for (words, title, role) in [
        ("clubs industriels", "Soutenir les 3 clubs d'entreprises par l'embauche de personnel", "beneficiary"),
        ("CFAI amboise", "Créer un « industry-lab » au CFAI d'Amboise", "partner"),
    ] {
        let partner = reader.partner(words).await;
        let fiche = reader.the(&format!("/action-fiches?partner_id={partner}&include=participants")).await;
        let [participant] = parts(&fiche, "participants") else { panic!("not one participant: {fiche:#}") };
        assert_eq!((called(&fiche).as_str(), text(participant, "role")), (title, role));
    }
}

#[actix_web::test]
async fn every_validation_cites_its_deed_and_nothing_else_is_made_up() {
    let reader = Reader::new().await;
    let (anjou, touraine) = (reader.territory("Anjou Bleu").await, reader.territory("Grand Est Touraine").await);
    let collines = reader.territory("Collines de Normandie").await;

    // By which deed is each action validated?
    for (territory, number, words) in [
        (&anjou, 9, ["contrat", "6 février 2020"]),
        (&collines, 19, ["protocole d'accord", "30 avril 2019"]),
        (&touraine, 6, ["23 avril 2019", "Amboise"]),
    ] {
        let fiches = reader.rows(&format!("/action-fiches?territory_id={territory}&validation=validated")).await;
        assert_eq!(fiches.len(), number);
        for fiche in &fiches {
            let reason = text(fiche, "validation_reason");
            assert!(words.iter().all(|words| reason.contains(words)), "{}: {reason}", called(fiche));
        }
    }

    // Is the place at Montlouis one of the 21? The document does not say: it is a draft, and no reason is given.
    let draft = reader.the("/action-fiches?validation__ne=validated").await;
    assert_eq!((called(&draft).as_str(), &draft["validation"]), ("Tiers-lieu économique à Montlouis", &json!("draft")));
    assert_eq!((&draft["validation_reason"], &draft["commitment"]), (&Value::Null, &json!("unknown")));

    // How many actions are known in all: 9, 19 and 7?
    assert_eq!(reader.count("/action-fiches").await, 35);
    assert_eq!(reader.count(&format!("/action-fiches?territory_id={anjou},{collines},{touraine}")).await, 35);

    // Which actions has Alençon? Its document names ambitions, but no action.
    let alencon = reader.territory("Alençon").await;
    assert_eq!(reader.count(&format!("/action-fiches?territory_id={alencon}")).await, 0);

    // When does an action begin or end, what does it cost, how urgent, how mature is it, which number has it? All unknown.
    for member in [
        "planned_start_on",
        "planned_end_on",
        "actual_start_on",
        "actual_end_on",
        "budget_eur",
        "priority",
        "stage",
        "scope",
        "reference",
        "parent_id",
    ] {
        assert_eq!(reader.count(&format!("/action-fiches?{member}__null=true")).await, 35, "{member}");
    }

    // What has become of any of them? No document tells whether one has begun.
    assert_eq!(reader.count("/action-fiches?progress__ne=unknown").await, 0);

    // Which themes answer to which of the other phase, and what became of which territory? No document says it.
    for theme in reader.rows("/themes?include=correspondences").await {
        assert!(parts(&theme, "correspondences").is_empty(), "{theme:#}");
    }
    for territory in reader.rows("/territories?include=successions").await {
        assert!(parts(&territory, "successions").is_empty(), "{territory:#}");
    }
}

/// Of each noun and part that the demo fills: how many there are, and of each member that some do not say, how many do.
const SAID: &str = "\
programme-phases 2: ends_on=1 period_stated=1 period_precision=1
themes 16: territory_id=8 other_wordings=12 parent_id=4
territories 13: aliases=9 website=0 contact_service=0 contact_email=0 contact_phone=0
territories/labels 22: name=0 applied_on=0 labelled_on=1 withdrawn_on=0 note=15
territories/members 62: commune_code=0 starts_on=0 ends_on=0
partners 50: acronym=10 aliases=13 siren=8 siret=0 parent_id=3 predecessor_id=2 website=2 contact_service=1 contact_email=1 contact_phone=1
partners/commitments 4: starts_on=0 ends_on=0
people 28: variants=9 consented_on=0
people/mandates 34: partner_id=30 starts_on=0 ends_on=0
committees 11: territory_id=9 region_code=1 partner_id=5 parent_id=2 declared_size=7 declared_size_qualifier=7 quotas=6 created_on=0 ended_on=0 becomes_id=0
committees/seats 25: person_id=21 partner_id=22 alternate_of=0 component=0 starts_on=0 ends_on=0
action-fiches 35: reference=0 description=3 expected_results=0 parent_id=0 objective_id=19 proposed_by_id=0 proposed_by_committee_id=19 scope=0 nature=16 target_groups=12 quantity=1 quantity_unit=1 planned_start_on=0 planned_end_on=0 actual_start_on=0 actual_end_on=0 recurring=1 budget_eur=0 budget_basis=0 priority=0 stage=0 validation_reason=34 validation_decision_id=0
action-fiches/participants 30: note=9
action-fiches/themes 19
action-fiches/locations 6: delegated_commune=1 latitude=0 longitude=0
documents 22: url=4 url_state=1 url_checked_on=0 publisher_id=9 publisher=1 published_on=2 updated_on=1 licence=2 description=6 territory_id=17
support-tools 8: url=0 description=3 starts_on=0 ends_on=0
objectives 12: points=1 parent_id=0
meetings 5: title=1 committee_id=4 region_code=0 ordinal=4 place=3 commune_code=2 host_partner_id=2 note=2
meetings/attendances 5: person_id=0 function=2 represented_by=0 note=0
meetings/decisions 2: action_fiche_id=0 reason=0
events 9: called=1 parent_id=4 territory_id=8 starts_on=7 starts_stated=7 starts_precision=7 starts_confidence=7 ends_on=1 place=3 commune_code=3 organiser_id=2 host_partner_id=2 description=7
events/sequences 3: result=0
events/measures 5: addends=1 note=2
events/participants 18: person_id=7 partner_id=6 category=11 function=6 quote=3
agreements 4: parent_id=1 place=1 commune_code=1 starts_on=1 ends_on=1 period_stated=1 period_precision=1 declared_fiches=3 declared_firm=1 note=3
agreements/signatories 9: person_id=7 function=7 organisation_as_stated=0 signed_on=0
agreements/approvals 1: approved_on=0 approved_stated=0 approved_precision=0 approved_confidence=0
agreements/fiches 34: number=9 starts_on=0 ends_on=0
diagnoses 3: made_on=0 made_stated=0 made_precision=0 made_confidence=0 method=2 event_id=1 declared_ambitions=1
diagnoses/findings 4: cause=2 cause_kind=2
diagnoses/stakes 4: emphasis=3
diagnoses/ambitions 6: position=2 theme_id=1
posts 1: starts_on=0 starts_stated=0 starts_precision=0 starts_confidence=0 ends_on=0
posts/funding-lines 2: amount_eur=0 share_pct=0 year=0 note=0
indicators 13: label_en=0
observations 27: territory_id=13 action_fiche_id=0 partner_id=4 siren=1 department_code=2 region_code=3 commune_code=1 value=24 period_starts_on=1 period_ends_on=1 period_stated=1 period_precision=1 observed_on=19 observed_stated=19 observed_precision=19 observed_confidence=19 note=7
citations 305: member=116 passage=293 territory_id=304
";

/// Whoever reads all that the demo has finds no thing, and no member filled, that was not read in a document.
#[actix_web::test]
async fn of_every_noun_there_is_what_the_documents_say_and_no_member_more() {
    let house = demo_house().await;
    let mut found = String::new();
    for maker in makers::makers() {
        let (whole, part) = maker.path.split_once("/{id}/").unwrap_or((maker.path, ""));
        let along = part.replace('-', "_");
        let rows = house.all(&format!("{whole}?limit=1000{}", if part.is_empty() { String::new() } else { format!("&include={along}") })).await;
        let rows: Vec<Value> = if part.is_empty() { rows } else { rows.iter().flat_map(|row| parts(row, &along).to_vec()).collect() };
        let Some(first) = rows.first() else { continue };
        let says = |row: &&Value, name: &str| !row[name].is_null() && row[name] != json!([]);
        let told = first.as_object().unwrap().keys().map(|name| (name, rows.iter().filter(|row| says(row, name)).count()));
        let unknown: Vec<String> = told.filter(|(_, told)| *told < rows.len()).map(|(name, told)| format!(" {name}={told}")).collect();
        let colon = if unknown.is_empty() { "" } else { ":" };
        found.push_str(&format!("{} {}{colon}{}\n", maker.path.trim_start_matches('/').replace("/{id}", ""), rows.len(), unknown.concat()));
    }
    let differ: Vec<String> =
        found.lines().filter(|line| !SAID.lines().any(|known| known == *line)).map(|line| format!("  in the demo:  {line}")).collect();
    let due = SAID.lines().filter(|line| !found.lines().any(|there| there == *line)).map(|line| format!("  was due:      {line}"));
    assert!(
        found == SAID,
        "the demo has more of a noun, or less, than is known here:\n{}\nTo fix this: where a document says it, ask for it in questions.json and \
         write its line in SAID (tests/api/sources.rs); else take it out of src/demo/",
        differ.into_iter().chain(due).collect::<Vec<_>>().join("\n")
    );
}
