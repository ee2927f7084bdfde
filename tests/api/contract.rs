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

/// A schema of the older document, said as 3.1 says it.
fn newer(node: &Value) -> Value {
    let Value::Object(members) = node else {
        return node.as_array().map_or_else(|| node.clone(), |items| items.iter().map(newer).collect());
    };
    let mut members: serde_json::Map<String, Value> = members.iter().map(|(name, value)| (name.clone(), newer(value))).collect();
    let nullable = members.remove("nullable").is_some();
    let whole = members.get("allOf").and_then(Value::as_array).filter(|whole| whole.len() == 1).cloned();
    if let Some([only]) = whole.as_deref() {
        members.remove("allOf");
        if nullable {
            members.insert("oneOf".to_owned(), json!([{ "type": "null" }, only]));
        } else {
            members.extend(only.as_object().unwrap().clone());
        }
    } else if nullable {
        let only = members.remove("type").unwrap();
        members.insert("type".to_owned(), json!([only, "null"]));
    }
    members.into()
}

/// Told again in the words of 3.1, the older document is the same but for its examples and its licence's identifier: nothing of it is
/// lost, and nothing is in words that 3.0 does not know.
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
        assert!(alike(&newer(&older[part])) == alike(&SERVED[part]), "{part} differ");
    }
}
