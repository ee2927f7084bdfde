//! The tables: every noun keeps the ledger, what is unsigned is refused, and the shape of the schema is sound.

use diesel::{QueryableByName, sql_query, sql_types::Text};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::json;
use territoires_industrie::{
    api,
    db::{
        self, Author, Db, Error,
        migrate::{self, State, Task},
    },
    ledger::{
        stamper,
        verify::{Defect, Verdict, verify},
    },
    noun::Rule,
};

use crate::support::{house, makers};

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Text)]
    text: String,
}

async fn ask(conn: &mut db::Conn, query: &str) -> Vec<String> {
    let found: Vec<Found> = sql_query(query).load(conn).await.unwrap();
    found.into_iter().map(|found| found.text).collect()
}

/// Tables that are no noun's.
const APART: &str = "('ledger', 'stamping', 'stamps', 'kept', 'functions', 'api_keys', 'grants', 'idempotency_keys', 'usage', 'department_regions', \
    'regions', 'departments', 'intercommunalities', 'intercommunality_places', 'communes', 'contours', '__diesel_schema_migrations')";

#[actix_web::test]
async fn every_table_of_a_noun_keeps_the_ledger() {
    let house = house().await;
    let mut conn = house.database().await;
    let without = ask(
        &mut conn,
        &format!(
            "SELECT relname::text AS text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname NOT IN {APART}
             AND (SELECT count(*) FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname IN ('set_version', 'record')) <> 2"
        ),
    )
    .await;
    assert_eq!(
        without, [""; 0],
        "these keep no ledger. To fix this: end the migration of each with SELECT keep_ledger('…'), or name a table that is no noun's in APART"
    );
}

#[actix_web::test]
async fn what_nobody_signed_is_refused_and_the_ledger_is_never_rewritten() {
    let house = house().await;
    let partner = makers::partner(&house, "Newmatec").await;
    let mut conn = house.database().await;
    for unsigned in
        ["UPDATE partners SET name = 'x'", "DELETE FROM partners", "INSERT INTO people (id, name, variants) VALUES (gen_random_uuid(), 'x', '[]')"]
    {
        let refused = conn.batch_execute(unsigned).await.unwrap_err().to_string();
        assert!(refused.contains("nobody signed"), "{unsigned}: {refused}");
    }
    // Once it has a number, that is not changed either.
    while ask(&mut conn, "SELECT head::text AS text FROM stamp_ledger(100)").await == ["0"] {}
    for rewriting in [
        "UPDATE ledger SET author = 'x'",
        "DELETE FROM ledger",
        "TRUNCATE ledger CASCADE",
        "UPDATE stamps SET hash = ''",
        "DELETE FROM stamps",
        "TRUNCATE stamps",
    ] {
        let refused = conn.batch_execute(rewriting).await.unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{rewriting}: {refused}");
    }
    let line = ask(&mut conn, &format!("SELECT after ->> 'name' AS text FROM ledger WHERE thing = '{partner}'")).await;
    assert_eq!(line, ["Newmatec"]);
}

/// In its own sessions the service could not even try: its role may add lines, and owns nothing.
#[actix_web::test]
async fn the_services_own_role_only_adds_to_the_ledger() {
    let house = house().await;
    let author = Author::command("test");
    let service = Db::new(&house.url, 1).unwrap();
    for (allowed, act) in [
        (true, "INSERT INTO partners (id, name, aliases, kind) VALUES (gen_random_uuid(), 'x', '[]', 'company')"),
        (true, "DELETE FROM partners"),
        (false, "UPDATE ledger SET author = 'x'"),
        (false, "DELETE FROM ledger"),
        (false, "TRUNCATE ledger CASCADE"),
        (false, "DELETE FROM stamps"),
        (false, "ALTER TABLE ledger DISABLE TRIGGER ALL"),
        (false, "SET LOCAL session_replication_role = replica"),
        (false, "CREATE OR REPLACE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE sql AS ''"),
    ] {
        let done = service.write(&author, async |conn| -> Result<(), Error> { Ok(conn.batch_execute(act).await?) }).await;
        let refused = done.err().map(|error| error.to_string());
        match &refused {
            Some(why) => assert!(!allowed && (why.contains("denied") || why.contains("owner")), "{act}: {why}"),
            None => assert!(allowed, "{act} was done"),
        }
    }
}

