//! What the platform calls a file's type, by the end of its name.

/// A type of files.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kind {
    /// `filetype`.
    pub filetype: &'static str,
    /// `mimetype`.
    pub mimetype: &'static str,
    /// `pretty_type`, for people.
    pub pretty: &'static str,
}

/// By the ending, in small letters.
const KINDS: [(&str, &str, &str, &str); 22] = [
    ("css", "css", "text/css", "CSS"),
    ("csv", "csv", "text/csv", "CSV"),
    (
        "docx",
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "Word Document",
    ),
    ("gif", "gif", "image/gif", "GIF"),
    ("gz", "gzip", "application/gzip", "Gzip"),
    ("html", "html", "text/html", "HTML"),
    ("jpeg", "jpg", "image/jpeg", "JPEG"),
    ("jpg", "jpg", "image/jpeg", "JPEG"),
    ("js", "javascript", "text/javascript", "JavaScript"),
    ("json", "json", "application/json", "JSON"),
    ("log", "text", "text/plain", "Plain Text"),
    ("md", "markdown", "text/markdown", "Markdown (raw)"),
    ("mp3", "mp3", "audio/mpeg", "MP3"),
    ("mp4", "mp4", "video/mp4", "MPEG 4 Video"),
    ("pdf", "pdf", "application/pdf", "PDF"),
    ("png", "png", "image/png", "PNG"),
    ("py", "python", "text/x-python", "Python"),
    ("svg", "svg", "image/svg+xml", "SVG"),
    ("txt", "text", "text/plain", "Plain Text"),
    (
        "xlsx",
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "Excel Spreadsheet",
    ),
    ("yaml", "yaml", "text/yaml", "YAML"),
    ("zip", "zip", "application/zip", "Zip"),
];

/// The type of a file of this name.
#[must_use]
pub fn kind_of(name: &str) -> Kind {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let known = ending.and_then(|ending| KINDS.iter().find(|(of, ..)| *of == ending));
    let (_, filetype, mimetype, pretty) =
        known.copied().unwrap_or(("", "binary", "application/octet-stream", "Binary"));
    Kind { filetype, mimetype, pretty }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_the_end_of_the_name() {
        for (name, filetype, mimetype) in [
            ("a.txt", "text", "text/plain"),
            ("A.B.PNG", "png", "image/png"),
            ("photo.JPEG", "jpg", "image/jpeg"),
            ("Makefile", "binary", "application/octet-stream"),
            ("odd.", "binary", "application/octet-stream"),
            ("png", "binary", "application/octet-stream"),
        ] {
            let kind = kind_of(name);
            assert_eq!((kind.filetype, kind.mimetype), (filetype, mimetype), "{name}");
        }
        assert!(KINDS.is_sorted_by_key(|(ending, ..)| ending));
    }
}
