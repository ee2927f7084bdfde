//! What a list may be asked, as the document says it: made of the noun's own fields, so that it cannot differ.

use utoipa::{
    IntoParams,
    openapi::{
        Object, ObjectBuilder, Ref, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn, ParameterStyle},
        schema::{AnyOfBuilder, ArrayBuilder, KnownFormat, SchemaFormat, Type},
    },
};

use super::{FURTHEST, List, MOST, One, Shown, TERRITORY, USUAL, VALUES, WORDS};
use crate::{
    db::listing::{Field, Kind, LONGEST, Operator},
    values::Instant,
};

/// No cursor is longer: it goes in a query string.
const LONGEST_CURSOR: usize = 4096;

impl<N: Shown> IntoParams for List<N> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut parameters = vec![
            parameter("limit", "How many rows a page has at most.", whole(1, MOST, Some(USUAL))),
            parameter("cursor", "Where to begin: `meta.next_cursor` of a page of the same filters and order.", text(LONGEST_CURSOR)),
            parameter("offset", "Where to begin, counted; to go further, follow `links.next`.", whole(0, FURTHEST, None)),
            parameter("count", "Tell the exact number of rows in `meta.total`.", ObjectBuilder::new().schema_type(Type::Boolean).build()),
        ];
        let sortable: Vec<&str> = N::fields().iter().filter(|field| field.sortable).map(|field| field.name).collect();
        if !sortable.is_empty() {
            let usual = if N::ORDER.is_empty() { "the identifier, oldest first".to_owned() } else { format!("`{}`", N::ORDER) };
            let about = format!(
                "In which order: one or several of `{}`, separated by commas; `-` in front turns one round. Unless told: {usual}, or how well it fits with `q`. What is empty comes last; the identifier breaks ties.",
                sortable.join("`, `")
            );
            let names = sortable.join("|");
            let pattern = format!("^-?({names})(,-?({names}))*$");
            parameters.push(parameter(
                "sort",
                &about,
                ObjectBuilder::new().schema_type(Type::String).max_length(Some(500)).pattern(Some(pattern)).build(),
            ));
        }
        parameters.extend(One::<N>::into_params(|| None));
        if N::fields().iter().any(|field| field.name == TERRITORY) {
            let about = "With `territory_id`: also what is of the territories that it came after, by however many steps (filiation).";
            parameters.push(parameter("with_predecessors", about, ObjectBuilder::new().schema_type(Type::Boolean).build()));
        }
        for field in N::fields() {
            let operators = Operator::ALL.iter().filter(|(_, operator)| operator.fits(field));
            parameters.extend(operators.map(|(suffix, operator)| field_parameter(field, suffix, *operator)));
        }
        parameters
    }
}

impl<N: Shown> IntoParams for One<N> {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let past = AnyOfBuilder::new().item(Ref::from_schema_name("Day")).item(instant());
        let mut parameters = Vec::new();
        let as_of = parameter("as_of", "As it was at the end of this day in Paris, or at this instant; it is past.", Schema::AnyOf(past.build()));
        parameters.extend(N::KEPT.then_some(as_of));
        if N::INCLUDES.is_empty() {
            return parameters;
        }
        let list: String = N::INCLUDES.iter().map(|(name, about)| format!("\n- `{name}`: {about}")).collect();
        let names = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(N::INCLUDES.iter().map(|(name, _)| *name)));
        let names = ArrayBuilder::new().items(names.build()).min_items(Some(1)).max_items(Some(N::INCLUDES.len())).unique_items(true);
        parameters.push(listed("include", &format!("What comes along, separated by commas, each once.\n{list}"), names));
        parameters
    }
}

fn parameter(name: &str, about: &str, schema: impl Into<RefOr<Schema>>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .build()
}

/// A parameter with several values, separated by commas (or repeated).
fn listed(name: &str, about: &str, values: ArrayBuilder) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(about))
        .style(Some(ParameterStyle::Form))
        .explode(Some(false))
        .schema(Some(values))
        .build()
}

fn whole(least: i64, most: i64, usual: Option<i64>) -> Object {
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(least)).maximum(Some(most)).default(usual.map(Into::into)).build()
}

fn text(longest: usize) -> Object {
    ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(longest)).build()
}

fn instant() -> Object {
    let instant = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    instant.max_length(Some(40)).pattern(Some(Instant::PATTERN)).build()
}

fn field_parameter(field: &Field, suffix: &str, operator: Operator) -> Parameter {
    let name = format!("{}{suffix}", field.name);
    let old = if field.is_resolved() { "An old code stands for the commune that it became part of." } else { "" };
    let about = |rule: &str| [field.about, rule, old].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ");
    let value = || -> RefOr<Schema> {
        let formatted = |kind, format| ObjectBuilder::new().schema_type(kind).format(Some(SchemaFormat::KnownFormat(format)));
        match field.kind {
            Kind::Id => Ref::from_schema_name("Id").into(),
            Kind::Day | Kind::Period => Ref::from_schema_name("Day").into(),
            Kind::Amount => Ref::from_schema_name("Amount").into(),
            Kind::Integer => formatted(Type::Integer, KnownFormat::Int32).build().into(),
            Kind::Flag => ObjectBuilder::new().schema_type(Type::Boolean).build().into(),
            Kind::Instant => instant().into(),
            Kind::Word(words) => ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words.iter().map(|(word, _)| *word))).build().into(),
            Kind::Code(coding) => Ref::from_schema_name(coding.name).into(),
            Kind::Text => text(LONGEST).into(),
            Kind::Search => text(WORDS).into(),
        }
    };
    let any = || ArrayBuilder::new().items(value()).min_items(Some(1)).max_items(Some(VALUES));
    let one = |rule: &str| {
        let builder = ParameterBuilder::new().name(&name).parameter_in(ParameterIn::Query).required(Required::False);
        builder.description(Some(about(rule))).schema(Some(value())).build()
    };
    match operator {
        Operator::Null => {
            parameter(&name, "Only those where it is empty (`true`), or is not (`false`).", ObjectBuilder::new().schema_type(Type::Boolean).build())
        }
        Operator::Is if field.kind == Kind::Search => {
            one("Only those with all of these words, or words that begin so; accents and case do not matter.")
        }
        Operator::Is if matches!(field.kind, Kind::Period | Kind::Text | Kind::Flag) => {
            one(if field.kind == Kind::Text { "Exactly this; repeat it for any of several." } else { "" })
        }
        Operator::Is => listed(&name, &about("Any of these."), any()),
        Operator::IsNot if field.kind == Kind::Text => one("Not this; repeat it for none of several."),
        Operator::IsNot => listed(&name, &about("None of these."), any()),
        Operator::AtLeast => one("This or after."),
        Operator::Above => one("After this."),
        Operator::AtMost => one("This or before."),
        Operator::Below => one("Before this."),
    }
}
