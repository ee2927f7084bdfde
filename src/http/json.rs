//! Bodies: read within limits, parsed and checked. All faults of a body are told at once, and no handler gets an unchecked body.
//!
//! serde stops at the first fault. So the faulty value is replaced by a valid one, and the next fault is looked for. Other crates do not
//! help: `eserde` stops at an unknown member; `deserr` replaces serde, but the document is made of the attributes of serde.

use std::{marker::PhantomData, time::Duration};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Bytes};
use futures_util::{FutureExt, StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    Problem, Result, Said, Wrong,
    intake::Intake,
    kinds,
    problem::{FAULTS, Position},
};
use crate::values::Fault;

/// How deep JSON may be nested.
const DEEPEST: usize = 32;
/// The largest body in which more than the first fault is looked for.
const LOOKED_THROUGH: usize = 32 * 1024;

/// A JSON body that was read but not parsed. Only `valid` gives its content. So a handler can refuse an unknown thing or a stale version
/// before it looks at the body.
pub struct Json<T> {
    bytes: Bytes,
    json: bool,
    body: PhantomData<T>,
}

impl<T: DeserializeOwned> Json<T> {
    /// A body that did not come in a request.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), json: true, body: PhantomData }
    }

    /// The body as JSON, unchecked; nothing if it is not JSON.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_slice(&self.bytes).ok()
    }

    /// Parses and checks the body. The error is 400, 415 or 422.
    pub fn valid(&self) -> Result<T> {
        if !self.json {
            return Err(Problem::new(&kinds::UNSUPPORTED_MEDIA_TYPE)
                .header(header::ACCEPT, "application/json")
                .header(header::HeaderName::from_static("accept-patch"), "application/merge-patch+json, application/json"));
        }
        parse(&self.bytes)
    }
}

impl<T> FromRequest for Json<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let mut codings = request.headers().get_all(header::CONTENT_ENCODING);
        let plain = codings.all(|coding| coding.is_empty() || coding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let json = plain && is_json(request);
        let bytes = read(request, payload, Intake::of(request));
        async move { Ok(Self { bytes: bytes.await?, json, body: PhantomData }) }.boxed_local()
    }
}

