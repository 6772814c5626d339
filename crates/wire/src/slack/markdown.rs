//! Markdown that Slack takes in `markdown_text` and `markdown` blocks.

use crate::prose::markdown::{self, Besides};
use crate::prose::mentions::Mentions;
use crate::prose::mrkdwn;

/// Translates Markdown (with strike-through, tables and task lists) to mrkdwn in the stored, escaped form.
///
/// Headings become bold lines, tables preformatted text, images links; a relative address is shown behind its label.
/// Slack's own `<@U…>`, `<#C…>` and `<!…>` stay.
pub fn to_mrkdwn(markdown: &str) -> String {
    mrkdwn::write(&markdown::read(markdown, Besides::SlackSyntax, &Mentions::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_markdown() {
        let cases = [
            ("", ""),
            ("**x**", "*x*"),
            ("*i* _i_ ~~s~~ `c<d`", "_i_ _i_ ~s~ `c&lt;d`"),
            ("[t](https://x.example?a=1&b=2)", "<https://x.example?a=1&amp;b=2|t>"),
            ("<https://x.example>", "<https://x.example>"),
            ("[**b**](https://x.example)", "<https://x.example|b>"),
            ("[t](docs/a.md) <ann@x.example>", "t (docs/a.md) <mailto:ann@x.example>"),
            ("![alt](https://x.example/i.png)", "<https://x.example/i.png|alt>"),
            ("# Head **b**\n\ntext", "*Head b*\n\ntext"),
            ("a\nb\n\nc & <d>", "a\nb\n\nc &amp; &lt;d&gt;"),
            ("- a\n- b\n  1. c\n  2. d\n\nend", "• a\n• b\n    1. c\n    2. d\n\nend"),
            ("- a\n\n  more\n- b", "• a\n    more\n• b"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("> q1\n> q2\n\nx", "&gt; q1\n&gt; q2\n\nx"),
            ("```rust\na < b\n```", "```\na &lt; b\n```"),
            ("|a|b|\n|-|-|\n|long|x|", "```\na    | b\nlong | x\n```"),
            ("- [x] done", "• [x] done"),
            ("hi <@U1> and <!here>", "hi <@U1> and <!here>"),
            ("a &amp;lt; b", "a &amp;lt; b"),
            ("x\n\n---\n\ny", "x\n\n---\n\ny"),
        ];
        for (given, wanted) in cases {
            assert_eq!(to_mrkdwn(given), wanted, "{given}");
        }
    }

    #[test]
    fn long_hostile_texts_are_survived() {
        for piece in ["> ", "- ", "[", "![", "*a ", "|a", "`", "<", "1. ", "**", "[a](b) ", "\n>", "&"] {
            let _ = to_mrkdwn(&piece.repeat(30_000 / piece.len()));
        }
    }
}
