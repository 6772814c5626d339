//! Slack's way of writing text: three escaped characters, and references in angle brackets.

use crate::activity::{ChannelAccount, Entity};

/// Escapes what Slack would read as markup of its own.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
}

/// A text as people wrote it, and whom it mentions. A mention stays in the text as `<@U…>`, which its entity names.
pub(super) fn read(text: &str) -> (String, Vec<Entity>) {
    let mut read = String::with_capacity(text.len());
    let mut mentions = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        let Some(length) = rest[start..].find('>') else { break };
        let (before, found) = (&rest[..start], &rest[start + 1..start + length]);
        read.push_str(&unescape(before));
        read.push_str(&reference(found, &mut mentions));
        rest = &rest[start + length + 1..];
    }
    read.push_str(&unescape(rest));
    (read, mentions)
}

/// The content of angle brackets, as people see it.
fn reference(found: &str, mentions: &mut Vec<Entity>) -> String {
    let (what, label) = match found.split_once('|') {
        Some((what, label)) => (what, Some(unescape(label)).filter(|label| !label.is_empty())),
        None => (found, None),
    };
    if let Some(id) = what.strip_prefix('@') {
        let words = format!("<@{id}>");
        mentions.push(Entity {
            r#type: Some("mention".to_owned()),
            mentioned: Some(ChannelAccount { name: label, ..ChannelAccount::new(id) }),
            text: Some(words.clone()),
            ..Entity::default()
        });
        return words;
    }
    if what.starts_with('#') {
        return label.map_or_else(|| format!("<{what}>"), |name| format!("#{name}"));
    }
    if let Some(special) = what.strip_prefix('!') {
        let known = matches!(special, "here" | "channel" | "everyone");
        return match label {
            Some(label) => label,
            None if known => format!("@{special}"),
            None => format!("<{what}>"),
        };
    }
    let address = unescape(what);
    match label {
        // Slack labels what it linked by itself with the words that stood there.
        Some(label) if address.ends_with(&label) => label,
        Some(label) => format!("{label} ({address})"),
        None => address,
    }
}

/// When a `ts` was, in UTC, as ISO 8601 has it. `None` if it is none.
pub(super) fn time_of(ts: &str) -> Option<String> {
    let (seconds, fraction) = ts.split_once('.').unwrap_or((ts, "0"));
    let seconds: i64 = seconds.parse().ok()?;
    let millis: u32 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    // Beyond the year 9999 there is no such form.
    if !(0..253_402_300_800).contains(&seconds) {
        return None;
    }
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z"))
}

/// The date of a day since 1970, by counting from a first of March, so that leap days come last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * shifted + 2) / 5 + 1, (shifted + 2) % 12 + 1);
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn text_as_people_wrote_it() {
        for (text, expected) in [
            ("plain", "plain"),
            ("a &lt;b&gt; &amp;amp; c", "a <b> &amp; c"),
            ("see <https://x.example/?a=1&amp;b=2>", "see https://x.example/?a=1&b=2"),
            ("see <http://x.example|x.example>", "see x.example"),
            ("see <https://x.example|the page>", "see the page (https://x.example)"),
            ("<mailto:a@x.example|a@x.example>", "a@x.example"),
            ("in <#C01OPS|ops> and <#C01OPS> and <#C01OPS|>", "in #ops and <#C01OPS> and <#C01OPS>"),
            ("<!here> <!subteam^S01|@oncall> <!subteam^S01>", "@here @oncall <!subteam^S01>"),
            ("<@U01BOT> hi <@U01BEN|ben>", "<@U01BOT> hi <@U01BEN>"),
            ("open < and <unclosed", "open < and <unclosed"),
            ("", ""),
        ] {
            assert_eq!(read(text).0, expected, "{text}");
        }
        let (_, mentions) = read("<@U01BOT> hi <@U01BEN|ben>");
        let ids: Vec<_> = mentions.iter().map(|it| it.mentioned.clone().unwrap().id.unwrap()).collect();
        assert_eq!(ids, ["U01BOT", "U01BEN"]);
        assert_eq!(unescape(&escape("a < b && c > d &lt;")), "a < b && c > d &lt;");
    }

    #[test]
    fn times() {
        for (ts, expected) in [
            ("1700000000.000100", Some("2023-11-14T22:13:20.000Z")),
            ("1709164800.999900", Some("2024-02-29T00:00:00.999Z")),
            ("0", Some("1970-01-01T00:00:00.000Z")),
            ("951782400", Some("2000-02-29T00:00:00.000Z")),
            ("253402300799.5", Some("9999-12-31T23:59:59.500Z")),
            ("253402300800", None),
            ("-1", None),
            ("1.é", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(time_of(ts).as_deref(), expected, "{ts}");
        }
    }
}