#[actix_web::test]
async fn a_part_names_its_parent_and_gives_it_a_new_version() {
    let house = house().await;
    let body = json!({ "name": "Alençon", "members": [
        { "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon" },
        { "kind": "commune", "commune_code": "61001", "name": "Alençon" },
    ] });
    let made = house.post("/territories", body).await.expect(201);
    assert_eq!(made.body["version"], 1, "made with its parts, at once, it is at its first version");
    let one = made.location.unwrap();
    let member = house.post(&format!("{one}/members"), json!({ "kind": "other", "name": "Pacé" })).await.expect(201);
    let read = house.get(&format!("{one}?include=members")).await.expect(200);
    assert_eq!((&read.body["version"], read.body["members"].as_array().unwrap().len()), (&json!(2), 3));
    let stale = house.patch(&one, Some("\"v1\""), json!({ "website": null })).await.expect(412);
    assert_eq!(stale.body["changes"][0]["members"], json!(["territory_members"]));
    house.patch(&member.location.unwrap(), Some("\"v1\""), json!({ "coordinator": true })).await.expect(200);
    assert_eq!(house.get(&one).await.expect(200).etag.as_deref(), Some("\"v3\""));
    let mut conn = house.database().await;
    let lines =
        ask(&mut conn, "SELECT noun || ' ' || action || ' ' || version || coalesce(' of ' || parent_noun, '') AS text FROM ledger ORDER BY id").await;
    assert_eq!(
        lines,
        [
            "territories create 1",
            "territory_members create 1 of territories",
            "territory_members create 1 of territories",
            "territory_members create 1 of territories",
            "territories update 2",
            "territory_members update 2 of territories",
            "territories update 3",
        ]
    );
}

#[actix_web::test]
async fn one_bad_child_and_nothing_is_written() {
    let house = house().await;
    let body = json!({ "name": "Alençon", "members": [
        { "kind": "intercommunality", "siren": "246100663", "name": "CU d'Alençon" },
        { "kind": "intercommunality", "name": "Sans numéro" },
    ] });
    let refused = house.post("/territories", body).await.expect(422);
    assert_eq!(refused.wrongs(), [("/members/1".to_owned(), "broken_rule".to_owned())]);
    assert_eq!(house.get("/territories?count=true").await.expect(200).body["meta"]["total"], 0);
    assert_eq!(ask(&mut house.database().await, "SELECT count(*)::text AS text FROM ledger").await, ["0"]);
}

#[actix_web::test]
async fn fifty_writers_of_one_version_leave_one_line() {
    let house = house().await;
    let partner = makers::partner(&house, "La Normandise").await;
    let path = format!("/partners/{partner}");
    let writers = (0..50).map(|n| {
        let (editor, path) = (house.editor.clone(), path.clone());
        async move { editor.patch(&path, Some("\"v1\""), json!({ "acronym": format!("LN{n}") })).await }
    });
    let answers = futures_util::future::join_all(writers).await;
    let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
    assert_eq!((count(200), count(412)), (1, 49));
    let stale = answers.iter().find(|answer| answer.status == 412).unwrap();
    assert_eq!((&stale.body["version"], stale.etag.as_deref()), (&json!(2), Some("\"v2\"")));
    assert_eq!(stale.body["changes"][0]["members"], json!(["acronym"]));
    assert_eq!(stale.body["changes"][0]["author"], "editor of the tests");
    let lines = ask(&mut house.database().await, "SELECT count(*)::text AS text FROM ledger WHERE action = 'update'").await;
    assert_eq!(lines, ["1"]);
}

/// Two rows that would come to refer to each other at once: one of them does, and nobody waits for the other in a circle.
#[actix_web::test]
async fn rows_that_refer_to_each_other_do_not_lock_each_other_out() {
    let house = house().await;
    let [first, second] = [makers::partner(&house, "Un").await, makers::partner(&house, "Deux").await];
    for _ in 0..10 {
        let change = |one: &str, other: &str| {
            let (editor, path, body) = (house.editor.clone(), format!("/partners/{one}"), json!({ "predecessor_id": other }));
            async move { editor.patch(&path, Some("*"), body).await.status.as_u16() }
        };
        let answers = futures_util::future::join(change(&first, &second), change(&second, &first)).await;
        assert!(matches!(answers, (200, 422) | (422, 200)), "{answers:?}");
        for one in [&first, &second] {
            house.patch(&format!("/partners/{one}"), Some("*"), json!({ "predecessor_id": null })).await.expect(200);
        }
    }
}

