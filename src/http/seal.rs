//! The seal of what the service gives out and reads again later: cursors and access tokens. Nobody else can read a sealed
//! text, or make one, or change one.
//!
//! - The cipher is AES-256-GCM-SIV (RFC 8452), by the crate `aes-gcm-siv`. It is safe under any nonce, even one that is used
//!   again: so a text can be sealed in the same way each time, where that is needed.
//! - The key is made of the service's secret (`CURSOR_SECRET`): SHA-256 of a label, then of the secret.
//! - The purpose is authenticated together with the text. So a text that was sealed for one purpose never opens for another.

use aes_gcm_siv::{
    Aes256GcmSiv, KeyInit, Nonce,
    aead::{Aead, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// The label of the derived key. Another use of the same secret has another label.
const LABEL: &[u8] = b"territoires-industrie: seal of cursors and access tokens, 1\n";
const NONCE: usize = 12;

/// A key to seal with. A key of another secret cannot open what it sealed.
#[derive(Clone)]
pub struct Seal([u8; 32]);

impl Seal {
    /// The seal of a service with this secret.
    pub fn new(secret: &[u8]) -> Self {
        Self(Sha256::new().chain_update(LABEL).chain_update(secret).finalize().into())
    }

    /// A seal that needs a second secret as well: who knows only one of the two can neither seal nor open.
    pub fn with(&self, second: &[u8]) -> Self {
        Self::new(&[&self.0, second].concat())
    }

    /// Seals a text for a purpose. The same text looks different each time, so that nobody learns anything from comparing sealed texts.
    pub fn seal(&self, purpose: &str, text: &[u8]) -> String {
        self.sealed(rand::random(), purpose, text)
    }

    /// Seals a text for a purpose. The same text looks the same each time: so a page that has not changed keeps its ETag.
    pub fn seal_alike(&self, purpose: &str, text: &[u8]) -> String {
        self.sealed([0; NONCE], purpose, text)
    }

    fn sealed(&self, nonce: [u8; NONCE], purpose: &str, text: &[u8]) -> String {
        let sealed = self.cipher().encrypt(&Nonce::from(nonce), Payload { msg: text, aad: purpose.as_bytes() });
        let sealed = sealed.unwrap_or_else(|_| unreachable!("only a text of 64 GiB cannot be sealed"));
        URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat())
    }

    /// Opens a sealed text. Nothing, unless it was sealed for this purpose with this seal.
    pub fn open(&self, purpose: &str, sealed: &str) -> Option<Vec<u8>> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE>()?;
        self.cipher().decrypt(&Nonce::from(*nonce), Payload { msg: sealed, aad: purpose.as_bytes() }).ok()
    }

    fn cipher(&self) -> Aes256GcmSiv {
        Aes256GcmSiv::new(&self.0.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_as_it_was_sealed() {
        let (seal, text) = (Seal::new(b"secret"), (0..70).collect::<Vec<u8>>());
        let sealed = seal.seal("list", &text);
        assert_eq!(seal.open("list", &sealed).as_ref(), Some(&text));
        assert_ne!(seal.seal("list", &text), sealed);
        let alike = seal.seal_alike("list", &text);
        assert_eq!((seal.open("list", &alike).as_ref(), &seal.seal_alike("list", &text)), (Some(&text), &alike));
        assert_eq!(seal.open("feed", &sealed), None, "for another purpose");
        assert_eq!(Seal::new(b"another").open("list", &sealed), None, "with another secret");
        for wrong in ["", "AAAA", &sealed[..40], &sealed[1..]] {
            assert_eq!(seal.open("list", wrong), None, "{wrong}");
        }
        for place in 0..sealed.len() {
            let mut forged = sealed.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(seal.open("list", std::str::from_utf8(&forged).unwrap()), None, "changed at {place}");
        }
    }

    #[test]
    fn a_second_secret_is_needed_as_well() {
        let both = Seal::new(b"one").with(b"two");
        let sealed = both.seal("token", b"text");
        assert_eq!(Seal::new(b"one").with(b"two").open("token", &sealed).as_deref(), Some(&b"text"[..]));
        for other in [Seal::new(b"one"), Seal::new(b"two"), Seal::new(b"one").with(b"three"), Seal::new(b"three").with(b"two")] {
            assert_eq!(other.open("token", &sealed), None);
        }
    }
}
