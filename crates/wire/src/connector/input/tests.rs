use super::*;
use proptest::prelude::*;
use serde_json::json;

fn value(input: Value, given: Option<Value>) -> Result<Option<String>, String> {
    let mut input = input;
    input["id"] = json!("x");
    Input::read(input.as_object().unwrap()).unwrap().value(given.as_ref())
}

fn choices(multiple: bool) -> Value {
    json!({"type": "Input.ChoiceSet", "isMultiSelect": multiple, "choices": [
        {"title": "Red", "value": "r"}, {"title": "Green", "value": "g"}, {"title": "Blue"}]})
}

fn with(mut input: Value, name: &str, value: Value) -> Value {
    input[name] = value;
    input
}

fn of(kind: &str) -> Value {
    json!({"type": format!("Input.{kind}")})
}

#[test]
fn values_that_are_sent() {
    let toggle = json!({"type": "Input.Toggle", "valueOn": "yes", "valueOff": "no"});
    let open = with(choices(false), "choices.data", json!({"type": "Data.Query", "dataset": "d"}));
    for (input, given, wanted) in [
        // Left alone.
        (of("Text"), None, None),
        (with(of("Text"), "value", json!("a")), None, Some("a")),
        (with(of("Number"), "value", json!(5.0)), None, Some("5")),
        (with(of("Number"), "value", json!(0.5)), None, Some("0.5")),
        (with(of("Number"), "value", json!("5")), None, None),
        (with(of("Date"), "value", json!("2026-08-01")), None, Some("2026-08-01")),
        (of("Toggle"), None, Some("false")),
        (with(of("Toggle"), "value", json!("true")), None, Some("true")),
        (with(toggle.clone(), "value", json!("true")), None, Some("no")),
        (with(toggle.clone(), "value", json!("yes")), None, Some("yes")),
        (with(toggle.clone(), "valueOff", json!("")), None, None),
        (choices(false), None, None),
        (with(choices(false), "value", json!("g")), None, Some("g")),
        (with(choices(false), "value", json!("x")), None, None),
        (with(choices(false), "value", json!("r,g")), None, None),
        (with(choices(true), "value", json!("g,x, r")), None, Some("r,g")),
        (with(open.clone(), "value", json!("else")), None, Some("else")),
        // Given.
        (with(of("Text"), "value", json!("a")), Some(json!("b")), Some("b")),
        (with(of("Text"), "value", json!("a")), Some(json!("")), None),
        (with(of("Text"), "value", json!("a")), Some(Value::Null), None),
        (of("Text"), Some(json!(7)), Some("7")),
        (of("Text"), Some(json!(true)), Some("true")),
        (of("Number"), Some(json!(7.25)), Some("7.25")),
        (of("Number"), Some(json!("7")), Some("7")),
        (of("Rating"), Some(json!(5)), Some("5")),
        (of("Date"), Some(json!("2024-02-29")), Some("2024-02-29")),
        (of("Time"), Some(json!("23:59")), Some("23:59")),
        (toggle.clone(), Some(json!(true)), Some("yes")),
        (toggle.clone(), Some(json!("true")), Some("yes")),
        (toggle.clone(), Some(json!("yes")), Some("yes")),
        (with(toggle.clone(), "value", json!("yes")), Some(json!(false)), Some("no")),
        (toggle, Some(json!("false")), Some("no")),
        (choices(false), Some(json!("g")), Some("g")),
        (choices(false), Some(json!("Green")), Some("g")),
        (choices(false), Some(json!("Blue")), Some("Blue")),
        (choices(true), Some(json!(["Blue", "r", "r"])), Some("r,Blue")),
        (choices(true), Some(json!("g, Red")), Some("r,g")),
        (with(choices(true), "value", json!("r")), Some(json!([])), None),
        (open, Some(json!("else")), Some("else")),
    ] {
        assert_eq!(value(input.clone(), given.clone()), Ok(wanted.map(str::to_owned)), "{input} {given:?}");
    }
}