#[actix_web::test]
async fn of_many_creations_of_one_key_one_wins_and_the_others_are_told_which() {
    let house = house().await;
    let makers = (0..20).map(|_| {
        let editor = house.editor.clone();
        async move { editor.post("/partners", json!({ "name": "Flers Agglo", "kind": "intercommunality", "siren": "200035814" })).await }
    });
    let answers = futures_util::future::join_all(makers).await;
    let winner: Vec<_> = answers.iter().filter(|answer| answer.status == 201).collect();
    assert_eq!(winner.len(), 1);
    for loser in answers.iter().filter(|answer| answer.status != 201) {
        assert_eq!((loser.status.as_u16(), &loser.location), (409, &winner[0].location));
        assert_eq!(loser.body["existing"], winner[0].body["id"]);
        assert_eq!(loser.wrongs(), [("/siren".to_owned(), "already_exists".to_owned())]);
    }
}

/// Each `*_id` column points somewhere, with a choice of what happens when that goes, and an index serves it.
#[actix_web::test]
async fn every_reference_has_a_key_and_an_index() {
    let house = house().await;
    let mut conn = house.database().await;
    let odd = ask(
        &mut conn,
        &format!(
            "SELECT c.relname || '.' || a.attname AS text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
             WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname NOT IN {APART} AND a.attname LIKE '%\\_id' AND a.attnum > 0
             -- What a citation is of may be of any noun.
             AND NOT (c.relname = 'citations' AND a.attname = 'thing_id')
             AND NOT (EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype = 'f' AND k.conkey = ARRAY[a.attnum])
                 AND EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indkey[0] = a.attnum))"
        ),
    )
    .await;
    assert_eq!(odd, [""; 0], "a foreign key or an index is missing. To fix this: give each *_id column both, in its migration");
}

/// The schema as PostgreSQL tells it, table by table, with its columns, constraints, indexes, triggers and functions.
const SHAPE: &str = "
    SELECT c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS text
        FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'i', 'S') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT schemaname || '.' || viewname || definition FROM pg_views WHERE schemaname IN ('public', 'as_of')
    ORDER BY 1";

#[actix_web::test]
async fn migrations_up_down_and_up_leave_the_same_schema() {
    let house = house().await;
    let mut conn = house.database().await;
    let before = ask(&mut conn, SHAPE).await;
    assert!(matches!(migrate::run(&house.url, Task::Down).unwrap(), State::Behind(count) if count > 5));
    let empty = ask(&mut conn, SHAPE).await;
    assert!(
        empty.iter().all(|line| line.contains("__diesel_schema_migrations") || line.contains("diesel_")),
        "down leaves something. To fix this: undo it in down.sql: {empty:#?}"
    );
    assert_eq!(migrate::run(&house.url, Task::Up).unwrap(), State::Current);
    assert_eq!(ask(&mut conn, SHAPE).await, before);
}

#[actix_web::test]
async fn a_schema_that_this_version_does_not_know_is_left_alone() {
    let house = house().await;
    let mut conn = house.database().await;
    conn.batch_execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')").await.unwrap();
    let unknown = State::Unknown("29990101000000".to_owned());
    assert_eq!((migrate::run(&house.url, Task::Look).unwrap(), migrate::run(&house.url, Task::Up).unwrap()), (unknown.clone(), unknown));
}

