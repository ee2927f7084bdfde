//! The document is fresh and whole. (That every answer fits it is seen by `support/contract.rs`, in every test.)
//! `UPDATE=1 cargo test --test api contract` writes it anew.

use std::{
    collections::{HashMap, HashSet},
    fs,
    path::Path,
};

use serde_json::{Map, Value, json};
use territoires_industrie::{openapi, server};

use crate::support::contract::{DOCUMENT, SERVED};

fn fresh(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi").join(name);
    #[expect(clippy::disallowed_methods, reason = "the tests are told so by whoever runs them")]
    if std::env::var("UPDATE").is_ok() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "openapi/{name} is not what the code says. To fix this: run `make openapi`, and look at the difference");
}

#[test]
fn the_document_is_fresh() {
    fresh("openapi.json", &(server::document().to_pretty_json().unwrap() + "\n"));
    fresh("operations.txt", &openapi::summary(&server::document()));
}

/// The places of a schema of 3.0 that its tools read wrongly: members beside a reference, an `allOf` around a plain value or around another
/// `allOf`.
fn misread(node: &Value, place: &str, document: &Value, found: &mut Vec<String>) {
    match node {
        Value::Array(items) => items.iter().enumerate().for_each(|(index, item)| misread(item, &format!("{place}/{index}"), document, found)),
        Value::Object(members) => {
            let target = |part: &Value| match part["$ref"].as_str() {
                Some(reference) => document.pointer(&reference[1..]).cloned().unwrap_or_else(|| panic!("{reference} leads nowhere")),
                None => part.clone(),
            };
            let whole = members.get("allOf").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let beside = members.len() > 1 && members.get("$ref").is_some_and(Value::is_string);
            let around = whole.iter().any(|part| is_plain(&target(part)) || part["allOf"].is_array());
            if beside || around || members.get("type").is_some_and(Value::is_array) {
                found.push(place.to_owned());
            }
            members.iter().for_each(|(name, member)| misread(member, &format!("{place}/{name}"), document, found));
        }
        _ => {}
    }
}

/// Clients are generated from the document of 3.0: nothing in it says two things.
#[test]
fn the_older_document_is_one_that_generators_read() {
    let document = openapi::older(&server::document()).unwrap();
    let mut found = Vec::new();
    misread(&document, "", &document, &mut found);
    assert!(found.is_empty(), "{} places, such as {:?}", found.len(), &found[..found.len().min(5)]);
    let properties = &document["components"]["schemas"]["ActionFiche"]["properties"];
    let (budget, basis) = (&properties["budget_eur"], &properties["budget_basis"]);
    assert_eq!((&budget["type"], &budget["nullable"], &budget["maximum"]), (&json!("number"), &json!(true), &json!(999_999_999_999.99)));
    assert!(budget["description"].as_str().unwrap().contains("budget prévisionnel"), "{budget}");
    assert_eq!((&basis["allOf"][0]["$ref"], &basis["nullable"]), (&json!("#/components/schemas/AmountBasis"), &json!(true)));
}

fn operations() -> impl Iterator<Item = (String, String, &'static Value)> {
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| item.as_object().unwrap().iter().map(|(method, operation)| (path.clone(), method.clone(), operation)))
}

#[test]
fn every_operation_is_whole() {
    let mut ids = HashSet::new();
    for (path, method, operation) in operations() {
        let id = operation["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "two operations are called {id}. To fix this: give one of the handlers another name");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{id} is not snake_case. To fix this: name its handler so");
        assert!(
            !operation["summary"].as_str().unwrap_or_default().is_empty(),
            "{id} has no summary. To fix this: write a doc comment on its handler"
        );
        assert!(operation["security"].is_array(), "{id} says nothing of security");
        let tag = operation["tags"][0].as_str().unwrap();
        assert!(
            DOCUMENT["tags"].as_array().unwrap().iter().any(|known| known["name"] == tag),
            "nothing says what {tag} are. To fix this: describe the tag (src/openapi.rs)"
        );
        let named: Vec<&str> = path.split('/').filter(|segment| segment.starts_with('{')).collect();
        let parameters: Vec<&Value> = operation["parameters"].as_array().into_iter().flatten().collect();
        for name in named {
            assert!(
                parameters.iter().any(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap()) == name),
                "{id} does not describe {name}. To fix this: take it by an extractor of crate::http (At, PartOf …)"
            );
        }
        for parameter in parameters {
            assert!(parameter["schema"].is_object(), "{id}: {parameter}");
            let about = parameter["description"].as_str().unwrap_or_default();
            assert!(
                !about.is_empty() || parameter["schema"]["type"] == "boolean",
                "{id}: nothing says what {} is. To fix this: write a doc comment on it",
                parameter["name"]
            );
        }
        let mut kinds = HashSet::new();
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                !response["description"].as_str().unwrap_or_default().is_empty(),
                "{id} does not describe {status}. To fix this: say what it means in src/openapi.rs"
            );
            if status.starts_with('2') {
                kinds.extend(response["content"].as_object().into_iter().flatten().map(|(kind, _)| kind));
            }
        }
        assert!(kinds.len() <= 1, "{id} has several media types for its answer: typed clients break on that");
        let closed = if path.starts_with("/oauth/") { false } else { method != "get" || matches!(tag, "api-keys" | "grants") };
        assert_eq!(closed, operation["security"][0].get("key").is_some(), "{id}: writes need a key, and so do keys; reads do not");
    }
}

