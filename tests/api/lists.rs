//! Lists: random questions against the same in plain SQL, walks while others write, and what is refused.

use std::collections::HashSet;

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use rand::{
    RngExt, SeedableRng,
    rngs::StdRng,
    seq::{IndexedRandom, SliceRandom},
};
use serde_json::{Value, json};

use crate::support::{self, House, contract::DOCUMENT, demo_house, house, makers};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
}

async fn plain_sql(house: &House, query: &str) -> Vec<String> {
    let rows: Vec<Row> = sql_query(query).load(&mut house.database().await).await.unwrap_or_else(|error| panic!("{query}: {error}"));
    rows.into_iter().map(|row| row.id).collect()
}

fn ids(rows: &[Value]) -> Vec<String> {
    rows.iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect()
}

/// A hundred and twenty fiches of two territories, with gaps, ties and accents.
async fn many_fiches() -> House {
    let house = house().await;
    let territories = [makers::territory(&house, "Un").await, makers::territory(&house, "Deux").await];
    let mut conn = house.database().await;
    conn.batch_execute(&format!(
        "BEGIN; SET LOCAL app.author = 'test';
         INSERT INTO action_fiches (id, territory_id, title, reference, target_groups, planned_start_on, budget_eur, recurring, priority, commitment, visibility, stage)
         SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN '{}'::uuid ELSE '{}'::uuid END,
            (ARRAY['Étude', 'étude', 'Ecole', 'atelier', 'Œuvre', 'zone, deux', 'Zone'])[1 + n % 7],
            CASE WHEN n % 2 = 0 THEN 'R' || n END, '[]',
            CASE WHEN n % 4 > 0 THEN DATE '2019-01-01' + (n % 9) END,
            CASE WHEN n % 5 > 0 THEN (n % 11) * 1000.5 END,
            CASE n % 3 WHEN 0 THEN true WHEN 1 THEN false END,
            (ARRAY['high', 'medium', 'low', NULL])[1 + n % 4], (ARRAY['unknown', 'firm'])[1 + n % 2], 'public', (ARRAY['idea', NULL])[1 + n % 2]
         FROM generate_series(1, 120) n; COMMIT",
        territories[0], territories[1]
    ))
    .await
    .unwrap();
    house
}

/// A filter, in the words of the API and in those of SQL.
fn filter(dice: &mut StdRng) -> (String, String) {
    let (suffix, sql) = *[("", "="), ("__ne", "<>"), ("__gte", ">="), ("__gt", ">"), ("__lte", "<="), ("__lt", "<")].choose(dice).unwrap();
    let or_null = |name: &str| if sql == "<>" { format!("{name} IS NULL OR ") } else { String::new() };
    let yes: bool = dice.random();
    match dice.random_range(0..7) {
        0 => {
            let day = format!("2019-01-0{}", dice.random_range(1..=9));
            (format!("planned_start_on{suffix}={day}"), format!("({}planned_start_on {sql} '{day}')", or_null("planned_start_on")))
        }
        1 => {
            let amount = f64::from(dice.random_range(0..12)) * 1000.5;
            (format!("budget_eur{suffix}={amount}"), format!("({}budget_eur {sql} {amount})", or_null("budget_eur")))
        }
        2 => {
            let number = dice.random_range(1..=3);
            let words: Vec<&str> = ["high", "medium", "low"].sample(dice, number).copied().collect();
            (format!("priority={}", words.join(",")), format!("priority IN ('{}')", words.join("','")))
        }
        3 => {
            let word = ["high", "low"].choose(dice).unwrap();
            (format!("priority__ne={word}"), format!("(priority IS NULL OR priority <> '{word}')"))
        }
        4 => {
            let name = ["reference", "stage", "recurring", "budget_eur", "planned_start_on"].choose(dice).unwrap();
            (format!("{name}__null={yes}"), format!("{name} IS {}NULL", if yes { "" } else { "NOT " }))
        }
        5 => (format!("recurring={yes}"), format!("recurring = {yes}")),
        _ => {
            let (asked, title) = [("Étude", "Étude"), ("zone,%20deux", "zone, deux"), ("Zone", "Zone"), ("nulle", "nulle")].choose(dice).unwrap();
            (format!("title={asked}"), format!("title = '{title}'"))
        }
    }
}