/// A database with functions of long ago, then without citations as well: it is told, it is not served, and it gets what it lacks. Of
/// four processes that bring it all of that at once, one does, and the others find it done.
#[actix_web::test]
async fn an_older_database_gets_the_migrations_and_the_functions_that_it_lacks() {
    let house = house().await;
    let mut conn = house.database().await;
    let now = ask(&mut conn, SHAPE).await;
    let (look, up) = (|| migrate::run(&house.url, Task::Look).unwrap(), || migrate::run(&house.url, Task::Up).unwrap());
    let ready = async || house.anyone.get(&format!("{}/health/ready", house.address)).await.status.as_u16();
    let late = "CREATE OR REPLACE FUNCTION is_late(planned_end_on date, progress text) RETURNS boolean LANGUAGE sql STABLE RETURN true";
    let long_ago = "UPDATE functions SET sha256 = 'of long ago'";

    conn.batch_execute(late).await.unwrap();
    assert_eq!((up(), ask(&mut conn, SHAPE).await == now), (State::Current, false), "where the hash is the same, nothing is done");
    conn.batch_execute(long_ago).await.unwrap();
    assert_eq!((look(), ready().await), (State::OtherFunctions, 503));
    assert_eq!((up(), look(), ready().await), (State::Current, State::Current, 200));
    assert_eq!(ask(&mut conn, SHAPE).await, now);

    let without = "DROP VIEW as_of.citations; DROP TABLE citations; DELETE FROM kept WHERE noun = 'citations'; DROP FUNCTION citations_audience();
        DELETE FROM __diesel_schema_migrations WHERE version = '20261127002700'";
    conn.batch_execute(&format!("{late}; {long_ago}; DROP FUNCTION begin_idempotent(text, text, bytea); {without}")).await.unwrap();
    assert_eq!(look(), State::Behind(1));
    std::thread::scope(|scope| {
        let ups = [(); 4].map(|()| scope.spawn(up));
        assert!(ups.into_iter().all(|up| up.join().unwrap() == State::Current));
    });
    assert_eq!(ask(&mut conn, SHAPE).await, now);
}

/// The functions are made while tables that they name are not there yet. In the end each of their bodies is sound.
#[actix_web::test]
async fn the_bodies_of_all_functions_are_sound() {
    let mut conn = house().await.database().await;
    conn.batch_execute(
        "DO $$ DECLARE function text; BEGIN
             SET LOCAL check_function_bodies = on;
             FOR function IN SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace LOOP EXECUTE function; END LOOP;
         END $$",
    )
    .await
    .unwrap();
}

