//! Bytes -> text.

use std::borrow::Cow;

use crate::diagnostic::{Diagnostic, Fault};

/// The text of a file. When its bytes are not UTF-8 there is a diagnostic, and the text is what can be shown of it.
pub fn decode<'a>(file: &str, bytes: &'a [u8]) -> (Cow<'a, str>, Option<Diagnostic>) {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return (Cow::Borrowed(text), None),
        Err(error) => error,
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        let diagnostic = Diagnostic::of_file(
            "file::encoding",
            file,
            "this file is saved as UTF-16; Herald reads UTF-8",
        )
        .help("save it again with the encoding UTF-8 (in VS Code: click the encoding in the bar at the bottom)");
        return (Cow::Borrowed(""), Some(diagnostic));
    }
    let text = String::from_utf8_lossy(bytes);
    // Everything before the first bad byte is as it was, so its offset is the same in the text that is shown.
    let start = error.valid_up_to();
    let span = start..start + char::REPLACEMENT_CHARACTER.len_utf8();
    let line = 1 + bytes[..start].iter().filter(|byte| **byte == b'\n').count();
    let fault = Fault::error("file::encoding", format!("line {line} holds a byte that is not UTF-8"))
        .label("not a UTF-8 character")
        .help("save the file with the encoding UTF-8 (in VS Code: click the encoding in the bar at the bottom)");
    (text, Some(Diagnostic::located(fault, file, span)))
}
