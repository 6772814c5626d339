//! What the elements that take something from a person may say about it.

use super::{Check, Object, Optional, Required, is_missing};
use serde_json::Value;

/// The longest text that a person may be asked for.
const TEXT_MAX: u64 = 3_000;

impl Check<'_> {
    /// The rules of an element of this kind beside those of its texts and options.
    pub(super) fn input_rules(&mut self, kind: &str, element: &mut Object) {
        match kind {
            "plain_text_input" => self.text_input(element),
            "number_input" => {
                if is_missing(element, "is_decimal_allowed") {
                    self.missing("is_decimal_allowed");
                }
                self.boolean(element, "is_decimal_allowed");
                for name in ["initial_value", "min_value", "max_value"] {
                    self.fits(element, name, "must be a number in a string", |value| {
                        value.as_str().is_some_and(|text| text.parse::<f64>().is_ok_and(f64::is_finite))
                    });
                }
            }
            "datepicker" => self.fits(element, "initial_date", "must be a day, YYYY-MM-DD", |value| {
                value.as_str().is_some_and(is_day)
            }),
            "timepicker" => self.fits(element, "initial_time", "must be a time, HH:mm", |value| {
                value.as_str().is_some_and(is_time)
            }),
            "datetimepicker" => {
                self.fits(
                    element,
                    "initial_date_time",
                    "must be a time in Unix seconds of 10 digits",
                    |value| value.as_i64().is_some_and(is_moment),
                );
            }
            "static_select" | "radio_buttons" => self.initial(element, "initial_option", false),
            "multi_static_select" | "checkboxes" => self.initial(element, "initial_options", true),
            _ => {}
        }
        if kind.starts_with("multi_") {
            self.range(element, "max_selected_items", 1, u64::MAX);
        }
        if kind.ends_with("external_select") {
            self.range(element, "min_query_length", 0, u64::MAX);
        }
    }

    fn text_input(&mut self, element: &mut Object) {
        self.boolean(element, "multiline");
        self.string_min(element, "initial_value", Optional, 0, 3_000);
        self.range(element, "min_length", 0, TEXT_MAX);
        self.range(element, "max_length", 1, TEXT_MAX);
        let length = |name| element.get(name).and_then(Value::as_u64);
        if let (Some(min), Some(max)) = (length("min_length"), length("max_length"))
            && max < min
        {
            self.fail_at("min_length", "must be no more than max_length");
        }
        self.object(element, "dispatch_action_config", Optional, |check, config| {
            check.list(config, "trigger_actions_on", Required, 2, |check, on| {
                if !matches!(on.as_str(), Some("on_enter_pressed" | "on_character_entered")) {
                    check.fail("must be one of on_enter_pressed, on_character_entered");
                }
            });
        });
    }

    pub(super) fn boolean(&mut self, object: &Object, name: &str) {
        self.fits(object, name, "must provide a boolean", Value::is_boolean);
    }

    fn range(&mut self, object: &Object, name: &str, min: u64, max: u64) {
        let reason = match max {
            u64::MAX => format!("must be a whole number from {min} on"),
            _ => format!("must be a whole number from {min} to {max}"),
        };
        self.fits(object, name, &reason, |value| {
            value.as_u64().is_some_and(|value| (min..=max).contains(&value))
        });
    }

    fn fits(&mut self, object: &Object, name: &str, reason: &str, fits: impl Fn(&Value) -> bool) {
        if object.get(name).is_some_and(|value| !value.is_null() && !fits(value)) {
            self.fail_at(name, reason);
        }
    }

    /// What is chosen at first has to be one of the options, word for word.
    fn initial(&mut self, element: &mut Object, name: &str, several: bool) {
        let Some(given) = element.get(name).filter(|given| !given.is_null()) else { return };
        let given = match (given, several) {
            (Value::Array(list), true) => list.clone(),
            (Value::Object(_), false) => vec![given.clone()],
            (_, true) => return self.fail_at(name, "must provide an array"),
            (_, false) => return self.fail_at(name, "must provide an object"),
        };
        let is_option = |given: &Value| {
            let alike = |option: &Value| {
                option.get("value") == given.get("value")
                    && option.pointer("/text/text") == given.pointer("/text/text")
            };
            options(element).any(alike)
        };
        if !given.iter().all(is_option) {
            return self.fail_at(name, "must exactly match one of the options");
        }
        let stored: Vec<Value> = given
            .iter()
            .filter_map(|given| options(element).find(|option| option.get("value") == given.get("value")))
            .cloned()
            .collect();
        let stored = if several { Some(Value::Array(stored)) } else { stored.into_iter().next() };
        if let Some(stored) = stored {
            element.insert(name.to_owned(), stored);
        }
    }
}

/// All options of an element, those of its groups included.
pub(crate) fn options(element: &Object) -> impl Iterator<Item = &Value> {
    let groups = element.get("option_groups").and_then(Value::as_array).into_iter().flatten();
    let grouped = groups.filter_map(|group| group.get("options"));
    element.get("options").into_iter().chain(grouped).filter_map(Value::as_array).flatten()
}

/// Whether this is a day of the calendar, `2026-08-01`.
pub(crate) fn is_day(text: &str) -> bool {
    let digits = |part: &str, count: usize| {
        (part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit()))
            .then(|| part.parse::<u32>().unwrap_or(0))
    };
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2)) else {
        return false;
    };
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return false,
    };
    (1..=days).contains(&day)
}

/// Whether this is a time of day, `17:30`.
pub(crate) fn is_time(text: &str) -> bool {
    let Some((hours, minutes)) = text.split_once(':') else { return false };
    let below = |part: &str, end: u32| {
        part.len() == 2
            && part.bytes().all(|byte| byte.is_ascii_digit())
            && part.parse::<u32>().is_ok_and(|it| it < end)
    };
    below(hours, 24) && below(minutes, 60)
}

/// Whether this is a time in Unix seconds as the date and time picker takes it: ten digits.
pub(crate) fn is_moment(seconds: i64) -> bool {
    (1_000_000_000..10_000_000_000).contains(&seconds)
}
