//! Problems and parameters that several operations have stand once, in the document's components. Each operation refers to them.
//! Headers of answers stand whole: made of a reference, the types of a client would say that each of them is always sent.

use std::collections::BTreeMap;

use utoipa::openapi::{Components, ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder, path::Parameter, response::Response};

use super::{BASE, operations};

/// A reference to the shared answer with this name, whose body is a problem.
pub fn problem(name: &str, about: &str, components: &mut Components) -> RefOr<Response> {
    components.responses.entry(name.to_owned()).or_insert_with(|| {
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        ResponseBuilder::new().description(about).content("application/problem+json", content).into()
    });
    Ref::from_response_name(name).into()
}

/// One form of a parameter: operations may share the name of a parameter, but not its form.
struct Form {
    parameter: Parameter,
    operations: usize,
    /// The words that the paths of all these operations have in common.
    words: Vec<String>,
}

/// Moves each parameter that is the same in several operations to the components.
pub fn share_parameters(document: &mut OpenApi) {
    let mut forms: BTreeMap<String, Vec<Form>> = BTreeMap::new();
    for (path, item) in &mut document.paths.paths {
        let words: Vec<&str> = path.trim_start_matches(BASE).split('/').filter(|word| !word.is_empty() && !word.starts_with('{')).collect();
        for parameter in operations(item).flat_map(|(_, operation)| operation.parameters.iter().flatten()) {
            let RefOr::T(parameter) = parameter else { continue };
            let forms = forms.entry(parameter.name.clone()).or_default();
            if let Some(form) = forms.iter_mut().find(|form| form.parameter == *parameter) {
                form.operations += 1;
                form.words.retain(|word| words.contains(&word.as_str()));
            } else {
                let words = words.iter().copied().map(str::to_owned).collect();
                forms.push(Form { parameter: parameter.clone(), operations: 1, words });
            }
        }
    }
    let shared: BTreeMap<String, Parameter> = forms.into_iter().flat_map(|(name, forms)| named(&name, forms)).collect();
    for parameter in document.paths.paths.values_mut().flat_map(operations).flat_map(|(_, operation)| operation.parameters.iter_mut().flatten()) {
        let RefOr::T(whole) = parameter else { continue };
        let mut alike = shared.range(whole.name.clone()..).take_while(|(key, _)| key.starts_with(&whole.name));
        if let Some((key, _)) = alike.find(|(_, shared)| *shared == whole) {
            *parameter = RefOr::Ref(Ref::new(format!("#/components/parameters/{key}")));
        }
    }
    let components = document.components.get_or_insert_default();
    components.parameters = shared.into_iter().map(|(key, parameter)| (key, parameter.into())).collect();
}

/// The forms of a parameter that several operations have, each with its name in the components. The form that most operations have gets the
/// name of the parameter. Another form also gets the words that its operations have in common (`cursor.history`). A form without such words
/// stays in its operations.
fn named(name: &str, forms: Vec<Form>) -> BTreeMap<String, Parameter> {
    let all: usize = forms.iter().map(|form| form.operations).sum();
    let mut named = BTreeMap::new();
    for form in forms.into_iter().filter(|form| form.operations > 1) {
        let usual = form.operations * 2 > all;
        if usual || !form.words.is_empty() {
            let words = form.words.iter().filter(|_| !usual);
            let key = [name].into_iter().chain(words.map(String::as_str)).collect::<Vec<_>>().join(".");
            named.entry(key).or_insert(form.parameter);
        }
    }
    named
}
