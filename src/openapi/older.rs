//! The same document as OpenAPI 3.0: for tools that do not know 3.1 yet, and for the documentation in the browser, which opens an operation
//! ten times as fast with it.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// The same document as OpenAPI 3.0. In 3.0 nothing may stand beside a reference, and a reference cannot be null. So where one has a description
/// or may be null, the schema of a plain value is written out; any other schema stands in an `allOf` of its own, with `nullable` beside it if it
/// may be null. Generators of clients read both, but make no sense of an `allOf` around a plain value.
///
/// # Errors
/// None that a document of this service could cause.
pub fn older(document: &OpenApi) -> serde_json::Result<Value> {
    let mut document = serde_json::to_value(document)?;
    document["openapi"] = json!("3.0.3");
    // In 3.0 a licence has no identifier.
    document["info"]["license"] = json!({ "name": document["info"]["license"]["name"] });
    // The documentation in the browser would fill in the example of each parameter, and send it.
    let paths = document["paths"].as_object_mut().into_iter();
    let operations = paths.flat_map(Map::values_mut).filter_map(Value::as_object_mut).flat_map(Map::values_mut);
    for parameter in operations.filter_map(|operation| operation.get_mut("parameters")?.as_array_mut()).flatten() {
        no_examples(parameter);
    }
    let shared = document["components"]["parameters"].as_object_mut();
    shared.into_iter().flat_map(Map::values_mut).for_each(no_examples);
    let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
    let mut plain: Map<String, Value> =
        schemas.filter(|(_, schema)| is_plain(schema)).map(|(name, schema)| (format!("#/components/schemas/{name}"), schema.clone())).collect();
    plain.values_mut().for_each(|schema| rewrite(schema, &Map::new()));
    rewrite(&mut document, &plain);
    Ok(document)
}

/// Is this the schema of a text, a number or a yes or no, and not of a word among several?
fn is_plain(schema: &Value) -> bool {
    let plain = schema["type"].as_str().is_some_and(|of| matches!(of, "string" | "number" | "integer" | "boolean"));
    plain && schema.get("enum").is_none()
}

fn no_examples(parameter: &mut Value) {
    parameter.get_mut("schema").and_then(Value::as_object_mut).and_then(|schema| schema.remove("examples"));
}

/// Rewrites what 3.0 writes in another way: null, members beside a reference, examples. `plain` has the schemas of plain values, by their
/// references.
fn rewrite(node: &mut Value, plain: &Map<String, Value>) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(|item| rewrite(item, plain)),
        Value::Object(members) => {
            members.values_mut().for_each(|member| rewrite(member, plain));
            if let Some(Value::Array(types)) = members.get_mut("type") {
                types.retain(|of| of != "null");
                if let [only] = types.as_mut_slice() {
                    let only = only.take();
                    members.extend([("type".to_owned(), only), ("nullable".to_owned(), json!(true))]);
                }
            }
            if let Some(Value::Array(choices)) = members.get("oneOf")
                && let Some(null) = choices.iter().position(|choice| choice["type"] == "null")
                && let Some(Value::Array(mut choices)) = members.remove("oneOf")
            {
                choices.remove(null);
                members.insert("nullable".to_owned(), json!(true));
                match choices.as_mut_slice() {
                    [Value::Object(only)] => add(members, std::mem::take(only)),
                    _ => drop(members.insert("oneOf".to_owned(), Value::Array(choices))),
                }
            }
            if members.len() > 1
                && let Some(Value::String(reference)) = members.get("$ref").filter(|reference| reference.is_string()).cloned()
            {
                members.remove("$ref");
                match plain.get(&reference) {
                    Some(Value::Object(schema)) => add(members, schema.clone()),
                    _ => drop(members.insert("allOf".to_owned(), json!([{ "$ref": reference }]))),
                }
            }
            if let Some(Value::Array(examples)) = members.get_mut("examples") {
                let first = examples.first_mut().map(Value::take);
                members.remove("examples");
                members.extend(first.map(|first| ("example".to_owned(), first)));
            }
        }
        _ => {}
    }
}

/// Adds the members of a schema that are not there yet.
fn add(members: &mut Map<String, Value>, schema: Map<String, Value>) {
    for (name, value) in schema {
        members.entry(name).or_insert(value);
    }
}
