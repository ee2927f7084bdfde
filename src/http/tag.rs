//! Entity tags, as `If-Match` and `If-None-Match` list them (RFC 9110, section 13.1). actix's own types drop what they cannot read, and know
//! nothing of what proxies do with tags.
//!
//! A proxy that compresses an answer makes its tag weak (`W/"v5"`) or appends the coding (`"v5-gzip"`). So does this service: an answer that
//! it compressed has a weak tag, because no strong tag may stand for two codings.

use actix_web::{
    HttpResponse, ResponseError,
    dev::ServiceResponse,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
};

use super::{Problem, Result, Said, kinds};

/// What a precondition names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tags {
    /// `*`: whatever there is.
    Any,
    /// The texts of the tags, without what a proxy did with them.
    These(Vec<String>),
}

impl Tags {
    /// Reads the tags in all lines of a header. The error is 400: the header is no list of tags.
    pub fn read(headers: &HeaderMap, name: HeaderName) -> Result<Option<Self>> {
        let lines: Vec<_> = headers.get_all(&name).map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
        match &lines[..] {
            [] => return Ok(None),
            [line] if line.trim() == "*" => return Ok(Some(Self::Any)),
            _ => {}
        }
        let mut tags = Vec::new();
        for line in &lines {
            tags.extend(parse(line).ok_or_else(|| malformed(&name))?);
        }
        Ok(Some(Self::These(tags)))
    }

    /// Is this tag among them, by weak comparison?
    fn name(&self, tag: &str) -> bool {
        let Self::These(tags) = self else { return true };
        let text = tag.trim_start_matches("W/").trim_matches('"');
        tags.iter().any(|known| known == text)
    }
}

fn malformed(name: &HeaderName) -> Problem {
    let name = if name == header::IF_MATCH { "If-Match" } else { "If-None-Match" };
    let said = Said::new(
        format!("{name} is *, or ETags in quotation marks, separated by commas: \"v12\", \"v13\"."),
        format!("{name} est *, ou des ETags entre guillemets droits, séparés par des virgules : \"v12\", \"v13\"."),
    );
    Problem::new(&kinds::BAD_REQUEST).saying(said)
}

/// The texts of the tags in one line. None when the line is no list of tags.
fn parse(line: &str) -> Option<Vec<String>> {
    let (mut rest, mut tags) = (line.trim(), Vec::new());
    while !rest.is_empty() {
        if !rest.starts_with(',') {
            let (text, after) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
            rest = after.trim_start();
            if text.contains(|char: char| char.is_whitespace() || char.is_control()) || !(rest.is_empty() || rest.starts_with(',')) {
                return None;
            }
            tags.push(as_given(text).to_owned());
        }
        rest = rest.trim_start_matches(',').trim_start();
    }
    Some(tags)
}

/// The text of a tag as this service gave it, without the coding that a proxy appended.
fn as_given(text: &str) -> &str {
    const CODINGS: [&str; 6] = ["gzip", "br", "zstd", "deflate", "brotli", "gunzip"];
    let coded = text.split_once(['-', ';', '+', ':']).filter(|(_, coding)| CODINGS.contains(&coding.trim_start_matches('-')));
    coded.map_or(text, |(given, _)| given)
}

/// Makes a tag weak: it vouches for what is said, whatever the coding.
pub fn weaken(headers: &mut HeaderMap) {
    let tag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).filter(|tag| !tag.starts_with("W/"));
    if let Some(Ok(weak)) = tag.map(|tag| HeaderValue::from_str(&format!("W/{tag}"))) {
        headers.insert(header::ETAG, weak);
    }
}

/// The answer in place of one that a reader has already (304), or that is not the one which the reader wants (412). An answer without a tag
/// stays as it is.
pub fn precondition(response: &ServiceResponse) -> Option<HttpResponse> {
    let asked = response.request();
    if !asked.method().is_safe() || response.status() != StatusCode::OK {
        return None;
    }
    let tag = response.headers().get(header::ETAG)?;
    let text = tag.to_str().ok()?;
    let read = || -> Result<_> { Ok((Tags::read(asked.headers(), header::IF_MATCH)?, Tags::read(asked.headers(), header::IF_NONE_MATCH)?)) };
    let (wanted, known) = match read() {
        Ok(tags) => tags,
        Err(problem) => return Some(problem.error_response()),
    };
    // The comparison of If-Match is strong, so no weak tag of ours fits it. That of a version is strong until it is compressed.
    let fits = |tags: &Tags| *tags == Tags::Any || !text.starts_with("W/") && tags.name(text);
    if wanted.is_some_and(|tags| !fits(&tags)) {
        return Some(Problem::new(&kinds::STALE).header(header::ETAG, text).error_response());
    }
    known.filter(|tags| tags.name(text)).map(|_| {
        let mut unchanged = HttpResponse::NotModified();
        unchanged.insert_header((header::ETAG, tag.clone()));
        if let Some(control) = response.headers().get(header::CACHE_CONTROL) {
            unchanged.insert_header((header::CACHE_CONTROL, control.clone()));
        }
        unchanged.finish()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tags_is_read_as_it_may_be_written() {
        for (lines, due) in [
            (&[] as &[&str], Some(None)),
            (&["*"], Some(Some(Tags::Any))),
            (&[""], Some(Some(Tags::These(Vec::new())))),
            (&["\"v5\""], Some(Some(Tags::These(vec!["v5".to_owned()])))),
            (&[" W/\"v5\" , ,\"a,b\""], Some(Some(Tags::These(vec!["v5".to_owned(), "a,b".to_owned()])))),
            (&["\"v5\"", "\"v6\""], Some(Some(Tags::These(vec!["v5".to_owned(), "v6".to_owned()])))),
            (&["\"v5.pub-gzip\", \"v6--gzip\", \"v7;br\""], Some(Some(Tags::These(["v5.pub", "v6", "v7"].map(str::to_owned).to_vec())))),
            (&["\"v5-other\", \"v5-gzip-x\""], Some(Some(Tags::These(["v5-other", "v5-gzip-x"].map(str::to_owned).to_vec())))),
            (&["v5"], None),
            (&["\"v5"], None),
            (&["w/\"v5\""], None),
            (&["\"v 5\""], None),
            (&["\"v5\" \"v6\""], None),
            (&["\"v5\"x"], None),
            (&["*, \"v5\""], None),
            (&["\"v5\"", "*"], None),
            (&["'v5'"], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::IF_MATCH, HeaderValue::from_bytes(line.as_bytes()).unwrap());
            }
            assert_eq!(Tags::read(&headers, header::IF_MATCH).ok(), due, "{lines:?}");
        }
    }
}
