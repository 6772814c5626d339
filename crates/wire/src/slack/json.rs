//! Writing JSON text by hand, for the objects that are written on every call.

/// Appends `s` to `out` as a JSON string with its quotes.
///
/// Only what JSON demands is escaped: quotes, backslashes and control characters. Runs in between are copied whole.
pub fn push_string(out: &mut String, s: &str) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in s.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&s[copied..at]);
        push_escape(out, byte);
        copied = at + 1;
    }
    out.push_str(&s[copied..]);
    out.push('"');
}

/// Appends `,"name":"value"`, or `"name":"value"` right after an opening brace.
pub fn push_member(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    push_string(out, value);
}

/// Appends `,"name":value` where `value` is JSON text already.
pub fn push_raw(out: &mut String, name: &str, value: &str) {
    push_name(out, name);
    out.push_str(value);
}

/// Appends the name of a member, with a comma unless it is the object's first.
pub(crate) fn push_name(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push('"');
    out.push_str(name);
    out.push_str("\":");
}

fn push_escape(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.push_str("\\\""),
        b'\\' => out.push_str("\\\\"),
        b'\n' => out.push_str("\\n"),
        b'\r' => out.push_str("\\r"),
        b'\t' => out.push_str("\\t"),
        _ => {
            out.push_str("\\u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_read_back_the_same() {
        for s in
            ["", "plain", "a\"b\\c", "line\nline\ttab\r", "\u{0}\u{1f}\u{7f}", "grüße 🎉", "\"", "\u{2028}"]
        {
            let mut out = String::new();
            push_string(&mut out, s);
            assert_eq!(serde_json::from_str::<String>(&out).unwrap(), s, "{out}");
        }
    }

    #[test]
    fn members_are_joined_with_commas() {
        let mut out = String::from("{");
        push_member(&mut out, "a", "x");
        push_raw(&mut out, "b", "[1]");
        assert_eq!(out, r#"{"a":"x","b":[1]"#);
    }
}
