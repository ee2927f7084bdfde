//! Every answer of every test, held against the document: its status is documented, its body has the documented shape
//! and no member besides.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex},
};

use jsonschema::Validator;
use reqwest::Method;
use serde_json::{Value, json};
use territoires_industrie::server;

use super::Answer;

/// The document, as the running service gives it.
pub static SERVED: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&server::document().to_json().unwrap()).unwrap());

/// The document, with each shared parameter and response written out where an operation refers to it.
pub static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let mut document = SERVED.clone();
    write_out(&mut document["paths"]);
    document
});

fn write_out(node: &mut Value) {
    if let Some(reference) = node.get("$ref").and_then(Value::as_str)
        && ["parameters", "responses"].iter().any(|kind| reference.starts_with(&format!("#/components/{kind}/")))
    {
        *node = SERVED.pointer(&reference[1..]).unwrap_or_else(|| panic!("{reference} leads nowhere")).clone();
    }
    match node {
        Value::Object(members) => members.values_mut().for_each(write_out),
        Value::Array(items) => items.iter_mut().for_each(write_out),
        _ => {}
    }
}

/// The schemas, with every member that they do not name forbidden. A schema that is a part of another one (`allOf`)
/// stays open: the whole is closed.
static STRICT: LazyLock<Value> = LazyLock::new(|| {
    let mut components = DOCUMENT["components"].clone();
    let text = components.to_string();
    for (name, schema) in components["schemas"].as_object_mut().unwrap() {
        let part = text.contains(&format!("\"allOf\":[{{\"$ref\":\"#/components/schemas/{name}\"}}"));
        let object = schema["type"] == "object" || schema.get("allOf").is_some();
        if object && !part {
            schema["unevaluatedProperties"] = json!(false);
        }
    }
    components
});

/// The path of the document that an address is of.
fn pattern(path: &str) -> Option<String> {
    let fits = |pattern: &&String| {
        let (asked, offered): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), pattern.split('/').collect());
        asked.len() == offered.len() && asked.iter().zip(offered).all(|(asked, offered)| *asked == offered || offered.starts_with('{'))
    };
    let paths = DOCUMENT["paths"].as_object().unwrap();
    paths.keys().find(|pattern| *pattern == path).or(paths.keys().find(fits)).cloned()
}

/// Panics when an answer is not as the document says.
pub fn check(method: &Method, path: &str, answer: &Answer) {
    let status = answer.status.as_u16();
    let operation =
        pattern(path).map(|path| DOCUMENT["paths"][path][method.as_str().to_lowercase()].clone()).filter(|operation| !operation.is_null());
    // What another standard gives the form of is documented as such.
    let own = operation.as_ref().map(|operation| &operation["responses"][status.to_string()]["content"]["application/json"]["schema"]);
    if status >= 400
        && let Some(schema) = own.filter(|schema| !schema.is_null())
    {
        assert_eq!(answer.header("content-type"), "application/json", "{answer:?}");
        validate(&format!("{path} {status}"), schema, answer);
    } else if status >= 400 {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{answer:?}");
        assert_eq!(answer.body["instance"], format!("urn:request:{}", answer.header("x-request-id")), "{answer:?}");
        validate("problem", &json!({ "$ref": "#/components/schemas/Problem" }), answer);
    }
    let Some(operation) = operation else {
        // HEAD, OPTIONS, other methods, other paths: nothing of ours is served there.
        assert!(status >= 400 || matches!(*method, Method::HEAD | Method::OPTIONS) || !path.starts_with("/api"), "undocumented: {answer:?}");
        return;
    };
    let id = operation["operationId"].as_str().unwrap();
    let response = &operation["responses"][status.to_string()];
    // Any request may be malformed in its framing, or be one too many.
    assert!(!response.is_null(), "{id} does not document {status}. To fix this: answer with a status of its own, or document this one: {answer:?}");
    if status < 300 {
        let content = &response["content"]["application/json"]["schema"];
        if content.is_null() {
            assert!(answer.body.is_null(), "{id} documents no body for {status}: {answer:?}");
        } else {
            validate(&format!("{id} {status}"), content, answer);
        }
        for header in response["headers"].as_object().into_iter().flatten().map(|(name, _)| name) {
            let optional = header == "ETag" && answer.line.contains('?') || header == "Idempotent-Replayed";
            assert!(optional || answer.headers.contains_key(header.to_lowercase()), "{id} promises {header}: {answer:?}");
        }
    }
}

/// Panics when a refusal points to a member that the body of the operation does not have, and that was not sent.
pub fn check_pointers(method: &Method, path: &str, sent: &Value, answer: &Answer) {
    let Some(pattern) = pattern(path).filter(|_| answer.status.as_u16() >= 400) else { return };
    let schema = &DOCUMENT["paths"][pattern][method.as_str().to_lowercase()]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    let members = schema.as_str().and_then(|schema| DOCUMENT.pointer(schema.trim_start_matches('#'))).map(|schema| &schema["properties"]);
    for (place, code) in answer.wrongs().iter().filter(|(place, _)| place.starts_with('/')) {
        let member = place.split('/').nth(1).unwrap().replace("~1", "/").replace("~0", "~");
        let known = members.is_some_and(|members| !members[&member].is_null()) || sent.get(&member).is_some();
        assert!(known, "{code} is told at {place}, which the body does not have. To fix this: tell it at one of its members: {answer:?}");
    }
}

fn validate(name: &str, schema: &Value, answer: &Answer) {
    static VALIDATORS: LazyLock<Mutex<HashMap<String, &'static Validator>>> = LazyLock::new(Mutex::default);
    let validator = *VALIDATORS.lock().unwrap().entry(name.to_owned()).or_insert_with(|| {
        let whole = json!({ "$schema": "https://json-schema.org/draft/2020-12/schema", "allOf": [schema], "components": *STRICT });
        Box::leak(Box::new(jsonschema::options().should_validate_formats(true).build(&whole).unwrap()))
    });
    let errors: Vec<String> = validator.iter_errors(&answer.body).map(|error| format!("{} at {}", error, error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}\n{:#}", answer.body);
}