/// An order, in both words: what is empty comes last, both ways round.
fn order(dice: &mut StdRng) -> (String, String) {
    let mut names = ["title", "reference", "planned_start_on", "budget_eur", "stage", "validation"];
    names.shuffle(dice);
    let number = dice.random_range(1..=3);
    let turned: Vec<(&str, bool)> = names.into_iter().take(number).map(|name| (name, dice.random())).collect();
    let asked: Vec<String> = turned.iter().map(|(name, turned)| format!("{}{name}", if *turned { "-" } else { "" })).collect();
    let sql: Vec<String> = turned.iter().map(|(name, turned)| format!("{name} {} NULLS LAST", if *turned { "DESC" } else { "ASC" })).collect();
    (asked.join(","), sql.join(", "))
}

/// A question has two filters and three members to sort by at most: what fails is small already, and its address says it whole.
#[actix_web::test]
async fn random_questions_are_answered_as_plain_sql_answers_them() {
    let house = many_fiches().await;
    let mut found = 0;
    for case in 0..128 {
        let mut dice = StdRng::seed_from_u64(case);
        let number = dice.random_range(0..3);
        let filters: Vec<_> = (0..number).map(|_| filter(&mut dice)).collect();
        let (sort, order) = order(&mut dice);
        let limit = dice.random_range(4..40_i32);
        let mut names = HashSet::new();
        // One filter twice is any of both, or refused: here each stands once.
        let filters: Vec<_> = filters.into_iter().filter(|(asked, _)| names.insert(asked.split('=').next().unwrap().to_owned())).collect();
        let condition: String = filters.iter().map(|(_, sql)| format!(" AND {sql}")).collect();
        let asked: String = filters.iter().map(|(asked, _)| format!("&{asked}")).collect();
        let path = format!("/action-fiches?sort={sort}{asked}");
        let expected = plain_sql(&house, &format!("SELECT id::text AS id FROM action_fiches WHERE true{condition} ORDER BY {order}, id")).await;
        found += expected.len();

        let walked = house.anyone.all(&format!("{path}&limit={limit}")).await;
        assert_eq!(ids(&walked), expected, "case {case}: {path}");
        let page = house.anyone.get(&format!("{path}&limit=1&count=true")).await.expect(200);
        assert_eq!(page.body["meta"]["total"], expected.len(), "case {case}: {path}");
        let offset = limit * 2;
        let numbered = house.anyone.get(&format!("{path}&limit={limit}&offset={offset}")).await.expect(200);
        let there: Vec<String> = expected.iter().skip(offset as usize).take(limit as usize).cloned().collect();
        assert_eq!(ids(numbered.rows()), there, "case {case}: {path} from {offset}");

        // And backwards, from the last page to the first.
        let mut page = house.anyone.get(&format!("{path}&limit={limit}")).await.expect(200);
        while let Some(next) = page.body["links"]["next"].as_str() {
            page = house.anyone.get(next).await.expect(200);
        }
        let mut back = ids(page.rows());
        while let Some(previous) = page.body["links"]["prev"].as_str() {
            page = house.anyone.get(previous).await.expect(200);
            back.splice(0..0, ids(page.rows()));
        }
        assert_eq!(back, expected, "case {case}: {path} backwards");
    }
    assert!(found > 1000, "the questions found something: {found}");
}