/// `src/schema.rs` is what `make schema` writes of the migrations: every table with its key, every column in its place and of its type,
/// every pair of tables that can be joined.
#[actix_web::test]
async fn the_schema_in_the_code_is_fresh() {
    let house = house().await;
    let mut conn = house.database().await;
    let tables = ask(
        &mut conn,
        "SELECT 'diesel::table! {' || coalesce(E'\n    use diesel::sql_types::*;' || string_agg(DISTINCT E'\n    use super::sql_types::' || ours || ';', '') || E'\n', '')
             || E'\n    ' || c.relname || ' (' || (SELECT string_agg(k.attname, ', ' ORDER BY place) FROM pg_constraint p, unnest(p.conkey) WITH ORDINALITY AS key (n, place)
                 JOIN pg_attribute k ON k.attnum = n WHERE p.conrelid = c.oid AND p.contype = 'p' AND k.attrelid = c.oid) || E') {\n'
             || string_agg('        ' || a.attname || ' -> ' || CASE WHEN a.attnotnull THEN t ELSE 'Nullable<' || t || '>' END || E',\n', '' ORDER BY a.attnum) || E'    }\n}\n' AS text
         FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid,
         LATERAL (SELECT CASE format_type(a.atttypid, NULL) WHEN 'uuid' THEN 'Uuid' WHEN 'text' THEN 'Text' WHEN 'integer' THEN 'Int4' WHEN 'bigint' THEN 'Int8'
            WHEN 'boolean' THEN 'Bool' WHEN 'date' THEN 'Date' WHEN 'jsonb' THEN 'Jsonb' WHEN 'bytea' THEN 'Bytea' WHEN 'numeric' THEN 'Numeric'
            WHEN 'tsvector' THEN 'Tsvector' WHEN 'xid8' THEN 'Xid8' WHEN 'timestamp with time zone' THEN 'Timestamptz'
            WHEN 'double precision' THEN 'Float8' WHEN 'text[]' THEN 'Array<Nullable<Text>>' WHEN 'uuid[]' THEN 'Array<Nullable<Uuid>>' ELSE format_type(a.atttypid, NULL) END AS t) AS types,
         LATERAL (SELECT CASE WHEN t IN ('Tsvector', 'Xid8') THEN t END AS ours) AS ours
         WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> '__diesel_schema_migrations' AND a.attnum > 0 AND NOT a.attisdropped
         GROUP BY c.oid, c.relname ORDER BY c.relname COLLATE \"C\"",
    )
    .await;
    // A key of one column, and the only one between its two tables.
    let joinable = ask(
        &mut conn,
        "SELECT format(E'diesel::joinable!(%s -> %s (%s));\n', conrelid::regclass, confrelid::regclass, attname) AS text
         FROM pg_constraint k JOIN pg_attribute ON attrelid = conrelid AND conkey = ARRAY[attnum]
         WHERE contype = 'f' AND conrelid <> confrelid AND confkey = (SELECT conkey FROM pg_constraint p WHERE p.conrelid = k.confrelid AND p.contype = 'p')
           AND 1 = (SELECT count(*) FROM pg_constraint other WHERE contype = 'f'
               AND (other.conrelid, other.confrelid) IN ((k.conrelid, k.confrelid), (k.confrelid, k.conrelid)))
         ORDER BY conrelid::regclass::text COLLATE \"C\", confrelid::regclass::text COLLATE \"C\"",
    )
    .await;
    let code = include_str!("../../src/schema.rs");
    let names = tables.iter().map(|table| {
        let at = table.find(" (").unwrap();
        format!("    {},\n", table[..at].rsplit(' ').next().unwrap())
    });
    let (tables, names, joinable) = (tables.join("\n"), names.collect::<String>(), joinable.concat());
    let types = ["tsvector Tsvector", "xid8 Xid8"].map(|names| {
        let (theirs, ours) = names.split_once(' ').unwrap();
        format!(
            "    #[derive(diesel::sql_types::SqlType)]\n    #[diesel(postgres_type(name = \"{theirs}\", schema = \"pg_catalog\"))]\n    pub struct {ours};\n"
        )
    });
    let types = types.join("\n");
    let fresh = format!(
        "// @generated automatically by Diesel CLI.\n\npub mod sql_types {{\n{types}}}\n\n{tables}\n{joinable}\ndiesel::allow_tables_to_appear_in_same_query!(\n{names});\n"
    );
    let differs = code.lines().zip(fresh.lines()).find(|(code, fresh)| code != fresh);
    assert!(code == fresh, "src/schema.rs is not what the migrations make. To fix this: run `make schema`. The first lines that differ: {differs:?}");
}

