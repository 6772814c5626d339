use super::*;

const TABLE: &[(&str, &str)] = &[
    ("", ""),
    ("plain grüße 🎉", "plain grüße 🎉"),
    ("a & b &amp; &lt; &copy;", "a &amp; b &amp; &lt; &amp;copy;"),
    ("1 < 2 > 0", "1 &lt; 2 &gt; 0"),
    ("<b>x</b>", "&lt;b&gt;x&lt;/b&gt;"),
    ("<@U1> <#C1|ops> <!here> <!subteam^S1>", "<@U1> <#C1|ops> <!here> <!subteam^S1>"),
    ("<https://x.example?a=1&b=2|a & b>", "<https://x.example?a=1&amp;b=2|a &amp; b>"),
    ("see https://x.example", "see <https://x.example>"),
    ("see https://x.example/a?b=1&c=2.", "see <https://x.example/a?b=1&amp;c=2>."),
    ("(https://x.example/a_(b))", "(<https://x.example/a_(b)>)"),
    ("*https://x.example*", "*<https://x.example>*"),
    ("_https://x.example_", "_<https://x.example>_"),
    ("https://x.example/a_", "<https://x.example/a_>"),
    ("https://x.example>", "<https://x.example>&gt;"),
    ("&lt;https://x.example&gt;", "&lt;<https://x.example>&gt;"),
    ("HTTPS://X.example!", "<HTTPS://X.example>!"),
    ("xhttps://x.example", "xhttps://x.example"),
    ("https:// http://.", "https:// http://."),
    ("www.x.example, www.x", "<http://www.x.example|www.x.example>, www.x"),
    ("x.example #ops @here", "x.example #ops @here"),
    ("`https://x.example` https://y.example", "`https://x.example` <https://y.example>"),
    (
        "```\nhttps://x.example\n``` www.y.example",
        "```\nhttps://x.example\n``` <http://www.y.example|www.y.example>",
    ),
    ("``` https://x.example", "``` <https://x.example>"),
    ("` https://x.example\n` b", "` <https://x.example>\n` b"),
    ("`a <https://x.example|b`c>", "`a &lt;https://x.example|b`c&gt;"),
    ("a\u{0}b\u{7f}\r\nc\td", "ab\nc\td"),
    ("<<https://x.example>>", "&lt;<https://x.example>&gt;"),
    ("<!date^1700000000^{date}^https://x.example|x>", "<!date^1700000000^{date}^https://x.example|x>"),
    ("https://x.example/&amp;", "<https://x.example/&amp;>"),
    ("`\u{1}``a``\u{2}` https://x.example", "```a``` <https://x.example>"),
];

fn resolve(name: &str) -> Option<String> {
    (name == "ops").then(|| "C01OPS".to_owned())
}

const NAMES: Names<'_> = Names { channel: &resolve };

#[test]
fn default_form() {
    for (given, wanted) in TABLE {
        assert_eq!(normalise(given, Parse::Default, false, &NAMES), *wanted, "{given}");
        assert_eq!(normalise(given, Parse::Client, false, &NAMES), *wanted, "{given}");
    }
}

#[test]
fn the_stored_form_is_stable() {
    let pieces = [
        "`",
        "<",
        ">",
        "https://a.example",
        "&",
        " ",
        "\n",
        "*",
        "|",
        ")",
        "www.b.example",
        "@U1",
        "```",
        "_",
    ];
    let mut texts: Vec<String> = TABLE.iter().map(|(given, _)| (*given).to_owned()).collect();
    for a in pieces {
        for b in pieces {
            for c in pieces {
                texts.extend(pieces.iter().map(|d| format!("{a}{b}{c}{d}")));
            }
        }
    }
    for text in texts {
        for parse in [Parse::Default, Parse::None] {
            let once = normalise(&text, parse, false, &NAMES);
            assert_eq!(normalise(&once, parse, false, &NAMES), once, "{text:?}");
        }
    }
}

#[test]
fn other_modes() {
    let cases = [
        (Parse::None, false, "https://x.example <b", "https://x.example &lt;b"),
        (Parse::Default, true, "#ops #nope a#ops @here @herein", "<#C01OPS> #nope a#ops <!here> @herein"),
        (Parse::Default, true, "@here@here <@U1>@here #ops@here", "<!here>@here <@U1>@here <#C01OPS>@here"),
        (Parse::None, true, "@channel, a@everyone.example", "<!channel>, a@everyone.example"),
        (
            Parse::Full,
            false,
            "<@U1> x.example/a, node.js",
            "&lt;@U1&gt; <http://x.example/a|x.example/a>, node.js",
        ),
        (Parse::Full, false, "#ops ann@x.example e.g. this", "<#C01OPS> ann@x.example e.g. this"),
    ];
    for (parse, link_names, given, wanted) in cases {
        assert_eq!(normalise(given, parse, link_names, &NAMES), wanted, "{given}");
    }
}

#[test]
fn long_hostile_texts_take_linear_time() {
    for piece in
        ["<", "`", "```", "a.", "https://", "#", ":", "&", "www.", "*a ", "&gt;", "<!", "```a```", "(", "_"]
    {
        let text = piece.repeat(200_000 / piece.len());
        for parse in [Parse::Default, Parse::Full] {
            normalise(&text, parse, true, &NAMES);
        }
        plain(&text);
    }
}

#[test]
fn plain_text() {
    let cases = [
        ("a &lt;b&gt; &amp;amp;", "a <b> &amp;"),
        ("*a* _b_ ~c~ `d*`", "a b c d*"),
        ("<https://x.example|x &amp; y> <https://x.example>", "x & y https://x.example"),
        ("<@U1> <@U1|ann> <#C1|ops> <!here> <!subteam^S1|@devs>", "@U1 @ann #ops @here @devs"),
        ("&gt; q\nx\n```\nc\n```", "q\nx\nc"),
        ("<!date^1^{date}|Nov 14> :tada:", "Nov 14 :tada:"),
    ];
    for (given, wanted) in cases {
        assert_eq!(plain(given), wanted, "{given}");
    }
}

#[test]
fn cutting() {
    for (text, max, wanted) in [
        ("abc", 3, None),
        ("abcd", 3, Some("abc")),
        ("äöü", 3, None),
        ("äöüß", 3, Some("äöü")),
        ("", 0, None),
        ("a", 0, Some("")),
    ] {
        assert_eq!(truncate_chars(text, max), wanted, "{text}");
        assert_eq!(chars_over(text, max), wanted.is_some(), "{text}");
    }
}
