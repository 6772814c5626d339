use super::*;

#[test]
fn segments_of_a_text() {
    use Segment::{Preformatted, Quote, Section};
    let cases: Vec<(&str, Vec<Segment<'_>>)> = vec![
        ("", vec![]),
        ("a\nb", vec![Section("a\nb")]),
        ("a\n&gt; q1\n>q2\nb", vec![Section("a"), Quote("q1\nq2".into()), Section("b")]),
        ("&gt;&gt;&gt; q1\nq2", vec![Quote("q1\nq2".into())]),
        ("x ```\ncode\n``` y", vec![Section("x "), Preformatted("code"), Section(" y")]),
        ("&gt; a\n\n&gt; b", vec![Quote("a".into()), Section(""), Quote("b".into())]),
        ("``` open", vec![Section("``` open")]),
        ("``````", vec![Section("``````")]),
    ];
    for (text, wanted) in cases {
        assert_eq!(segments(text), wanted, "{text}");
    }
}

#[test]
fn styles_need_partners_and_edges() {
    let cases = [
        ("*a*", vec![("a", "b")]),
        ("x*a*", vec![("x*a*", "")]),
        ("*a", vec![("*a", "")]),
        ("*_a_ b*", vec![("a", "bi"), (" b", "b")]),
        ("*a\nb*", vec![("*a\nb*", "")]),
        ("**a**", vec![("**a**", "")]),
        ("snake_case_name", vec![("snake_case_name", "")]),
        ("~a~, _b_", vec![("a", "s"), (", ", ""), ("b", "i")]),
        ("*a _b* c_", vec![("a _b", "b"), (" c_", "")]),
        ("12:30:45", vec![("12:30:45", "")]),
    ];
    for (text, wanted) in cases {
        let got: Vec<(String, String)> = leaves(text).iter().map(shown).collect();
        let wanted: Vec<(String, String)> =
            wanted.into_iter().map(|(t, s)| (t.to_owned(), s.to_owned())).collect();
        assert_eq!(got, wanted, "{text}");
    }
}

#[test]
fn angles_that_mean_something() {
    for valid in [
        "@U1",
        "@U1|ann",
        "#C01|ops",
        "!here",
        "!subteam^S1",
        "!date^1^{date}|x",
        "https://x.example|y",
        "mailto:a@b",
    ] {
        assert!(angle(valid).is_some(), "{valid}");
    }
    for invalid in
        ["", "@", "@ann", "b", "T::Item", "https://", "a b://c", "!date^x^y|z", "!date^1^y", "!foo", "|"]
    {
        assert!(angle(invalid).is_none(), "{invalid}");
    }
}

fn shown(leaf: &Leaf<'_>) -> (String, String) {
    let Kind::Text(text) = leaf.kind else { panic!("not a text: {leaf:?}") };
    let marks = [(leaf.style.bold, 'b'), (leaf.style.italic, 'i'), (leaf.style.strike, 's')];
    (text.to_owned(), marks.iter().filter(|(on, _)| *on).map(|(_, mark)| mark).collect())
}
