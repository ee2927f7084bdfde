//! What a request prefers (RFC 9110, section 12): media types, codings and languages, each with a weight. The types of actix do not serve
//! here: they pass over a range with a space before its weight, and they have no order of exact and general ranges.

use std::cmp::Reverse;

use actix_web::http::header::{self, HeaderMap, HeaderName};

use super::{coding::Coding, problem::Language};

/// The most ranges of a header that are read: what follows them is never preferred.
const MOST: usize = 100;

/// One range of a header, such as `text/*;q=0.5`.
struct Range {
    /// The range without its parameters, in small letters.
    name: String,
    /// The weight in thousandths. 0 is a refusal.
    weight: u16,
}

impl Range {
    /// Reads a range. None if its name is empty, or if its weight is no number.
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split(text, ';').map(str::trim);
        let name = parts.next().filter(|name| !name.is_empty())?.to_ascii_lowercase();
        let weights = parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| name.trim().eq_ignore_ascii_case("q"));
        let weight = weights.map(|(_, weight)| weigh(weight.trim())).last();
        Some(Self { name, weight: weight.unwrap_or(Some(1000))? })
    }
}

/// Reads a weight, such as `0.5`. More than 1 counts as 1.
fn weigh(text: &str) -> Option<u16> {
    let number: f32 = text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))?;
    Some((number.min(1.0) * 1000.0).round() as u16)
}

/// Splits a text at each separator outside of quotation marks.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut quoted, mut escaped) = (false, false);
    text.split(move |char| {
        match char {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ => return char == separator && !quoted,
        }
        false
    })
}

/// The ranges in all lines of a header, in the order in which they came.
fn ranges(headers: &HeaderMap, name: HeaderName) -> Vec<Range> {
    let lines: Vec<_> = headers.get_all(name).map(|line| String::from_utf8_lossy(line.as_bytes())).collect();
    lines.iter().flat_map(|line| split(line, ',')).take(MOST).filter_map(Range::parse).collect()
}

/// The weight of what has this name, if a range names it.
fn weight(ranges: &[Range], name: &str) -> Option<u16> {
    ranges.iter().filter(|range| range.name == name).map(|range| range.weight).max()
}

/// Does `Accept` take one of these media types? The most exact range that fits a media type decides on it.
pub fn takes(headers: &HeaderMap, served: &[String]) -> bool {
    if headers.get_all(header::ACCEPT).all(|line| line.as_bytes().trim_ascii().is_empty()) {
        return true;
    }
    let ranges = ranges(headers, header::ACCEPT);
    served.iter().any(|served| {
        let exact = served.split(';').next().unwrap_or_default().trim();
        let kind = format!("{}/*", exact.split('/').next().unwrap_or_default());
        // Java sends `*` alone.
        [exact, &kind, "*/*", "*"].into_iter().find_map(|name| weight(&ranges, name)).is_some_and(|weight| weight > 0)
    })
}

/// The coding that `Accept-Encoding` prefers, and whether it refuses an answer that is not coded. None if it refuses all codings of ours and
/// the answer as it is.
pub fn coding(headers: &HeaderMap) -> Option<(Coding, bool)> {
    let ranges = ranges(headers, header::ACCEPT_ENCODING);
    let weight = |coding: Coding| weight(&ranges, coding.name()).or_else(|| weight(&ranges, &format!("x-{}", coding.name())));
    let others = self::weight(&ranges, "*");
    let plain = weight(Coding::Identity).or(others);
    let refused = plain == Some(0);
    let best = Coding::COMPRESSED.into_iter().filter_map(|coding| Some((weight(coding).filter(|weight| *weight > 0)?, coding))).max();
    match best {
        Some((weight, coding)) if plain.is_none_or(|plain| weight >= plain) => Some((coding, refused)),
        _ if !refused => Some((Coding::Identity, false)),
        _ if others.is_some_and(|weight| weight > 0) => {
            // Whoever takes anything but the answer as it is gets what most clients know.
            [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd]
                .into_iter()
                .find(|coding| weight(*coding).is_none())
                .map(|coding| (coding, true))
        }
        _ => None,
    }
}

