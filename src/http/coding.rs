//! Answers are compressed whole and sent with their length. The compression of actix sends an answer in chunks and on another thread,
//! however small it is.

use std::{
    collections::HashMap,
    io::{self, Write},
    sync::{LazyLock, Mutex, PoisonError},
};

use actix_web::{
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceResponse,
    http::header::{self, HeaderMap, HeaderValue},
    web::{self, Bytes},
};
use brotli::enc::BrotliEncoderParams;
use flate2::{
    Compression,
    write::{GzEncoder, ZlibEncoder},
};

/// A body with fewer bytes is not worth compressing.
const SMALL: u64 = 1000;
/// A body with more bytes is compressed on another thread.
const LARGE: usize = 32 * 1024;

/// How the body of an answer is coded, from the least preferred to the most preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// As it is.
    Identity,
    /// `deflate`, which is the format of zlib.
    Deflate,
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
    /// `br`.
    Brotli,
}

impl Coding {
    /// Those that compress.
    pub const COMPRESSED: [Self; 4] = [Self::Brotli, Self::Zstd, Self::Gzip, Self::Deflate];

    /// Its name in HTTP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Deflate => "deflate",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    /// The whole body, so coded.
    fn code(self, body: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Identity => Ok(body.to_vec()),
            Self::Deflate => {
                let mut writer = ZlibEncoder::new(Vec::new(), Compression::fast());
                writer.write_all(body)?;
                writer.finish()
            }
            Self::Gzip => {
                let mut writer = GzEncoder::new(Vec::new(), Compression::fast());
                writer.write_all(body)?;
                writer.finish()
            }
            Self::Zstd => zstd::bulk::compress(body, 3),
            Self::Brotli => {
                let mut coded = Vec::new();
                let parameters = BrotliEncoderParams { quality: 3, size_hint: body.len(), ..BrotliEncoderParams::default() };
                brotli::BrotliCompress(&mut &*body, &mut coded, &parameters)?;
                Ok(coded)
            }
        }
    }
}

/// Is a body of this size, under these headers, to be compressed? A small one is, if the client refuses it as it is (`always`).
pub fn is_due(size: BodySize, headers: &HeaderMap, always: bool) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let compressed = kind.starts_with(b"image/") && !kind.starts_with(b"image/svg") || kind.starts_with(b"font/");
    let least = if always { 1 } else { SMALL };
    matches!(size, BodySize::Sized(size) if size >= least) && (always || !compressed) && !headers.contains_key(header::CONTENT_ENCODING)
}

/// Marks an answer that is the same as long as the service runs, such as the document. It is compressed once.
pub struct Lasting;

/// The answers that last, by their tag and coding. There are not many of them.
static KEPT: LazyLock<Mutex<HashMap<(HeaderValue, Coding), Bytes>>> = LazyLock::new(Mutex::default);

/// Compresses the body of an answer. A stream stays as it is.
pub async fn compress(response: ServiceResponse<BoxBody>, coding: Coding) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let (mut response, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(stream) => return ServiceResponse::new(request, response.set_body(stream)),
    };
    let lasting = response.extensions().get::<Lasting>().and_then(|_| Some((response.headers().get(header::ETAG)?.clone(), coding)));
    let kept = || KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let known = lasting.as_ref().and_then(|lasting| kept().get(lasting).cloned());
    let coded = match known {
        Some(known) => Ok(known),
        None if body.len() <= LARGE => coding.code(&body).map(Bytes::from),
        None => {
            let body = body.clone();
            let coded = web::block(move || coding.code(&body)).await;
            coded.unwrap_or_else(|error| Err(io::Error::other(error))).map(Bytes::from)
        }
    };
    let body = match coded {
        Ok(coded) => {
            response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            lasting.map(|lasting| kept().insert(lasting, coded.clone()));
            coded
        }
        Err(error) => {
            log::error!("an answer was not compressed: {error}");
            body
        }
    };
    ServiceResponse::new(request, response.set_body(BoxBody::new(body)))
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_compressed_reads_as_it_was() {
        for text in [String::new(), "{\"name\":\"Alençon\"}".repeat(3), "{\"name\":\"Flers\"}".repeat(20_000)] {
            let text = text.as_bytes();
            for coding in Coding::COMPRESSED {
                let coded = coding.code(text).unwrap();
                let mut read = Vec::new();
                match coding {
                    Coding::Identity => read.clone_from(&coded),
                    Coding::Deflate => drop(flate2::read::ZlibDecoder::new(&coded[..]).read_to_end(&mut read).unwrap()),
                    Coding::Gzip => drop(flate2::read::GzDecoder::new(&coded[..]).read_to_end(&mut read).unwrap()),
                    Coding::Zstd => read = zstd::stream::decode_all(&coded[..]).unwrap(),
                    Coding::Brotli => brotli::BrotliDecompress(&mut &coded[..], &mut read).unwrap(),
                }
                assert!(read == text, "{coding:?} of {} bytes", text.len());
                assert!(text.len() < 1000 || coded.len() < text.len() / 10, "{coding:?} leaves {} of {} bytes", coded.len(), text.len());
            }
        }
    }
}
