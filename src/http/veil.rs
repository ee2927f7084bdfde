//! Cursors that tell nothing: what they hold is enciphered and signed, and no two are alike, even of the same place.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const NONCE: usize = 12;
const SIGNATURE: usize = 16;

/// A keyed hash for one purpose: the one way in which anything is signed here.
pub(super) fn keyed(purpose: &[u8], parts: [&[u8]; 2], secret: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for part in [purpose, parts[0], parts[1]] {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

/// The same bytes, enciphered or read again.
fn stream(bytes: &[u8], nonce: &[u8], secret: &[u8]) -> Vec<u8> {
    let blocks = bytes.chunks(32).zip(0_u32..);
    blocks
        .flat_map(|(block, number)| {
            block.iter().zip(keyed(b"veil", [nonce, &number.to_be_bytes()], secret)).map(|(byte, key)| byte ^ key).collect::<Vec<_>>()
        })
        .collect()
}

/// Puts bytes under the veil.
pub fn veiled(bytes: &[u8], secret: &[u8]) -> String {
    let nonce: [u8; NONCE] = rand::random();
    let hidden = stream(bytes, &nonce, secret);
    let signature = keyed(b"seal", [&nonce, &hidden], secret);
    URL_SAFE_NO_PAD.encode([&nonce, hidden.as_slice(), &signature[..SIGNATURE]].concat())
}

/// Takes the veil off what `veiled` gave, and nothing else.
pub fn unveiled(text: &str, secret: &[u8]) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let (bytes, signed) = bytes.split_at_checked(bytes.len().checked_sub(SIGNATURE)?)?;
    let (nonce, hidden) = bytes.split_at_checked(NONCE)?;
    let signature = keyed(b"seal", [nonce, hidden], secret);
    let same: bool = subtle::ConstantTimeEq::ct_eq(&signature[..SIGNATURE], signed).into();
    same.then(|| stream(hidden, nonce, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_veiled_comes_back_only_as_it_was_given() {
        let bytes: Vec<u8> = (0..70).collect();
        let text = veiled(&bytes, b"secret");
        assert_eq!(unveiled(&text, b"secret").as_ref(), Some(&bytes));
        assert_ne!(veiled(&bytes, b"secret"), text);
        assert!(unveiled(&text, b"another").is_none() && unveiled("", b"secret").is_none() && unveiled("AAAA", b"secret").is_none());
        for place in 0..text.len() {
            let mut forged = text.clone().into_bytes();
            forged[place] = if forged[place] == b'A' { b'B' } else { b'A' };
            assert!(unveiled(std::str::from_utf8(&forged).unwrap(), b"secret").is_none(), "changed at {place}");
        }
    }
}