/// One word for each noun, through the whole house: the verb of the operation, then the table.
#[test]
fn every_operation_is_named_after_its_noun() {
    for (path, method, operation) in operations().filter(|(path, ..)| path.starts_with("/api/v1/")) {
        let page = ["/transitions", "/restore", "/merge", "/unmerge", "/dossier", "/overview", "/funding", "/perimeter", "/plan"]
            .iter()
            .any(|end| path.ends_with(end));
        if page || path.starts_with("/api/v1/changes/") {
            continue;
        }
        let id = operation["operationId"].as_str().unwrap();
        let segments: Vec<&str> = path.trim_start_matches("/api/v1/").split('/').filter(|segment| !segment.starts_with('{')).collect();
        let one_thing = path.ends_with('}');
        let verb = match (method.as_str(), one_thing) {
            ("get", false) => "list",
            ("get", true) => "read",
            ("post", _) => "create",
            ("patch", _) => "update",
            _ => "delete",
        };
        assert_eq!(id.split('_').next(), Some(verb), "{method} {path} is {id}. To fix this: call its handler {verb}_…");
        let noun = segments[0].replace('-', "_");
        let singular = if noun == "people" {
            "person"
        } else if noun == "diagnoses" {
            "diagnosis"
        } else {
            noun.trim_end_matches('s').trim_end_matches("ie")
        };
        let own = if segments.len() == 1 && verb == "list" { &noun } else { singular };
        assert!(id[verb.len() + 1..].starts_with(own), "{method} {path} is {id}. To fix this: call its handler {verb}_{own}…");
    }
}

#[test]
fn every_reference_resolves_and_every_text_has_a_length() {
    fn walk(value: &Value, at: &str) {
        if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
            let target = SERVED.pointer(reference.trim_start_matches('#'));
            assert!(target.is_some(), "{at}: {reference} leads nowhere");
        }
        let is_text = value["type"] == "string" || value["type"].as_array().is_some_and(|types| types.contains(&"string".into()));
        if is_text && value.get("enum").is_none() && value.get("const").is_none() {
            assert!(value["maxLength"].is_number(), "{at} has no maxLength. To fix this: give it a type of src/values, or #[schema(max_length = …)]");
        }
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| walk(member, &format!("{at}/{name}"))),
            Value::Array(list) => list.iter().enumerate().for_each(|(index, member)| walk(member, &format!("{at}/{index}"))),
            _ => {}
        }
    }
    walk(&SERVED["paths"], "/paths");
    for kind in ["schemas", "parameters", "responses"] {
        walk(&SERVED["components"][kind], &format!("/components/{kind}"));
    }
    assert_eq!(DOCUMENT["openapi"], "3.1.0");
    assert_eq!(DOCUMENT["info"]["license"]["identifier"], "MIT");
}

/// A reader of the document, or of a client made of it, meets each problem and each common parameter once.
#[test]
fn what_operations_have_in_common_stands_once() {
    let mut whole: HashMap<String, usize> = HashMap::new();
    let mut seen = |node: &Value| {
        if node.get("$ref").is_none() {
            *whole.entry(node.to_string()).or_default() += 1
        }
    };
    for operation in SERVED["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap().values()) {
        operation["parameters"].as_array().into_iter().flatten().for_each(&mut seen);
        for response in operation["responses"].as_object().unwrap().values() {
            assert!(response["content"].get("application/problem+json").is_none(), "To fix this: refer to a shared response instead of {response}");
        }
    }
    // A few operations without a word in common may share a parameter that other operations have in another form: it has no name.
    whole.retain(|_, times| *times > 6);
    assert!(whole.is_empty(), "To fix this: let `openapi/components.rs` find a name for each of {whole:#?}");
    let shared = ["parameters", "responses"].map(|kind| SERVED["components"][kind].as_object().unwrap());
    let text = SERVED["paths"].to_string();
    for name in shared.into_iter().flat_map(Map::keys) {
        assert!(text.contains(&format!("/{name}\"")), "no operation refers to {name}");
    }
}