#[test]
fn values_that_are_refused() {
    let required = |input: Value| with(input, "isRequired", json!(true));
    let bounded = |kind: &str, min: Value, max: Value| with(with(of(kind), "min", min), "max", max);
    for (input, given, part) in [
        (required(of("Text")), None, "input 'x' is required"),
        (required(with(of("Text"), "value", json!("a"))), Some(json!("")), "is required"),
        (required(of("Number")), None, "is required"),
        (required(choices(true)), Some(json!([])), "is required"),
        (required(of("Toggle")), None, "has to be on"),
        (required(with(of("Text"), "errorMessage", json!("Say it"))), None, "(“Say it”)"),
        (with(of("Text"), "maxLength", json!(3)), Some(json!("🎉🎉")), "at most 3"),
        (with(of("Text"), "regex", json!("^[0-9]{2}$")), Some(json!("123")), "the pattern"),
        (with(of("Text"), "regex", json!("(?=.*[A-Z])")), Some(json!("abc")), "the pattern"),
        (of("Text"), Some(json!([])), "takes a text"),
        (of("Number"), Some(json!("x")), "takes a number"),
        (of("Number"), Some(json!("inf")), "takes a number"),
        (of("Number"), Some(json!(true)), "takes a number"),
        (bounded("Number", json!(1), json!(3)), Some(json!(0.9)), "nothing below 1"),
        (bounded("Number", json!(1), json!(3)), Some(json!("4")), "nothing above 3"),
        (of("Rating"), Some(json!(6)), "nothing above 5"),
        (of("Date"), Some(json!("2026-02-29")), "a date"),
        (of("Date"), Some(json!("1.2.2026")), "a date"),
        (of("Date"), Some(json!(2026)), "takes a text"),
        (bounded("Date", json!("2026-02-01"), json!("x")), Some(json!("2026-01-31")), "below 2026-02-01"),
        (bounded("Date", json!("x"), json!("2026-02-01")), Some(json!("2026-02-02")), "above 2026-02-01"),
        (of("Time"), Some(json!("24:00")), "a time"),
        (of("Time"), Some(json!("7:30")), "a time"),
        (of("Time"), Some(json!("07:60")), "a time"),
        (bounded("Time", json!("08:00"), json!("17:00")), Some(json!("07:59")), "below 08:00"),
        (bounded("Time", json!("08:00"), json!("17:00")), Some(json!("17:01")), "above 17:00"),
        (of("Toggle"), Some(json!("maybe")), "on ('true') or off ('false')"),
        (of("Toggle"), Some(json!(1)), "on ('true') or off ('false')"),
        (choices(false), Some(json!("x")), "no choice 'x'; there is 'r', 'g', 'Blue'"),
        (choices(false), Some(json!("r,g")), "no choice 'r,g'"),
        (choices(false), Some(json!(["r"])), "the value of a choice"),
        (choices(true), Some(json!(["r", null])), "the value of a choice"),
        // A default that breaks the card's own rules.
        (with(bounded("Number", json!(1), json!(3)), "value", json!(9)), None, "nothing above 3"),
    ] {
        let words = value(input.clone(), given.clone()).unwrap_err();
        assert!(words.contains(part), "{input} {given:?}: {words}");
    }
}

#[test]
fn patterns_from_bots() {
    let fits =
        |regex: &str, text: &str| value(with(of("Text"), "regex", json!(regex)), Some(json!(text))).is_ok();
    assert!(fits(r"^\d{3}-\d{3}-\d{4}$", "425-555-1234"));
    assert!(fits(r"^(?=.*[A-Z])(?=.*\d).{8,}$", "Secret123"));
    assert!(!fits(r"^(?=.*[A-Z])(?=.*\d).{8,}$", "secret123"));
    // Not understood, or too long to try: nothing is checked.
    assert!(fits("(", "x"));
    assert!(fits(r"^((a+)+\2)+c$", &"a".repeat(33)));
}

proptest! {
    /// A value that a client sends is one that it sends again, and never empty.
    #[test]
    fn values_are_stable(
        kind in prop::sample::select(vec!["Text", "Number", "Date", "Time", "Toggle", "ChoiceSet"]),
        multiple in any::<bool>(),
        preset in "[rgx0-9:,-]{0,6}",
        given in prop_oneof!["[rgx0-9:,-]{0,6}".prop_map(Value::from), any::<i32>().prop_map(Value::from),
                             any::<bool>().prop_map(Value::from), Just(json!(["g", "r"]))],
    ) {
        let mut input = choices(multiple);
        input["type"] = json!(format!("Input.{kind}"));
        input["value"] = json!(preset);
        for given in [None, Some(given)] {
            if let Ok(Some(sent)) = value(input.clone(), given) {
                prop_assert!(!sent.is_empty());
                prop_assert_eq!(value(input.clone(), Some(json!(sent))), Ok(Some(sent.clone())));
            }
        }
    }
}
