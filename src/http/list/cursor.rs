//! Cursors: the place where the next page of a list begins.

use serde::{Deserialize, Serialize};

use super::super::seal::Seal;
use crate::db::listing::Keys;

/// What a cursor of a list is sealed for.
const PURPOSE: &str = "cursor of a list";

/// The content of a cursor.
#[derive(Serialize, Deserialize)]
pub(super) struct Cursor {
    #[serde(rename = "k")]
    pub(super) keys: Keys,
    #[serde(rename = "b")]
    pub(super) back: bool,
    #[serde(rename = "d")]
    pub(super) digest: String,
}

impl Cursor {
    pub(super) fn sealed(&self, seal: &Seal) -> String {
        // The ETag of a page is made of its whole content, cursors included.
        seal.seal_alike(PURPOSE, &serde_json::to_vec(self).unwrap_or_default())
    }

    pub(super) fn open(text: &str, seal: &Seal) -> Option<Self> {
        serde_json::from_slice(&seal.open(PURPOSE, text)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_as_it_was_sealed() {
        let seal = Seal::new(b"secret");
        let sealed = Cursor { keys: vec![Some("é".to_owned()), None], back: true, digest: "d".to_owned() }.sealed(&seal);
        let opened = Cursor::open(&sealed, &seal).unwrap();
        assert_eq!((opened.keys, opened.back), (vec![Some("é".to_owned()), None], true));
        assert!(Cursor::open(&sealed, &Seal::new(b"another")).is_none());
        assert!(Cursor::open(&seal.seal("cursor of a feed", br#"{"k":[],"b":false,"d":"d"}"#), &seal).is_none());
        for place in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert!(Cursor::open(std::str::from_utf8(&forged).unwrap(), &seal).is_none(), "changed at {place}");
        }
        assert!(Cursor::open("", &seal).is_none() && Cursor::open("AAAA", &seal).is_none());
    }
}
