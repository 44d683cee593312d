//! Binary arguments in JSON: `{"$base64":"…"}` for each, wherever it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use socketio::codec::{Arguments, pieces};

/// What was wrong with one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NoBase64;

/// Puts placeholders, as they are on the wire, where bytes are, and gives these. `json` has to be right.
///
/// One pass, and no recursion: whoever nests deeply is told by who looks at the nesting.
pub(crate) fn extract(json: &str) -> Result<(String, Vec<Bytes>), NoBase64> {
    let (mut out, mut attachments) = (String::with_capacity(json.len()), Vec::new());
    let (text, mut at, mut copied) = (json.as_bytes(), 0, 0);
    while let Some(byte) = text.get(at) {
        at = match byte {
            // What is in a text is no structure.
            b'"' => pieces::value_end(text, at, 1).map_err(|_| NoBase64)?,
            b'{' => match bytes_at(json, at)? {
                Some((bytes, end)) => {
                    out.push_str(json.get(copied..at).unwrap_or_default());
                    out.push_str(&format!("{{\"_placeholder\":true,\"num\":{}}}", attachments.len()));
                    attachments.push(bytes);
                    copied = end;
                    end
                }
                None => at + 1,
            },
            _ => at + 1,
        };
    }
    out.push_str(json.get(copied..).unwrap_or_default());
    Ok((out, attachments))
}

/// The bytes that the object at `at` stands for, if it does, and where it ends.
fn bytes_at(json: &str, at: usize) -> Result<Option<(Bytes, usize)>, NoBase64> {
    let text = json.as_bytes();
    let skip = |at| pieces::skip_whitespace(text, at);
    let key = skip(at + 1);
    if !json.get(key..).is_some_and(|rest| rest.starts_with(KEY)) {
        return Ok(None);
    }
    let colon = skip(key + KEY.len());
    let start = skip(colon + 1);
    if text.get(start) != Some(&b'"') {
        return Err(NoBase64);
    }
    let end = pieces::value_end(text, start, 1).map_err(|_| NoBase64)?;
    let close = skip(end);
    // Something beside it would be lost.
    if text.get(close) != Some(&b'}') {
        return Err(NoBase64);
    }
    let literal = json.get(start..end).ok_or(NoBase64)?;
    let bytes = STANDARD.decode(&*pieces::unescape(literal)).map_err(|_| NoBase64)?;
    Ok(Some((bytes.into(), close + 1)))
}

/// The same way back: arguments as a JSON array.
pub(crate) fn shown(arguments: &Arguments) -> String {
    arguments.to_json_with(|bytes, json| {
        json.push('{');
        json.push_str(KEY);
        json.push_str(":\"");
        STANDARD.encode_string(bytes, json);
        json.push_str("\"}");
    })
}

const KEY: &str = "\"$base64\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_found_wherever_they_are_and_shown_as_they_came() {
        let json = r#"[1,{"a":[{"$base64":"AAH/"}]},"{\"$base64\":\"x\"}",{ "$base64" : "" }]"#;
        let (text, attachments) = extract(json).unwrap();
        assert_eq!(
            text,
            r#"[1,{"a":[{"_placeholder":true,"num":0}]},"{\"$base64\":\"x\"}",{"_placeholder":true,"num":1}]"#
        );
        assert_eq!(attachments, [&[0, 1, 255][..], &[]]);
        let arguments = Arguments::with_attachments(text.into(), attachments).unwrap();
        assert_eq!(shown(&arguments), json.replace("{ \"$base64\" : \"\" }", "{\"$base64\":\"\"}"));
    }

    #[test]
    fn what_is_no_base64_is_said() {
        for json in
            [r#"[{"$base64":1}]"#, r#"[{"$base64":"?"}]"#, r#"[{"$base64":"AA==","b":1}]"#, r#"[{"$base64":"AAH"}]"#]
        {
            assert_eq!(extract(json), Err(NoBase64), "{json}");
        }
        for json in ["[]", r#"[{"b":1,"$base64":"AA=="}]"#, r#"[{"$base64x":1}]"#] {
            assert_eq!(extract(json).unwrap(), (json.to_owned(), Vec::new()));
        }
    }
}