/// What a forger with all rights does to the ledger, and what the walk along the chain says of it.
#[actix_web::test]
async fn whatever_is_done_to_the_past_is_found() {
    let house = house().await;
    for name in ["Un", "Deux", "Trois"] {
        makers::partner(&house, name).await;
    }
    let person = json!({ "name": "Jean Dupont", "mandates": [{ "function": "Maire" }] });
    house.post("/people", person).await.expect(201);
    makers::partner(&house, "Quatre").await;
    let mut conn = house.database().await;
    let head = stamper::catch_up(&mut conn).await.unwrap();
    let Verdict::Sound { lines, hash } = verify(None, &mut conn).await.unwrap() else { panic!("the chain is sound") };
    assert_eq!((lines, head), (6, 6));
    let noted = Some((6, hash));
    conn.batch_execute("CREATE TABLE lines AS SELECT * FROM ledger; CREATE TABLE numbers AS SELECT * FROM stamps").await.unwrap();
    let broken = |seq: i64, line: i64, how| {
        let some = |number: i64| Some(number).filter(|number| *number >= 0);
        Verdict::Broken { seq: some(seq), line: some(line), how }
    };
    let forgeries = [
        ("UPDATE ledger SET author = 'another' WHERE id = 2", broken(2, 2, Defect::Altered)),
        ("UPDATE ledger SET after = jsonb_set(after, '{name}', '\"Faux\"') WHERE id = 3", broken(3, 3, Defect::Altered)),
        ("UPDATE ledger SET audience = 'restricted' WHERE id = 1", broken(1, 1, Defect::Altered)),
        ("UPDATE ledger SET recorded_at = recorded_at + interval '1 microsecond' WHERE id = 6", broken(6, 6, Defect::Altered)),
        ("UPDATE ledger SET request = reason, reason = request WHERE id = 2", broken(2, 2, Defect::Altered)),
        ("UPDATE ledger SET after = jsonb_set(after, '{name}', '\"Jean Durand\"') WHERE id = 4", broken(4, 4, Defect::Personal)),
        ("UPDATE ledger SET after = jsonb_set(after, '{function}', '\"Préfet\"') WHERE id = 5", broken(5, 5, Defect::Personal)),
        ("UPDATE stamps SET salt = NULL WHERE line = 4; UPDATE ledger SET after = erased(noun, after) WHERE id = 4", broken(4, 4, Defect::Erasure)),
        ("DELETE FROM ledger WHERE id = 3", broken(3, 3, Defect::Missing)),
        ("DELETE FROM stamps WHERE seq = 3", broken(3, -1, Defect::Gap)),
        ("DELETE FROM ledger WHERE id = 3; DELETE FROM stamps WHERE seq = 3; UPDATE stamps SET seq = seq - 1 WHERE seq > 3", broken(3, 4, Defect::Altered)),
        ("UPDATE stamps SET line = 100 WHERE seq = 2; UPDATE stamps SET line = 2 WHERE seq = 3; UPDATE stamps SET line = 3 WHERE seq = 2", broken(2, 3, Defect::Altered)),
        ("UPDATE ledger SET author = 'another' WHERE id = 2; UPDATE stamps SET hash = sha256((SELECT hash FROM stamps WHERE seq = 1)
            || convert_to((SELECT lasting_text(ledger, NULL) FROM ledger WHERE id = 2), 'UTF8')) WHERE seq = 2", broken(3, 3, Defect::Altered)),
        ("INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT 0, noun, gen_random_uuid(), parent_noun, parent, version, action, before, after, author, key_id,
            request, reason, recorded_at, transaction, audience, places FROM ledger WHERE id = 1", broken(-1, 0, Defect::Unnumbered)),
        ("DELETE FROM ledger WHERE id = 6; DELETE FROM stamps WHERE seq = 6", broken(6, -1, Defect::Noted)),
    ];
    let back = "DELETE FROM ledger; DELETE FROM stamps; INSERT INTO ledger OVERRIDING SYSTEM VALUE SELECT * FROM lines; INSERT INTO stamps SELECT * FROM numbers";
    for (forgery, found) in forgeries {
        // As the owner of the cluster may: no trigger, no key is in the way.
        conn.batch_execute(&format!("SET session_replication_role = replica; {forgery}")).await.unwrap();
        assert_eq!(verify(noted.clone(), &mut conn).await.unwrap(), found, "{forgery}");
        conn.batch_execute(back).await.unwrap();
        assert!(matches!(verify(noted.clone(), &mut conn).await.unwrap(), Verdict::Sound { .. }), "{forgery} is undone");
    }
    // A second line of a version, numbered in its turn.
    conn.batch_execute(
        "DROP INDEX ledger_version_key; INSERT INTO ledger (noun, thing, version, action, before, after, author) SELECT noun, thing, version, action, before, after, author
         FROM ledger WHERE id = 1",
    )
    .await
    .unwrap();
    stamper::catch_up(&mut conn).await.unwrap();
    assert!(matches!(verify(None, &mut conn).await.unwrap(), Verdict::Broken { seq: None, line: Some(line), how: Defect::Twice } if line > 6));
    conn.batch_execute(back).await.unwrap();
    // The command says the same, and fails.
    let command = || {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_territoires-industrie"));
        command.env("DATABASE_URL", &house.url).args(["verify", "ledger"]).output().unwrap()
    };
    let sound = command();
    assert!(sound.status.success() && String::from_utf8_lossy(&sound.stdout).starts_with("6 lines verified."), "{sound:?}");
    conn.batch_execute("UPDATE ledger SET author = 'another' WHERE id = 2").await.unwrap();
    let broken = command();
    assert!(
        broken.status.code() == Some(1) && String::from_utf8_lossy(&broken.stderr).contains("number 2, line 2: the line was altered"),
        "{broken:?}"
    );
}

#[derive(QueryableByName)]
struct KeptNoun {
    #[diesel(sql_type = Text)]
    noun: String,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    parent_noun: Option<String>,
    #[diesel(sql_type = diesel::sql_types::Nullable<Text>)]
    parent_column: Option<String>,
    #[diesel(sql_type = diesel::sql_types::Array<Text>)]
    places: Vec<String>,
    #[diesel(sql_type = diesel::sql_types::Array<Text>)]
    erased: Vec<String>,
}

/// What the database keeps of a noun is what its card says.
#[actix_web::test]
async fn the_ledger_and_the_cards_say_the_same() {
    let house = house().await;
    let mut conn = house.database().await;
    let kept = sql_query("SELECT noun, parent_noun, parent_column, places, personal_members(noun) AS erased FROM kept");
    let kept: Vec<KeptNoun> = kept.load(&mut conn).await.unwrap();
    assert_eq!(kept.len(), api::kept().count());
    for face in api::kept() {
        let card = face.card;
        let noun = kept.iter().find(|kept| kept.noun == card.table).unwrap_or_else(|| {
            panic!("To fix this: end the migration of {0} with SELECT keep_ledger('{0}')", card.table);
        });
        let whole = noun.parent_noun.as_deref().zip(noun.parent_column.as_deref());
        assert_eq!(
            whole,
            face.whole.map(|(whole, column)| (whole.table, column)),
            "{}: to fix this, compare `type Whole` with keep_ledger",
            card.table
        );
        if face.whole.is_none() {
            let (mut places, mut told) = (noun.places.clone(), card.places.to_vec());
            places.sort_unstable();
            told.sort_unstable();
            assert_eq!(places, told, "{}: to fix this, compare `places` of its card with keep_ledger", card.table);
        }
        assert_eq!(noun.erased, card.erased, "{}: to fix this, compare `erased` of its card with personal_members()", card.table);
    }
    // Each rule that a card puts into words is one that the database keeps.
    let rules = "SELECT conname::text AS text FROM pg_constraint UNION SELECT prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace";
    let rules = ask(&mut conn, rules).await;
    for card in api::kept().map(|face| face.card) {
        for Rule(name, ..) in card.rules {
            let name = format!("{}_{name}", card.table);
            assert!(rules.iter().any(|rule| *rule == name || rule.contains(&format!("'{name}'"))), "To fix this: no rule is called {name}");
        }
    }
}

/// A fiche with notes, which anybody may see, and the identifier of a territory.
async fn noted(house: &crate::support::House, notes: u32, text: &str) -> (String, db::Conn) {
    let territory = makers::territory(house, "Alençon").await;
    let body = json!({ "territory_id": territory, "title": "Usine", "visibility": "public" });
    let fiche = makers::make(house, "/action-fiches", body).await;
    let mut conn = house.database().await;
    conn.batch_execute(&format!(
        "SET statement_timeout = 0; SET app.author = 'test'; INSERT INTO action_fiche_notes (id, action_fiche_id, dated_on, text, visibility)
         SELECT gen_random_uuid(), '{fiche}', '2025-01-31', {text}, 'public' FROM generate_series(1, {notes}) AS n"
    ))
    .await
    .unwrap();
    (fiche, conn)
}

/// What a thing says is in the ledger once: a change of who sees it repeats nothing, nor does a change of a part repeat the whole.
#[actix_web::test]
async fn what_is_said_once_is_not_said_again() {
    let house = house().await;
    let (fiche, mut conn) = noted(&house, 100, "n || repeat(md5(n::text), 200)").await;
    let one = format!("/action-fiches/{fiche}");
    house.patch(&one, Some("*"), json!({ "description": "d".repeat(10_000) })).await.expect(200);
    let bytes =
        async |conn: &mut db::Conn| ask(conn, "SELECT sum(octet_length(ledger::text))::text AS text FROM ledger").await[0].parse::<u64>().unwrap();
    let before = bytes(&mut conn).await;
    let read = house.get(&format!("{one}?include=notes")).await.expect(200).body;
    let instant = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    house.patch(&one, Some("*"), json!({ "visibility": "restricted" })).await.expect(200);
    let moved = bytes(&mut conn).await;
    assert!(moved - before < 100_000, "{} bytes for a word", moved - before);
    let note = read["notes"][0]["id"].as_str().unwrap();
    house.patch(&format!("{one}/notes/{note}"), Some("*"), json!({ "dated_on": "2025-02-01" })).await.expect(200);
    house.patch(&one, Some("*"), json!({ "title": "Usine neuve" })).await.expect(200);
    // A note has 6 400 bytes, the fiche 10 000: each is written again once, when it changes itself.
    assert!(bytes(&mut conn).await - moved < 30_000, "{} bytes for two changes", bytes(&mut conn).await - moved);
    // It is told as if every line said it all.
    let history = house.get(&format!("{one}/history")).await.expect(200);
    let [_, dated, hidden, ..] = history.rows().as_slice() else { panic!("{:#}", history.body) };
    let names = |line: &serde_json::Value| line["fields"].as_array().unwrap().iter().map(|field| field["name"].clone()).collect::<Vec<_>>();
    assert_eq!((names(hidden), hidden["parts"].as_array().unwrap().len()), (vec![json!("visibility")], 100));
    assert!(hidden["parts"].as_array().unwrap().iter().all(|part| names(part).is_empty()));
    assert_eq!((names(dated), names(&dated["parts"][0])), (Vec::new(), vec![json!("dated_on")]));
    let then = house.get(&format!("{one}?include=notes&as_of={instant}")).await.expect(200).body;
    assert_eq!(then["notes"], read["notes"]);
    stamper::catch_up(&mut conn).await.unwrap();
    let events = house.all("/changes?noun=action-fiches,action-fiche-notes&limit=1000").await;
    assert!(events.iter().all(|event| event["data"]["text"].is_string() || event["data"]["title"].is_string()), "each event says all of it");
    assert!(matches!(verify(None, &mut conn).await.unwrap(), Verdict::Sound { .. }));
    crate::support::restore(&house, &one, "*", 2).await.expect(200);
    let back = house.get(&format!("{one}?include=notes")).await.expect(200).body;
    assert_eq!((&back["visibility"], &back["notes"][0]["text"]), (&json!("public"), &read["notes"][0]["text"]));
}

/// A thing has so many parts, of so many bytes, and a caller writes so much a day.
#[actix_web::test]
async fn what_is_written_is_bounded() {
    let house = crate::support::build("territoires_industrie", &["--daily-bytes", "30000"]).await;
    let (fiche, mut conn) = noted(&house, 999, "n::text").await;
    let notes = format!("/action-fiches/{fiche}/notes");
    let note = json!({ "dated_on": "2025-01-31", "text": "x", "visibility": "public" });
    let made = house.post(&notes, note.clone()).await.expect(201).location.unwrap();
    assert_eq!(house.post(&notes, note.clone()).await.expect(409).body["code"], "limit_reached");
    house.patch(&made, Some("*"), json!({ "text": "longer" })).await.expect(200);
    house.delete(&made, Some("*")).await.expect(204);
    house.post(&notes, note.clone()).await.expect(201);
    conn.batch_execute("DELETE FROM action_fiche_notes WHERE id NOT IN (SELECT id FROM action_fiche_notes LIMIT 3)").await.unwrap();
    conn.batch_execute("UPDATE action_fiche_notes SET text = repeat('x', 1396800)").await.unwrap();
    let text: String = (0..500).map(|_| territoires_industrie::values::Id::new().to_string()).collect();
    assert_eq!(house.post(&notes, json!({ "dated_on": "2025-01-31", "text": text })).await.expect(409).body["code"], "limit_reached");
    // The bytes of a day.
    let mut refused = None;
    for number in 0..500 {
        let answer = house.post("/partners", json!({ "name": format!("Partenaire {number}"), "kind": "company" })).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let refused = refused.expect("so much is written a day");
    assert!((1..=3600).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{:#}", refused.body);
    house.get("/partners").await.expect(200);
    makers::partner(&house.with(&["approver@nation"]).await, "Un autre").await;
    conn.batch_execute("UPDATE usage SET hour = hour - interval '24 hours'").await.unwrap();
    makers::partner(&house, "Le lendemain").await;
}
