//! Cursors: where a walk along a list goes on, signed so that only what was given comes back.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::super::veil::keyed;
use crate::db::listing::Keys;

/// A cursor, as it is written.
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
    pub(super) fn seal(&self, secret: &[u8]) -> String {
        let mut bytes = serde_json::to_vec(self).unwrap_or_default();
        bytes.extend_from_slice(&signature(&bytes, secret));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(super) fn open(text: &str, secret: &[u8]) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (bytes, signed) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
        let same: bool = subtle::ConstantTimeEq::ct_eq(&signature(bytes, secret)[..], signed).into();
        if same { serde_json::from_slice(bytes).ok() } else { None }
    }
}

const SIGNATURE: usize = 16;

fn signature(bytes: &[u8], secret: &[u8]) -> [u8; SIGNATURE] {
    let mut short = [0; SIGNATURE];
    short.copy_from_slice(&keyed(b"", [bytes, b""], secret)[..SIGNATURE]);
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_as_it_was_sealed() {
        let sealed = Cursor { keys: vec![Some("é".to_owned()), None], back: true, digest: "d".to_owned() }.seal(b"secret");
        let opened = Cursor::open(&sealed, b"secret").unwrap();
        assert_eq!((opened.keys, opened.back), (vec![Some("é".to_owned()), None], true));
        assert!(Cursor::open(&sealed, b"another").is_none());
        for place in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert!(Cursor::open(std::str::from_utf8(&forged).unwrap(), b"secret").is_none(), "changed at {place}");
        }
        assert!(Cursor::open("", b"secret").is_none() && Cursor::open("AAAA", b"secret").is_none());
    }
}
