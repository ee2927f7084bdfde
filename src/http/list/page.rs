//! A page of a list, as it is answered.

use actix_web::{HttpRequest, HttpResponse, Responder, body::BoxBody, http::header, web::Data};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::super::Site;

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    #[schema(max_items = 1000)]
    pub(super) data: Vec<T>,
    pub(super) links: Links,
    pub(super) meta: Meta,
}

impl<T> Page<T> {
    /// A page of what is no noun's list: where it goes on, if it does.
    pub fn of(data: Vec<T>, limit: i64, next_cursor: Option<String>, ended_early: bool, request: &HttpRequest) -> Self {
        let site = request.app_data::<Data<Site>>().map(|site| site.url.as_str()).unwrap_or_default();
        let address = format!("{site}{}", request.path());
        let query = request.query_string();
        let itself = if query.is_empty() { address.clone() } else { format!("{address}?{query}") };
        let next = next_cursor.as_ref().map(|cursor| format!("{address}?{}", elsewhere(query, "cursor", cursor)));
        Self {
            data,
            links: Links { itself, next, prev: None },
            meta: Meta { limit, next_cursor, total: None, ended_early: ended_early.then_some(true) },
        }
    }
}

/// The links of this page.
#[serde_with::apply(Option => #[schema(required)])]
#[derive(Debug, Serialize, ToSchema)]
pub struct Links {
    /// The address of this page.
    #[serde(rename = "self")]
    #[schema(max_length = 20000)]
    pub(super) itself: String,
    /// The next page; null on the last.
    #[schema(max_length = 20000)]
    pub(super) next: Option<String>,
    /// The page before; null on the first.
    #[schema(max_length = 20000)]
    pub(super) prev: Option<String>,
}

/// What to know about this page.
#[derive(Debug, Serialize, ToSchema)]
pub struct Meta {
    /// The most rows that this page could have.
    pub(super) limit: i64,
    /// Where the next page begins; null on the last.
    #[schema(required, max_length = 20000)]
    pub(super) next_cursor: Option<String>,
    /// How many rows there are in all, of the same instant; only with `count=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) total: Option<i64>,
    /// True when the page ended before `limit`, because its rows have 4 MB; else left out. `links.next` leads to the rows that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub(super) ended_early: Option<bool>,
}

impl<T: Serialize> Responder for Page<T> {
    type Body = BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        let Ok(body) = serde_json::to_vec(&self) else {
            return HttpResponse::InternalServerError().finish();
        };
        // Weak: it vouches for what is said, whatever the compression.
        let tag = format!("W/\"{}\"", hex::encode(&Sha256::digest(&body)[..12]));
        let mut response = HttpResponse::Ok();
        response.insert_header((header::ETAG, tag)).insert_header((header::CONTENT_TYPE, "application/json"));
        let links = [("next", &self.links.next), ("prev", &self.links.prev)];
        let links: Vec<String> = links.into_iter().filter_map(|(rel, link)| link.as_ref().map(|link| format!("<{link}>; rel=\"{rel}\""))).collect();
        if !links.is_empty() {
            response.insert_header((header::LINK, links.join(", ")));
        }
        response.body(body)
    }
}

/// A query string in which this parameter replaces `cursor` and `offset`.
pub fn elsewhere(query: &str, name: &str, value: &str) -> String {
    let place = format!("{name}={value}");
    anywhere(query).chain([place.as_str()]).collect::<Vec<_>>().join("&")
}

/// The parameters of a query string, as they are written there, without `cursor` and `offset`.
pub fn anywhere(query: &str) -> impl Iterator<Item = &str> {
    query.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        let name = name.trim_end_matches("[]").trim_end_matches("%5b%5d");
        !matches!(name, "" | "cursor" | "offset")
    })
}