#[actix_web::test]
async fn a_walk_meets_every_untouched_row_once_while_others_write() {
    let house = many_fiches().await;
    let territory = makers::territory(&house, "Trois").await;
    let untouched: HashSet<String> = ids(&house.all("/action-fiches").await).into_iter().collect();
    let stop = std::rc::Rc::new(std::cell::Cell::new(false));
    let (editor, stopped) = (house.editor.clone(), stop.clone());
    let writer = actix_web::rt::spawn(async move {
        let mut written = 0;
        while !stopped.get() {
            let title = ["Aaa", "Étude", "Mmm", "Zzz"][written % 4];
            let made = editor.post("/action-fiches", json!({ "territory_id": territory, "title": title })).await.expect(201);
            if written % 2 == 0 {
                editor.delete(&made.location.unwrap(), made.etag.as_deref()).await.expect(204);
            }
            written += 1;
        }
        written
    });
    for sort in ["title", "-title", "budget_eur,-title", "created_at", "-updated_at"] {
        let met: Vec<String> = ids(&house.anyone.all(&format!("/action-fiches?limit=7&sort={sort}")).await);
        let mut once = HashSet::new();
        for id in met.iter().filter(|id| untouched.contains(*id)) {
            assert!(once.insert(id), "{sort}: {id} was met twice");
        }
        assert_eq!(once.len(), untouched.len(), "{sort}: some were missed");
    }
    stop.set(true);
    assert!(writer.await.unwrap() > 5, "the writer wrote meanwhile");
}

