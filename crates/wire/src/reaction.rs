//! Reactions under the names of both APIs: Teams' reaction types and Slack's short names.
//!
//! Teams has [names of its own](https://learn.microsoft.com/microsoftteams/platform/agents-in-teams/teams-reactions-reference)
//! for some emoji, and `{code points}_{name}` for the others, such as `1f44b_wavinghand`. A skin tone follows as
//! `-tone1` to `-tone5` in Teams, as `::skin-tone-2` to `::skin-tone-6` in Slack. Names that belong to no emoji, such
//! as those of a workspace's own, are the same on both sides.

/// Teams' own names, each with Slack's. Where several on one side belong to one on the other, the first is the way
/// back.
const NAMED: [(&str, &str); 92] = [
    ("like", "+1"),
    ("yes", "+1"),
    ("no", "-1"),
    ("heart", "heart"),
    ("laugh", "laughing"),
    ("surprised", "open_mouth"),
    ("sad", "cry"),
    ("cry", "cry"),
    ("angry", "angry"),
    ("angryface", "rage"),
    ("happyface", "smiley"),
    ("1f603_grinningfacewithbigeyes", "smiley"),
    ("grinningfacewithsmilingeyes", "smile"),
    ("1f601_beamingfacewithsmilingeyes", "grin"),
    ("sweatgrinning", "sweat_smile"),
    ("rofl", "rolling_on_the_floor_laughing"),
    ("cwl", "joy"),
    ("smile", "slightly_smiling_face"),
    ("upsidedownface", "upside_down_face"),
    ("meltingface", "melting_face"),
    ("wink", "wink"),
    ("smileeyes", "blush"),
    ("blush", "blush"),
    ("angel", "innocent"),
    ("inlove", "smiling_face_with_3_hearts"),
    ("hearteyes", "heart_eyes"),
    ("stareyes", "star-struck"),
    ("1f618_facethrowingakiss", "kissing_heart"),
    ("kiss", "kissing"),
    ("tongueout", "yum"),
    ("winktongueout", "stuck_out_tongue_winking_eye"),
    ("giggle", "face_with_hand_over_mouth"),
    ("lipssealed", "shushing_face"),
    ("think", "thinking_face"),
    ("salute", "saluting_face"),
    ("wonder", "face_with_raised_eyebrow"),
    ("speechless", "neutral_face"),
    ("expressionless", "expressionless"),
    ("blankface", "no_mouth"),
    ("smirk", "smirk"),
    ("unamused", "unamused"),
    ("dull", "face_with_rolling_eyes"),
    ("relieved", "relieved"),
    ("pensive", "pensive"),
    ("sleepy", "sleepy"),
    ("sleepingface", "sleeping"),
    ("ill", "face_with_thermometer"),
    ("puke", "face_vomiting"),
    ("shivering", "cold_face"),
    ("1f92f_explodinghead", "exploding_head"),
    ("party", "partying_face"),
    ("cool", "sunglasses"),
    ("nerdy", "nerd_face"),
    ("confused", "confused"),
    ("worry", "worried"),
    ("fearful", "fearful"),
    ("loudlycrying", "sob"),
    ("screamingfear", "scream"),
    ("disappointed", "disappointed"),
    ("sweat", "sweat"),
    ("weary", "weary"),
    ("swear", "face_with_symbols_on_mouth"),
    ("devil", "smiling_imp"),
    ("skull", "skull"),
    ("poop", "hankey"),
    ("ghost", "ghost"),
    ("hearnoevil", "hear_no_evil"),
    ("seenoevil", "see_no_evil"),
    ("speaknoevil", "speak_no_evil"),
    ("lips", "kiss"),
    ("loveletter", "love_letter"),
    ("sparklingheart", "sparkling_heart"),
    ("growingheart", "heartpulse"),
    ("twohearts", "two_hearts"),
    ("brokenheart", "broken_heart"),
    ("heartorange", "orange_heart"),
    ("heartyellow", "yellow_heart"),
    ("heartgreen", "green_heart"),
    ("heartblue", "blue_heart"),
    ("heartpurple", "purple_heart"),
    ("heartblack", "black_heart"),
    ("1f4af_hundredpointssymbol", "100"),
    ("bomb", "bomb"),
    ("speechbubble", "speech_balloon"),
    ("idea", "bulb"),
    ("ok", "ok_hand"),
    ("clappinghands", "clap"),
    ("handsinair", "raised_hands"),
    ("praying", "pray"),
    ("muscle", "muscle"),
    ("launch", "rocket"),
    ("2705_whiteheavycheckmark", "white_check_mark"),
];

/// Slack's short name for a reaction type of Teams.
pub fn slack_name(teams: &str) -> String {
    let (base, tone) = match teams.rsplit_once("-tone") {
        Some((base, tone)) => (base, digit(tone, 1..=5)),
        None => (teams, None),
    };
    let base = if tone.is_some() { base } else { teams };
    let named = NAMED.iter().find(|(name, _)| *name == base).map(|(_, slack)| *slack);
    let name = named.or_else(|| emoji_of(base)?.shortcode()).unwrap_or(base);
    match tone {
        Some(tone) => format!("{name}::skin-tone-{}", tone + 1),
        None => name.to_owned(),
    }
}