#[test]
fn inputs_take_no_other_members_and_words_have_french_labels() {
    for (name, schema) in DOCUMENT["components"]["schemas"].as_object().unwrap() {
        if name.starts_with("New") || name.ends_with("Patch") {
            assert_eq!(schema["additionalProperties"], false, "{name} takes any member. To fix this: #[serde(deny_unknown_fields)]");
        }
        if let Some(words) = schema["enum"].as_array() {
            for word in words {
                assert!(
                    schema["x-labels-fr"][word.as_str().unwrap()].is_string(),
                    "{name}: {word} has no French label. To fix this: write it beside the word"
                );
            }
        }
    }
}

/// A schema of either document, said in one way: null as `nullable`, the only part of an `allOf` as what it is, and a plain value written out
/// where something stands beside its reference.
fn told(node: &Value) -> Value {
    let Value::Object(members) = node else {
        return node.as_array().map_or_else(|| node.clone(), |items| items.iter().map(told).collect());
    };
    let mut members: Map<String, Value> = members.iter().map(|(name, value)| (name.clone(), told(value))).collect();
    let add = |members: &mut Map<String, Value>, more: Value| {
        for (name, value) in more.as_object().unwrap().clone() {
            members.entry(name).or_insert(value);
        }
    };
    for word in ["type", "oneOf"] {
        let Some(Value::Array(choices)) = members.get(word).cloned() else { continue };
        let (nothing, mut choices): (Vec<Value>, Vec<Value>) =
            choices.into_iter().partition(|choice| *choice == "null" || *choice == json!({ "type": "null" }));
        if nothing.is_empty() {
            continue;
        }
        members.remove(word);
        members.insert("nullable".to_owned(), json!(true));
        match choices.as_mut_slice() {
            [only] if word == "type" => drop(members.insert(word.to_owned(), only.take())),
            [only] => add(&mut members, only.take()),
            _ => drop(members.insert(word.to_owned(), choices.into())),
        }
    }
    if let Some([only]) = members.get("allOf").and_then(Value::as_array).map(Vec::as_slice).map(<[Value]>::to_vec).as_deref() {
        members.remove("allOf");
        add(&mut members, only.clone());
    }
    let beside = members.len() > 1;
    let target = members.get("$ref").and_then(Value::as_str).filter(|_| beside).and_then(|reference| SERVED.pointer(&reference[1..]));
    if let Some(target) = target.filter(|target| is_plain(target)) {
        members.remove("$ref");
        add(&mut members, told(target));
    }
    members.into()
}

/// Is this the schema of a text, a number or a yes or no, and not of a word among several?
fn is_plain(schema: &Value) -> bool {
    schema["type"].is_string() && schema["type"] != "object" && schema["type"] != "array" && schema["enum"].is_null()
}

/// Told in one way, the older document is the same but for its examples and its licence's identifier: nothing of it is lost, and nothing is in
/// words that 3.0 does not know.
#[test]
fn the_older_document_says_the_same() {
    let older = openapi::older(&server::document()).unwrap();
    assert_eq!(older["openapi"], "3.0.3");
    let text = older.to_string();
    for word in [r#""null""#, r#""examples""#, r#""identifier":"MIT""#, r#""type":["#] {
        assert!(!text.contains(word), "{word}");
    }
    let alike = |node: &Value| {
        fn plain(node: &mut Value) {
            match node {
                Value::Array(items) => {
                    items.iter_mut().for_each(plain);
                    // Of what may be null, null is told first or last.
                    items.sort_by_key(Value::to_string);
                }
                Value::Object(members) => {
                    members.retain(|name, value| !(name == "example" || name == "examples" && value.is_array()));
                    members.values_mut().for_each(plain);
                }
                _ => {}
            }
        }
        let mut node = node.clone();
        plain(&mut node);
        node
    };
    for part in ["paths", "components", "servers", "tags"] {
        assert!(alike(&told(&older[part])) == alike(&told(&SERVED[part])), "{part} differ");
    }
}