/// A page whose rows are gone meanwhile still leads on, and a cursor may come in the form of a list.
#[actix_web::test]
async fn no_page_is_a_dead_end() {
    let house = house().await;
    for name in ["A", "B", "C"] {
        makers::person(&house, name).await;
    }
    let first = house.get("/people?limit=1").await.expect(200);
    let cursor = first.body["meta"]["next_cursor"].as_str().unwrap();
    let second = house.get(&format!("/people?limit=1&cursor[]={cursor}")).await.expect(200);
    // A search for the word does not make numbered pages of those of a cursor.
    let words = house.get("/people?limit=1&name__ne=offset=3").await.expect(200);
    assert!(words.body["links"]["next"].as_str().unwrap().contains("&cursor="));
    let third = house.get(second.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(third.rows()[0]["name"], "C");
    house.delete(&format!("/people/{}", first.rows()[0]["id"].as_str().unwrap()), Some("\"v1\"")).await.expect(204);
    let before = house.get(second.body["links"]["prev"].as_str().unwrap()).await.expect(200);
    assert_eq!(before.rows().len(), 0);
    let on = house.get(before.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!(on.rows()[0]["name"], "B");
}

#[actix_web::test]
async fn search_knows_no_accents_and_no_case_and_ranks() {
    let house = house().await;
    for name in ["Pépinières d'entreprises de Vire", "Pépinière", "Œuvres du bocage", "Chambre de métiers", "Entreprise des Pépins"] {
        makers::partner(&house, name).await;
    }
    let found = async |q: &str| -> Vec<String> {
        let page = house.anyone.request(reqwest::Method::GET, "/partners").query(&[("q", q)]);
        let page = crate::support::send(page).await.expect(200);
        page.rows().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found("PÉPIN").await.len(), 3);
    assert_eq!(found("pepiniere").await.len(), 2);
    assert_eq!(found("pépinières entreprise").await, ["Pépinières d'entreprises de Vire"]);
    assert_eq!(found("oeuvre").await, ["Œuvres du bocage"]);
    assert_eq!(found("l’œuvre").await, [""; 0], "every word must be there, of a word or its beginning");
    for odd in ["a & \"", "%", "_", "\\", "''", "!!!", "🏭", &"mot ".repeat(45), "de la"] {
        found(odd).await;
    }
    // What says the word twice comes first, though it is the youngest and the last by its name.
    makers::partner(&house, "Zone de la pépinière des pépinières").await;
    assert_eq!(found("pepiniere").await[0], "Zone de la pépinière des pépinières");
    let ranked = house.anyone.get("/partners?q=pepiniere&limit=1").await.expect(200);
    let next = house.anyone.get(ranked.body["links"]["next"].as_str().unwrap()).await.expect(200);
    assert_eq!((ranked.rows().len(), next.rows().len()), (1, 1));
    assert_ne!(ranked.rows()[0]["id"], next.rows()[0]["id"]);
}

/// Every parameter that the document gives one value. (A filter of a list may have several.)
#[actix_web::test]
async fn a_parameter_of_one_value_takes_no_second() {
    let house = house().await;
    let (admin, mut asked) = (house.with(&["admin@nation", "reader@nation"]).await, 0);
    for (path, operations) in DOCUMENT["paths"].as_object().unwrap() {
        let parameters = operations["get"]["parameters"].as_array().into_iter().flatten();
        let paged = ["limit", "cursor", "offset", "count", "sort", "q", "as_of", "with_predecessors"];
        let of_list = parameters.clone().any(|parameter| parameter["name"] == "limit" || parameter["$ref"] == "#/components/parameters/limit");
        for parameter in parameters.filter(|parameter| parameter["in"] == "query" && parameter["schema"]["type"] != "array") {
            let name = parameter["name"].as_str().unwrap();
            if of_list && !paged.contains(&name) {
                continue;
            }
            let known = "00000000-0000-7000-8000-000000000000";
            let place = path.replace("{code}", "84").replace("{id}", known).replace("{part_id}", known);
            let refused = admin.get(&format!("{}{place}?{name}=1&{name}=2", house.address)).await.expect(400);
            let twice = (name.to_owned(), "repeated_parameter".to_owned());
            assert!(refused.wrongs().contains(&twice), "{path}: {:?}", refused.wrongs());
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked} parameters");
}

#[actix_web::test]
async fn what_a_list_does_not_understand_it_refuses_all_at_once() {
    let house = many_fiches().await;
    let long = format!("/action-fiches?q={}", "a".repeat(201));
    let values = format!("/action-fiches?territory_id={}", vec!["00000000-0000-7000-8000-000000000000"; 200].join(","));
    let cases = [
        ("/action-fiches?limit=0", "limit", "out_of_range"),
        ("/action-fiches?limit=1001", "limit", "out_of_range"),
        ("/action-fiches?limit=1e3", "limit", "out_of_range"),
        ("/action-fiches?limit=-1", "limit", "out_of_range"),
        ("/action-fiches?limit=", "limit", "out_of_range"),
        ("/action-fiches?limit=5&limit=6", "limit", "repeated_parameter"),
        ("/action-fiches?offset=10001", "offset", "out_of_range"),
        ("/action-fiches?count=yes", "count", "unknown_word"),
        ("/action-fiches?sort=colour", "sort", "unknown_word"),
        ("/action-fiches?sort=title,-title", "sort", "repeated_parameter"),
        ("/action-fiches?include=people", "include", "unknown_word"),
        ("/action-fiches?colour=red", "colour", "unknown_parameter"),
        ("/action-fiches?title__gte=a", "title__gte", "unknown_parameter"),
        ("/action-fiches?priority=urgent", "priority", "unknown_word"),
        ("/action-fiches?planned_start_on=2019-02-30", "planned_start_on", "invalid_date"),
        ("/action-fiches?planned_start_on__gte=a&planned_start_on__lt=b", "planned_start_on__gte", "invalid_date"),
        ("/action-fiches?created_at__gte=2019-01-01T00:00:60Z", "created_at__gte", "invalid_instant"),
        ("/action-fiches?budget_eur=NaN", "budget_eur", "invalid_amount"),
        ("/action-fiches?territory_id=x", "territory_id", "invalid_id"),
        ("/action-fiches?title=a%00b", "title", "forbidden_character"),
        ("/action-fiches?cursor=abc", "cursor", "invalid_cursor"),
        (&long, "q", "too_long"),
        ("/action-fiches?include=themes,themes", "include", "repeated_parameter"),
        ("/action-fiches?q=", "q", "blank"),
        ("/action-fiches?sort=", "sort", "blank"),
        ("/action-fiches?title__ne=", "title__ne", "blank"),
    ];
    for (path, parameter, code) in cases {
        let refused = house.anyone.get(path).await.expect(400);
        assert_eq!(refused.wrongs()[0], (parameter.to_owned(), code.to_owned()), "{path}");
    }
    let all = house.anyone.get("/action-fiches?limit=0&sort=colour&priority=urgent&budget_eur=x").await.expect(400);
    assert_eq!(all.wrongs().len(), 4);
    house.anyone.get(&values).await.expect(200);
    let too_long = house.anyone.get(&format!("/action-fiches?title={}", "a".repeat(9000))).await.expect(400);
    assert_eq!(too_long.wrongs(), [(String::new(), "too_long".to_owned())]);

    let page = house.anyone.get("/action-fiches?limit=5&sort=title").await.expect(200);
    let cursor = page.body["meta"]["next_cursor"].as_str().unwrap();
    for other in ["sort=-title", "sort=title&priority=high", "sort=title,budget_eur"] {
        let refused = house.anyone.get(&format!("/action-fiches?limit=5&{other}&cursor={cursor}")).await.expect(400);
        assert_eq!(refused.wrongs(), [("cursor".to_owned(), "incompatible_cursor".to_owned())], "{other}");
    }
    house.anyone.get(&format!("/action-fiches?limit=9&count=true&sort=title&cursor={cursor}")).await.expect(200);
    house.anyone.get("/partners/00000000-0000-7000-8000-000000000000?colour=red").await.expect(400);
}

#[actix_web::test]
async fn several_values_may_be_given_in_three_ways() {
    let house = many_fiches().await;
    let mut totals = HashSet::new();
    for query in ["priority=high,low", "priority=high&priority=low", "priority[]=high&priority[]=low", "priority%5B%5D=high&priority=low"] {
        let page = house.anyone.get(&format!("/action-fiches?{query}&count=true&include=themes&include=participants")).await.expect(200);
        assert!(page.rows()[0]["themes"].is_array() && page.rows()[0]["participants"].is_array());
        totals.insert(page.body["meta"]["total"].as_i64().unwrap());
    }
    assert_eq!(totals, HashSet::from([60]));
}

#[derive(QueryableByName)]
struct Prepared {
    #[diesel(sql_type = Text)]
    statement: String,
}

/// The statements of hot endpoints are prepared once and kept: asked twice, they stand in `pg_prepared_statements`.
#[actix_web::test]
async fn hot_statements_are_prepared_once() {
    use territoires_industrie::{
        api::partners,
        db::listing::{Listed, Listing},
        noun,
    };
    let house = house().await;
    let partner = makers::partner(&house, "A").await;
    let mut conn = house.database().await;
    for _ in 0..2 {
        let mut listing = Listing::<partners::Partner>::default();
        listing.limit = Some(21);
        listing.conditions.push(territoires_industrie::db::listing::Condition {
            field: partners::Partner::fields().iter().find(|field| field.name == "kind").unwrap(),
            operator: territoires_industrie::db::listing::Operator::Is,
            values: vec!["company".to_owned()],
            beside: None,
        });
        assert_eq!(listing.rows(&mut conn).await.unwrap().len(), 1);
        let id = territoires_industrie::values::Id::parse(&partner).unwrap();
        assert!(noun::find::<partners::Partner>(noun::Address::alone(id), &Default::default(), &mut conn).await.is_ok());
    }
    let prepared: Vec<Prepared> = sql_query("SELECT statement FROM pg_prepared_statements").load(&mut conn).await.unwrap();
    let statements: Vec<&str> = prepared.iter().map(|prepared| prepared.statement.as_str()).collect();
    assert!(statements.iter().any(|statement| statement.contains("ARRAY[") && statement.contains("LIMIT")), "the list: {statements:#?}");
    assert!(statements.iter().any(|statement| statement.contains("\"id\" = $1") && !statement.contains("ARRAY[")), "the read by id: {statements:#?}");
    assert_eq!(statements.len(), statements.iter().collect::<HashSet<_>>().len(), "none is prepared twice");
}

/// The nouns whose lists anyone may read, each with what may come along.
fn inclusions() -> Vec<(String, Vec<String>)> {
    let open = DOCUMENT["paths"].as_object().unwrap().iter().filter(|(_, item)| item["get"].is_object() && item["get"]["x-role"].is_null());
    let found = open.filter_map(|(path, item)| {
        let noun = path.strip_prefix("/api/v1/").filter(|noun| !noun.contains('/'))?;
        let include = item["get"]["parameters"].as_array()?.iter().find(|parameter| parameter["name"] == "include")?;
        let along = include["schema"]["items"]["enum"].as_array()?.iter().filter_map(Value::as_str).map(str::to_owned);
        Some((noun.to_owned(), along.collect()))
    });
    found.collect()
}

/// A list with all that may come along takes as many statements for one row as for all of them.
#[actix_web::test]
async fn the_number_of_statements_does_not_depend_on_the_size_of_a_page() {
    let house = demo_house().await;
    let name = house.url.split("/house_").nth(1).and_then(|rest| rest.split('?').next()).map(|number| format!("house_{number}")).unwrap();
    // Only what this house is asked is logged. Sessions that are open already would not be: they are ended.
    let log = format!("ALTER DATABASE {name} SET log_statement = 'all'; ALTER DATABASE {name} SET log_min_messages = 'log'");
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    house.database().await.batch_execute(&format!("{log}; {end}")).await.unwrap();
    let mut asked = 0;
    for (noun, along) in inclusions() {
        // Where the demo has none, there are two that are made here.
        if house.anyone.get(&format!("/{noun}")).await.expect(200).rows().is_empty() {
            let path = format!("/{noun}");
            for number in 1000..1002 {
                house.post(&path, makers::body(&house, &path, number).await).await.expect(201);
            }
        }
        let (mut counts, mut statements) = (Vec::new(), Vec::new());
        for limit in [1, 1000] {
            let path = format!("/{noun}?include={}&limit={limit}", along.join(","));
            // The first time a session opens, or a statement is prepared. No key: whose it is is asked again and again.
            house.anyone.get(&path).await.expect(200);
            let before = support::postgres_log().len();
            let rows = house.anyone.get(&path).await.expect(200).rows().len();
            let told = support::postgres_log().split_off(before);
            // What the service does of its own accord, beside: it numbers the ledger, forgets answers, and in a new session looks for types.
            let beside = ["stamp", "ledger", "prune", "pg_type"];
            let ours = told.lines().filter(|line| line.contains("LOG:  execute ") && !beside.iter().any(|word| line.contains(word)));
            let ours: Vec<String> = ours.map(|line| line.chars().take(300).collect()).collect();
            counts.push((rows.min(2), ours.len()));
            statements.push(ours);
        }
        assert_eq!((counts[0].0, counts[0].1 > along.len() / 2), (1, true), "/{noun}: nothing was logged, or there is no row: {counts:?}");
        assert_eq!(counts[0].1, counts[1].1, "/{noun}: {statements:#?}");
        asked += usize::from(counts[1].0 == 2);
    }
    assert!(asked >= 10, "{asked} lists have several rows and something that comes along");
}

/// What comes along with a thing is what its own list shows to who asks, in its order.
#[actix_web::test]
async fn what_comes_along_is_what_its_own_list_shows() {
    let house = demo_house().await;
    let fiche = house.get("/action-fiches?limit=1").await.expect(200).rows()[0].clone();
    for visibility in ["public", "partners", "restricted"] {
        let note = json!({ "text": "n", "visibility": visibility, "dated_on": "2026-01-01" });
        house.post(&format!("/action-fiches/{}/notes", fiche["id"].as_str().unwrap()), note).await.expect(201);
    }
    let reader = house.with(&[&format!("reader@territory:{}", fiche["territory_id"].as_str().unwrap())]).await;
    let mut compared = 0;
    for (noun, along) in inclusions() {
        for name in along {
            let list = name.replace('_', "-");
            if DOCUMENT["paths"][format!("/api/v1/{noun}/{{id}}/{list}")]["get"].is_null() {
                continue;
            }
            for client in [&house.anyone, &reader, &house] {
                let rows = client.get(&format!("/{noun}?include={name}&limit=1000")).await.expect(200).rows().clone();
                // Those with most of them, and one with none perhaps. (The perimeter of a territory is no list.)
                let mut rows: Vec<&Value> = rows.iter().filter(|row| row[name.as_str()].is_array()).collect();
                rows.sort_by_key(|row| std::cmp::Reverse(row[name.as_str()].as_array().map(Vec::len)));
                for row in rows.iter().take(2).chain(rows.last()) {
                    let own = client.get(&format!("/{noun}/{}/{list}?limit=1000", row["id"].as_str().unwrap())).await.expect(200);
                    assert_eq!(row[name.as_str()], json!(own.rows()), "/{noun}: {name}");
                    compared += usize::from(own.rows().len() > 1);
                }
            }
        }
    }
    assert!(compared >= 60, "{compared} lists of several parts were compared");
}
