//! Images from files, as parts of a message.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::files::Kind;
use super::resolve::Resolver;

impl Resolver<'_> {
    /// A file as an image part, with a data URL.
    pub(super) fn image(&mut self, pointer: &str, file: &str) -> Option<Value> {
        let bytes = self.file(pointer, file, Kind::IMAGE)?;
        let Some(kind) = kind(&bytes) else {
            self.fault(
                pointer,
                format!("{file:?} is not an image"),
                "",
                "PNG, JPEG, GIF and WebP are known".to_owned(),
            );
            return None;
        };
        let url = format!("data:image/{kind};base64,{}", STANDARD.encode(bytes));
        Some(json!({"type": "image_url", "image_url": {"url": url}}))
    }
}

/// The format of an image, by its first bytes.
fn kind(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [0xFF, 0xD8, 0xFF, ..] => Some("jpeg"),
        [b'G', b'I', b'F', b'8', ..] => Some("gif"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("webp"),
        _ => None,
    }
}
