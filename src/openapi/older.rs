//! The same document as OpenAPI 3.0: for tools that do not know 3.1 yet, and for the documentation in the browser, which opens an operation
//! ten times as fast with it.

use serde_json::{Map, Value, json};
use utoipa::openapi::OpenApi;

/// The same document as OpenAPI 3.0. A reference that may be null is written `nullable` beside `allOf`: so the tools read it, although the
/// letter of 3.0 says otherwise.
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
    rewrite(&mut document);
    Ok(document)
}

fn no_examples(parameter: &mut Value) {
    parameter.get_mut("schema").and_then(Value::as_object_mut).and_then(|schema| schema.remove("examples"));
}

/// Rewrites what 3.0 writes in another way: null, members beside a reference, examples.
fn rewrite(node: &mut Value) {
    match node {
        Value::Array(items) => items.iter_mut().for_each(rewrite),
        Value::Object(members) => {
            members.values_mut().for_each(rewrite);
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
                let word = if choices.len() == 1 { "allOf" } else { "oneOf" };
                members.extend([(word.to_owned(), Value::Array(choices)), ("nullable".to_owned(), json!(true))]);
            }
            // 3.0 ignores every member beside a reference.
            if members.len() > 1
                && members.get("$ref").is_some_and(Value::is_string)
                && let Some(reference) = members.remove("$ref")
            {
                members.insert("allOf".to_owned(), json!([{ "$ref": reference }]));
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