/// The language that `Accept-Language` prefers. A range such as `fr-CA` asks for its first subtag, French. `*` asks for the first language
/// that the request does not refuse with `q=0`; so does a request that asks for none of ours.
pub fn language(headers: &HeaderMap) -> Language {
    let mut ranges = ranges(headers, header::ACCEPT_LANGUAGE);
    ranges.sort_by_key(|range| Reverse(range.weight));
    let (asked, refused): (Vec<_>, Vec<_>) = ranges.into_iter().partition(|range| range.weight > 0);
    let known = || Language::ALL.into_iter().filter(|language| !refused.iter().any(|range| range.name == language.code()));
    let asks = |range: &Range, language: Language| range.name == "*" || range.name.split(['-', '_']).next() == Some(language.code());
    let meant = asked.iter().find_map(|range| known().find(|language| asks(range, *language)));
    meant.or_else(|| known().next()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    /// Headers with these lines of one name.
    fn lines(name: HeaderName, lines: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(name.clone(), HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        headers
    }

    #[test]
    fn the_language_that_is_preferred() {
        let (english, french) = (Language::English, Language::French);
        for (accepted, due) in [
            (&[] as &[&str], english),
            (&[""], english),
            (&["de"], english),
            (&["*"], english),
            (&["fr"], french),
            (&["fr-CA"], french),
            (&["fr_FR"], french),
            (&["FR-ca;q=0.4"], french),
            (&["de, fr;q=0.2"], french),
            (&["de", "fr"], french),
            (&["en;q=0.5", "fr;q=0.6"], french),
            (&["fr; q=0.1, en;q=0.9"], english),
            (&["fr ;q=0.1,en ; q=0.9"], english),
            (&["fr;q=0.8 , en; q=0.7"], french),
            (&["en;q=0.3, fr-FR"], french),
            (&["fr, en"], french),
            (&["frr, en;q=0.1"], english),
            (&["fr;q=0"], english),
            (&["fr;q=0, *"], english),
            (&["en;q=0, *;q=0.5"], french),
            (&["en;q=0"], french),
            (&["fr-CA;q=0, fr"], french),
            (&["en;q=0, fr;q=0"], english),
            (&["é"], english),
        ] {
            assert_eq!(language(&lines(header::ACCEPT_LANGUAGE, accepted)), due, "{accepted:?}");
        }
    }

    #[test]
    fn the_coding_that_is_preferred() {
        use Coding::{Brotli, Deflate, Gzip, Identity, Zstd};
        for (accepted, due) in [
            (&[] as &[&str], Some((Identity, false))),
            (&[""], Some((Identity, false))),
            (&["gzip, deflate, br, zstd"], Some((Brotli, false))),
            (&["gzip", "br;q=0.5"], Some((Gzip, false))),
            (&["GZIP ; q=0.5 , deflate;q=0.4"], Some((Gzip, false))),
            (&["x-gzip"], Some((Gzip, false))),
            (&["deflate"], Some((Deflate, false))),
            (&["compress, lzma"], Some((Identity, false))),
            (&["gzip;q=0.5, identity"], Some((Identity, false))),
            (&["gzip;q=0.5, *;q=0.1"], Some((Gzip, false))),
            (&["*"], Some((Identity, false))),
            (&["gzip;q=0"], Some((Identity, false))),
            (&["gzip;q=x"], Some((Identity, false))),
            (&["zstd, identity;q=0"], Some((Zstd, true))),
            (&["gzip, *;q=0"], Some((Gzip, true))),
            (&["identity;q=0, *"], Some((Gzip, true))),
            (&["identity;q=0, gzip;q=0, *;q=0.3"], Some((Deflate, true))),
            (&["identity;q=0"], None),
            (&["*;q=0"], None),
            (&["identity; q=0.0, compress"], None),
            (&["*;q=0, identity"], Some((Identity, false))),
        ] {
            assert_eq!(coding(&lines(header::ACCEPT_ENCODING, accepted)), due, "{accepted:?}");
        }
    }

    #[test]
    fn the_media_types_that_are_taken() {
        let served = ["text/event-stream".to_owned(), "application/json".to_owned()];
        for (accepted, due) in [
            (&[] as &[&str], true),
            (&[" "], true),
            (&["application/json ; q=0.5"], true),
            (&["text/html", "application/json"], true),
            (&["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"], true),
            (&["application/json;profile=\"a,b;q=0\";q=0.5"], true),
            (&["*/*, application/json;q=0"], true),
            (&["*/*, application/json;q=0, text/*;q=0.000"], false),
            (&["application/*, application/json;q=0"], false),
            (&["*/*;q=0, application/json"], true),
            (&["application/json;q=0"], false),
            (&["application/xml"], false),
            (&["nonsense"], false),
        ] {
            assert_eq!(takes(&lines(header::ACCEPT, accepted), &served), due, "{accepted:?}");
        }
    }
}