/// Reads the whole body, within the limits of size and time.
pub(super) fn read(request: &HttpRequest, payload: &mut Payload, intake: Intake) -> impl Future<Output = Result<Bytes>> + use<> {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    let mut payload = payload.take();
    async move {
        if announced.is_some_and(|length| length > intake.max_bytes) {
            return Err(Problem::new(&kinds::PAYLOAD_TOO_LARGE));
        }
        let read = async {
            let mut bytes = actix_web::web::BytesMut::new();
            while let Some(chunk) = payload.next().await {
                let chunk = chunk.map_err(|_| Problem::new(&kinds::BAD_REQUEST))?;
                if bytes.len() + chunk.len() > intake.max_bytes {
                    return Err(Problem::new(&kinds::PAYLOAD_TOO_LARGE));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(bytes.freeze())
        };
        tokio::time::timeout(Duration::from_secs(intake.max_seconds), read).await.map_err(|_| Problem::new(&kinds::REQUEST_TIMEOUT))?
    }
}

/// The largest form.
const LARGEST_FORM: usize = 16 * 1024;

/// A form (`application/x-www-form-urlencoded`), as OAuth uses it.
pub struct Form(Option<Bytes>);

impl Form {
    /// The pairs of the form; none when the body is not a form.
    pub fn pairs(&self) -> Option<Vec<(String, String)>> {
        serde_html_form::from_bytes(self.0.as_ref()?).ok()
    }
}

impl FromRequest for Form {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let form = content_type.split(';').next().is_some_and(|media| media.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"));
        let bytes = read(request, payload, Intake { max_bytes: LARGEST_FORM, ..Intake::of(request) });
        async move { Ok(Self(Some(bytes.await?).filter(|_| form))) }.boxed_local()
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let utf8 = parts
        .filter_map(|part| part.split_once('='))
        .filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .all(|(_, value)| matches!(value.trim().trim_matches('"').to_ascii_lowercase().as_str(), "utf-8" | "utf8"));
    let merge_patch = request.method() == actix_web::http::Method::PATCH && media_type.eq_ignore_ascii_case("application/merge-patch+json");
    utf8 && (merge_patch || media_type.eq_ignore_ascii_case("application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    if too_deep(bytes) {
        let said = Said::new("JSON may be nested 32 levels deep at most.", "Le JSON peut avoir 32 niveaux au plus.");
        return Err(Problem::errors(&kinds::INVALID_JSON, vec![Wrong::body("", "json_too_deep", said)]));
    }
    // A list must not be read as an object: serde would read the items as members, in order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        serde_json::from_slice::<serde::de::IgnoredAny>(bytes).map_err(|error| syntax(&error))?;
        return Err(Problem::errors(
            &kinds::INVALID_BODY,
            vec![Wrong::body("", "invalid_type", wrong_type("invalid type: sequence, expected a map"))],
        ));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut deserializer);
    let error = match parsed {
        Ok(value) => return deserializer.end().map(|()| value).map_err(|error| syntax(&error)),
        Err(error) => error,
    };
    if !error.inner().is_data() || error.inner().to_string().starts_with("duplicate field") {
        return Err(syntax(error.inner()));
    }
    // The whole body must be JSON, before any fault of it is told.
    let value: Value = serde_json::from_slice(bytes).map_err(|error| syntax(&error))?;
    // One fault too many tells that there are more.
    let most = if bytes.len() > LOOKED_THROUGH { 1 } else { FAULTS + 1 };
    let (found, all) = faults::<T>(value, most);
    let told = found.len();
    let problem = Problem::errors(&kinds::INVALID_BODY, found);
    if all || told > FAULTS {
        return Err(problem);
    }
    Err(problem.saying(Said::new(
        "There may be more faults: the search ended after these.",
        "Il peut y avoir d'autres fautes : la recherche s'est arrêtée après celles-ci.",
    )))
}

/// The sentence for a value of a wrong type, which names the right one. serde says it in English: "invalid type: null, expected a string".
fn wrong_type(message: &str) -> Said {
    let expected = message.split("expected ").nth(1).unwrap_or_default();
    let expected = expected.split(" at line").next().unwrap_or_default().trim_end();
    let (en, fr) = match expected {
        "a string" | "a borrowed string" | "str" => ("a text", "un texte"),
        "a boolean" => ("true or false", "true ou false"),
        "a sequence" => ("a list", "une liste"),
        "a text or an object" => ("a text or an object", "un texte ou un objet"),
        expected if expected == "a map" || expected.starts_with("struct ") => ("an object", "un objet"),
        expected if expected.starts_with(['f', 'i', 'u']) => ("a number", "un nombre"),
        _ => return Said::new("Is not of the right type.", "N'est pas du bon type."),
    };
    if message.starts_with("invalid type: null") {
        return Said::new(format!("Is null; {en} is needed."), format!("Est null ; il faut {fr}."));
    }
    Said::new(format!("Is not of the right type: {en} is needed."), format!("N'est pas du bon type : il faut {fr}."))
}

fn syntax(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let said = Said::new(format!("Not valid JSON at line {line}, column {column}."), format!("JSON invalide, ligne {line}, colonne {column}."));
    Problem::errors(&kinds::INVALID_JSON, vec![Wrong::body("", "invalid_json", said)])
}

/// Is the JSON nested too deep? Counts the brackets outside of strings.
fn too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            b'[' | b'{' if !string => {
                depth += 1;
                if depth > DEEPEST {
                    return true;
                }
            }
            b']' | b'}' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

/// The faults that keep a value from being a `T`, at most so many, and whether these are all. serde stops at the first fault. So each
/// faulty place gets some valid value, and the next fault is looked for.
fn faults<T: DeserializeOwned>(mut value: Value, most: usize) -> (Vec<Wrong>, bool) {
    let mut found: Vec<Wrong> = Vec::new();
    while found.len() < most {
        let Some(fault) = first_fault::<T>(&value) else { return (found, true) };
        let place = Position::Pointer(fault.pointer.clone());
        if !found.iter().any(|wrong| wrong.place == place) {
            let said = if fault.code == "blank" && may_be_null::<T>(&value, &fault.pointer) {
                Said::new("Must not be blank; leave it out or send null instead.", "Ne doit pas être vide ; omettez-le ou envoyez null.")
            } else {
                fault.said.clone()
            };
            found.push(Wrong { place, code: fault.code, said });
        }
        if !heal::<T>(&mut value, &fault) {
            break;
        }
    }
    (found, first_fault::<T>(&value).is_none())
}

/// May this member be null?
fn may_be_null<T: DeserializeOwned>(value: &Value, pointer: &str) -> bool {
    let mut value = value.clone();
    let Some(member) = value.pointer_mut(pointer) else { return false };
    *member = Value::Null;
    first_fault::<T>(&value).is_none_or(|next| next.pointer != pointer)
}

struct FirstFault {
    pointer: String,
    code: &'static str,
    said: Said,
    /// A valid word, if the type told one.
    hint: Option<String>,
}

fn first_fault<T: DeserializeOwned>(value: &Value) -> Option<FirstFault> {
    let error = serde_path_to_error::deserialize::<_, T>(value).err()?;
    let message = error.inner().to_string();
    let mut pointer: String = error
        .path()
        .iter()
        .map(|segment| match segment {
            serde_path_to_error::Segment::Map { key } => format!("/{}", escaped(key)),
            serde_path_to_error::Segment::Seq { index } => format!("/{index}"),
            _ => String::new(),
        })
        .collect();
    let named = message.split('`').nth(1).unwrap_or_default();
    let mut point_at_named = || {
        let last = format!("/{}", escaped(named));
        if !pointer.ends_with(&last) || message.starts_with("missing field") {
            pointer.push_str(&last);
        }
    };
    let mut hint = None;
    let (code, said) = if message.starts_with("missing field") {
        point_at_named();
        ("missing_field", Said::new("Is needed.", "Est nécessaire."))
    } else if message.starts_with("unknown field") {
        point_at_named();
        ("unknown_field", Said::new("Is not a member of this body.", "N'est pas un membre de ce corps."))
    } else if let Some((fault, particulars)) = Fault::read(&message) {
        hint = particulars.first().filter(|_| fault.code == "unknown_word").and_then(|words| words.split(", ").next()).map(str::to_owned);
        (fault.code, Said::of(fault, &particulars))
    } else {
        ("invalid_type", wrong_type(&message))
    };
    Some(FirstFault { pointer, code, said, hint })
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// Replaces the faulty value by some valid one. False when no such value is found.
fn heal<T: DeserializeOwned>(value: &mut Value, fault: &FirstFault) -> bool {
    let Some((parent, name)) = fault.pointer.rsplit_once('/') else { return false };
    let name = name.replace("~1", "/").replace("~0", "~");
    if fault.code == "unknown_field" {
        let object = value.pointer_mut(parent).and_then(Value::as_object_mut);
        return object.is_some_and(|object| object.shift_remove(&name).is_some());
    }
    const FITTING: [&str; 18] = [
        r#""x""#,
        r#""2000-01-01""#,
        r#""2000-01-01T00:00:00Z""#,
        r#""00000000-0000-0000-0000-000000000000""#,
        "0",
        "1",
        "false",
        "[]",
        "{}",
        r#""000000000""#,
        r#""00""#,
        r#""00000""#,
        r#""00000000000000""#,
        r#""ti-0000""#,
        r#""http://x""#,
        r#""x@x.fr""#,
        r#""0000""#,
        "null",
    ];
    let mut fitting: Vec<Value> = FITTING.iter().rev().filter_map(|text| serde_json::from_str(text).ok()).collect();
    fitting.extend(fault.hint.clone().map(Value::from));
    while let Some(candidate) = fitting.pop() {
        match value.pointer_mut(parent) {
            Some(Value::Object(object)) => drop(object.insert(name.clone(), candidate)),
            Some(Value::Array(array)) => match name.parse::<usize>().ok().and_then(|index| array.get_mut(index)) {
                Some(element) => *element = candidate,
                None => return false,
            },
            _ => return false,
        }
        match first_fault::<T>(value) {
            Some(next) if next.pointer == fault.pointer => fitting.extend(next.hint.map(Value::from)),
            // The replacement may have faulty members itself. These are not faults of the client.
            Some(next) if lies_in(&next, &fault.pointer) => {
                if complete::<T>(value, next, &fault.pointer) {
                    return true;
                }
            }
            _ => return true,
        }
    }
    false
}

fn lies_in(fault: &FirstFault, pointer: &str) -> bool {
    fault.pointer.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'))
}

/// Repairs all faults inside of the replacement, beginning with this one. False when one cannot be repaired.
fn complete<T: DeserializeOwned>(value: &mut Value, mut fault: FirstFault, pointer: &str) -> bool {
    loop {
        if !heal::<T>(value, &fault) {
            return false;
        }
        match first_fault::<T>(value) {
            Some(next) if lies_in(&next, pointer) => fault = next,
            _ => return true,
        }
    }
}
