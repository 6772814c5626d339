//! Uploaded attachments, and transcripts: what bots hand in beside activities.

use super::fault::{ActivityFault, syntax};
use super::json::get;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How many activities a transcript may hold.
pub const TRANSCRIPT_ACTIVITIES_MAX: usize = 500;

/// The body of an upload. The pictures stay in base64, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttachmentData {
    /// `type`: a MIME type.
    pub kind: Option<String>,
    /// `name`.
    pub name: Option<String>,
    /// `originalBase64`.
    pub original_base64: String,
    /// `thumbnailBase64`.
    pub thumbnail_base64: Option<String>,
}

impl AttachmentData {
    /// Reads an upload. Member names match in any case, `null` counts as absent.
    ///
    /// # Errors
    ///
    /// `BadSyntax` unless it is an object with `originalBase64`, all members being strings.
    pub fn parse(body: &[u8]) -> Result<AttachmentData, ActivityFault> {
        let unreadable = |error| syntax(format!("Attachment is not valid JSON: {error}"));
        let object: Map<String, Value> = serde_json::from_slice(body).map_err(unreadable)?;
        let missing = || syntax("Attachment must have 'originalBase64'".to_owned());
        Ok(AttachmentData {
            kind: string(&object, "type")?,
            name: string(&object, "name")?,
            original_base64: string(&object, "originalBase64")?.ok_or_else(missing)?,
            thumbnail_base64: string(&object, "thumbnailBase64")?,
        })
    }
}

/// The answer to `GET /v3/attachments/{id}`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AttachmentInfo<'a> {
    /// The file name, if the bot gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// MIME type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
    /// What can be fetched.
    pub views: Vec<AttachmentView>,
}

/// One form of an attachment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AttachmentView {
    /// [`ORIGINAL`] or [`THUMBNAIL`].
    pub view_id: &'static str,
    /// How many bytes the view has.
    pub size: u64,
}

/// The view that is the attachment itself.
pub const ORIGINAL: &str = "original";
/// The view that is its small picture.
pub const THUMBNAIL: &str = "thumbnail";

/// Reads a transcript: its activities as they came, in order.
///
/// # Errors
///
/// `BadSyntax` unless it is `{"activities": [...]}` with at most [`TRANSCRIPT_ACTIVITIES_MAX`] of them.
pub fn transcript(body: &[u8]) -> Result<Vec<Box<RawValue>>, ActivityFault> {
    #[derive(Deserialize)]
    struct Transcript {
        #[serde(alias = "Activities")]
        activities: Vec<Box<RawValue>>,
    }
    let unreadable = |error| syntax(format!("Transcript is not valid: {error}"));
    let transcript: Transcript = serde_json::from_slice(body).map_err(unreadable)?;
    match transcript.activities.len() <= TRANSCRIPT_ACTIVITIES_MAX {
        true => Ok(transcript.activities),
        false => Err(syntax(format!("Transcript has more than {TRANSCRIPT_ACTIVITIES_MAX} activities"))),
    }
}

fn string(object: &Map<String, Value>, name: &str) -> Result<Option<String>, ActivityFault> {
    match get(object, name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(syntax(format!("Attachment member '{name}' must be a string"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads() {
        let body = br#"{"type":"image/png","name":"a.png","OriginalBase64":"QUJD","thumbnailBase64":null}"#;
        let wanted = AttachmentData {
            kind: Some("image/png".into()),
            name: Some("a.png".into()),
            original_base64: "QUJD".into(),
            thumbnail_base64: None,
        };
        assert_eq!(AttachmentData::parse(body), Ok(wanted));
        for (body, part) in [
            ("", "valid JSON"),
            ("[]", "valid JSON"),
            ("{}", "'originalBase64'"),
            (r#"{"originalBase64":[1]}"#, "'originalBase64' must be a string"),
            (r#"{"originalBase64":"","name":1}"#, "'name'"),
        ] {
            let fault = AttachmentData::parse(body.as_bytes()).unwrap_err();
            assert_eq!(fault.code, "BadSyntax");
            assert!(fault.message.contains(part), "{fault:?}");
        }
    }

    #[test]
    fn info() {
        let views = vec![
            AttachmentView { view_id: ORIGINAL, size: 3 },
            AttachmentView { view_id: THUMBNAIL, size: 1 },
        ];
        let info = AttachmentInfo { name: Some("a.png"), kind: Some("image/png"), views };
        assert_eq!(
            serde_json::to_string(&info).unwrap(),
            r#"{"name":"a.png","type":"image/png","views":[{"viewId":"original","size":3},{"viewId":"thumbnail","size":1}]}"#
        );
    }

    #[test]
    fn transcripts() {
        let activities = transcript(br#"{"activities":[{"b": 1},{"a":2}]}"#).unwrap();
        assert_eq!(activities[0].get(), r#"{"b": 1}"#);
        assert_eq!(activities.len(), 2);
        let many = |count: usize| format!(r#"{{"activities":[{}]}}"#, vec!["1"; count].join(","));
        assert!(transcript(many(TRANSCRIPT_ACTIVITIES_MAX).as_bytes()).is_ok());
        for (body, part) in
            [("{}", "activities"), ("7", "valid"), (&many(TRANSCRIPT_ACTIVITIES_MAX + 1), "more than")]
        {
            let fault = transcript(body.as_bytes()).unwrap_err();
            assert!(fault.code == "BadSyntax" && fault.message.contains(part), "{fault:?}");
        }
    }
}