/// Teams' reaction type for a short name of Slack's, without colons.
pub fn teams_type(slack: &str) -> String {
    let (base, tone) = match slack.rsplit_once("::skin-tone-") {
        Some((base, tone)) => (base, digit(tone, 2..=6)),
        None => (slack, None),
    };
    let base = if tone.is_some() { base } else { slack };
    let named = |slack: &str| NAMED.iter().find(|(_, name)| *name == slack).map(|(teams, _)| *teams);
    let known = || {
        let emoji = emojis::get_by_shortcode(base)?;
        // Another name of an emoji that is in the table, such as `thumbsup`.
        let known = emoji.shortcodes().find_map(named).map(str::to_owned);
        Some(known.unwrap_or_else(|| spelled(emoji)))
    };
    let name = named(base).map(str::to_owned).or_else(known).unwrap_or_else(|| base.to_owned());
    match tone {
        Some(tone) => format!("{name}-tone{}", tone - 1),
        None => name,
    }
}

/// The emoji whose code points a type begins with.
fn emoji_of(teams: &str) -> Option<&'static emojis::Emoji> {
    let (points, _) = teams.rsplit_once('_')?;
    let points = points.split('_').map(|point| u32::from_str_radix(point, 16).ok().and_then(char::from_u32));
    emojis::get(&points.collect::<Option<String>>()?)
}

/// `{code points}_{name}`, without the sign that only asks for a coloured picture.
fn spelled(emoji: &emojis::Emoji) -> String {
    const VARIATION: char = '\u{fe0f}';
    let points = emoji.as_str().chars().filter(|point| *point != VARIATION);
    let points: Vec<String> = points.map(|point| format!("{:x}", u32::from(point))).collect();
    let name = emoji.name().chars().filter(|character| character.is_ascii_alphanumeric());
    let name: String = name.map(|character| character.to_ascii_lowercase()).collect();
    format!("{}_{name}", points.join("_"))
}

fn digit(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let mut characters = text.chars();
    let digit = characters.next()?.to_digit(10)?;
    (characters.next().is_none() && range.contains(&digit)).then_some(digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names() {
        for (teams, slack) in [
            ("like", "+1"),
            ("heart", "heart"),
            ("laugh", "laughing"),
            ("surprised", "open_mouth"),
            ("sad", "cry"),
            ("angry", "angry"),
            ("1f44b_wavinghand", "wave"),
            ("1f44b_wavinghand-tone4", "wave::skin-tone-5"),
            ("1f440_eyes", "eyes"),
            ("1f4cc_pushpin", "pushpin"),
            ("2705_whiteheavycheckmark", "white_check_mark"),
            ("no-tone1", "-1::skin-tone-2"),
            ("2639_frowningface", "frowning_face"),
            ("think", "thinking_face"),
            // Not of any emoji.
            ("oreoyum", "oreoyum"),
            ("party_parrot", "party_parrot"),
            ("bad_dog", "bad_dog"),
            ("x-tone9", "x-tone9"),
            ("", ""),
        ] {
            assert_eq!(slack_name(teams), slack);
            assert_eq!(teams_type(slack), teams);
        }
    }

    #[test]
    fn other_names_of_the_same() {
        for (slack, teams) in [("thumbsup", "like"), ("satisfied", "laugh"), ("thumbsdown", "no")] {
            assert_eq!(teams_type(slack), teams);
        }
        for (teams, slack) in [("yes-tone2", "+1::skin-tone-3"), ("1f4a5_collisionsymbol", "boom")] {
            assert_eq!(slack_name(teams), slack);
        }
        assert_eq!(teams_type("boom"), "1f4a5_collision");
    }

    #[test]
    fn the_table_leads_back() {
        for (teams, slack) in NAMED {
            let back = teams_type(&slack_name(teams));
            assert_eq!(slack_name(&back), slack, "{teams}");
        }
    }

    /// Every emoji keeps its Slack name through Teams.
    #[test]
    fn every_emoji_there_and_back() {
        let names = emojis::iter().filter_map(emojis::Emoji::shortcode);
        for name in names {
            let back = slack_name(&teams_type(name));
            let same = |name: &str| emojis::get_by_shortcode(name);
            assert!(back == name || same(&back).is_none() || same(&back) == same(name), "{name} {back}");
        }
    }

    proptest! {
        #[test]
        fn any_name(name in "[a-z0-9_+:-]{0,24}") {
            // What comes of a name stays what it is. A type that only begins like an emoji's is spelled in full at once.
            let teams = teams_type(&slack_name(&teams_type(&name)));
            prop_assert_eq!(teams_type(&slack_name(&teams)), teams);
            let slack = slack_name(&name);
            prop_assert_eq!(slack_name(&teams_type(&slack)), slack);
        }

        #[test]
        fn any_text(text in any::<String>()) {
            let _ = (teams_type(&text), slack_name(&text));
        }
    }
}
