//! Slack's app manifests.
//!
//! Members and limits as the public [reference](https://docs.slack.dev/reference/app-manifest) has them, of both schema
//! versions. Addresses may begin with `http://`, since bots under development do.

use serde::Serialize;
use serde_json::{Map, Value};

use super::members::{Findings, Members, cut};
use crate::seed::{SeedCommand, SeedShortcut, ShortcutKind};
use redraft_slack::subscriptions::scopes_of;

const NAME_CHARS_MAX: usize = 35;
const BOT_NAME_CHARS_MAX: usize = 80;
const COMMANDS_MAX: usize = 50;
const COMMAND_CHARS_MAX: usize = 32;
const COMMAND_DESCRIPTION_CHARS_MAX: usize = 2000;
const USAGE_HINT_CHARS_MAX: usize = 1000;
const SHORTCUTS_MAX: usize = 10;
const SHORTCUT_NAME_CHARS_MAX: usize = 24;
const SHORTCUT_DESCRIPTION_CHARS_MAX: usize = 150;
const CALLBACK_ID_CHARS_MAX: usize = 255;
const SCOPES_MAX: usize = 255;
const REDIRECT_URLS_MAX: usize = 1000;
const EVENTS_MAX: usize = 100;
const METADATA_SUBSCRIPTIONS_MAX: usize = 20;

/// The scope without which there are no incoming webhooks.
pub const WEBHOOK_SCOPE: &str = "incoming-webhook";

/// What a manifest says about a Slack app; written as the control API takes it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct SlackManifest {
    /// Shown name.
    pub name: String,
    /// The bot user's name, if it has one of its own.
    pub bot_name: Option<String>,
    /// What a bot token may do.
    pub scopes: Vec<String>,
    /// What a user token may do.
    pub user_scopes: Vec<String>,
    /// Where OAuth leads back to.
    pub redirect_urls: Vec<String>,
    /// Where events go.
    pub endpoint: Option<String>,
    /// Events that the bot subscribes to.
    pub bot_events: Vec<String>,
    /// Events that the app subscribes to on behalf of people.
    pub user_events: Vec<String>,
    /// Types of message metadata that the app subscribes to.
    pub metadata_events: Vec<String>,
    /// Whether the app receives everything through Socket Mode.
    pub socket_mode: bool,
    /// Where interactions go.
    pub interactivity_url: Option<String>,
    /// Where options of external selects come from.
    pub options_url: Option<String>,
    /// Slash commands.
    pub commands: Vec<SeedCommand>,
    /// Global and message shortcuts.
    pub shortcuts: Vec<SeedShortcut>,
    /// What is not done as the manifest has it, a sentence each.
    #[serde(skip)]
    pub warnings: Vec<String>,
}

impl SlackManifest {
    /// Whether it asks for incoming webhooks.
    #[must_use]
    pub fn asks_for_webhooks(&self) -> bool {
        self.scopes.iter().chain(&self.user_scopes).any(|scope| scope == WEBHOOK_SCOPE)
    }
}

pub(super) fn read(members: Map<String, Value>) -> Result<SlackManifest, String> {
    let mut findings = Findings::default();
    let mut manifest = SlackManifest::default();
    manifest.read(Members::whole(members), &mut findings);
    manifest.check(&mut findings);
    manifest.warnings = findings.warnings;
    if findings.faults.is_empty() { Ok(manifest) } else { Err(findings.faults.join("\n")) }
}

impl SlackManifest {
    fn read(&mut self, mut whole: Members, findings: &mut Findings) {
        let mut display = whole.object("display_information", findings);
        self.name = display.required("name", NAME_CHARS_MAX, findings);
        display.pass_over(&["description", "long_description", "background_color"]);
        display.end(findings);
        let oauth = whole.object("oauth_config", findings);
        self.oauth(oauth, findings);
        let settings = whole.object("settings", findings);
        self.settings(settings, findings);
        let features = whole.object("features", findings);
        self.features(features, findings);
        whole.pass_over(&["_metadata", "$schema", "app_directory", "outgoing_domains"]);
        for name in ["functions", "workflows", "datastores", "types", "external_auth_providers"] {
            whole.absent(name, findings);
        }
        whole.end(findings);
    }

    fn oauth(&mut self, mut oauth: Members, findings: &mut Findings) {
        self.redirect_urls = oauth.texts("redirect_urls", REDIRECT_URLS_MAX, findings);
        let mut scopes = oauth.object("scopes", findings);
        let mut of = |names: [&str; 2]| -> Vec<String> {
            let mut scopes = names.map(|name| scopes.texts(name, SCOPES_MAX, findings)).concat();
            scopes.sort_unstable();
            scopes.dedup();
            scopes
        };
        self.scopes = of(["bot", "bot_optional"]);
        self.user_scopes = of(["user", "user_optional"]);
        scopes.end(findings);
        oauth.pass_over(&["token_management_enabled", "pkce_enabled"]);
        oauth.end(findings);
    }

    fn settings(&mut self, mut settings: Members, findings: &mut Findings) {
        self.socket_mode = settings.flag("socket_mode_enabled", findings);

        let mut events = settings.object("event_subscriptions", findings);
        self.endpoint = events.url("request_url", findings);
        self.bot_events = events.texts("bot_events", EVENTS_MAX, findings);
        self.user_events = events.texts("user_events", EVENTS_MAX, findings);
        let subscriptions = events.objects("metadata_subscriptions", METADATA_SUBSCRIPTIONS_MAX, findings);
        self.metadata_events = subscriptions.into_iter().map(|it| metadata_event(it, findings)).collect();
        events.end(findings);

        let mut interactivity = settings.object("interactivity", findings);
        let enabled = interactivity.flag("is_enabled", findings);
        let urls = ["request_url", "message_menu_options_url"].map(|name| interactivity.url(name, findings));
        if enabled {
            [self.interactivity_url, self.options_url] = urls;
            if self.interactivity_url.is_none() && !self.socket_mode {
                findings.faults.push(format!(
                    "{} is missing: Slack sends interactions there, unless settings.socket_mode_enabled is true",
                    interactivity.place("request_url")
                ));
            }
        }
        interactivity.end(findings);

        settings.absent("token_rotation_enabled", findings);
        settings.pass_over(&["allowed_ip_address_ranges", "org_deploy_enabled", "incoming_webhooks"]);
        settings.pass_over(&["is_hosted", "function_runtime", "hermes_app_type", "siws_links"]);
        settings.end(findings);
    }

    fn features(&mut self, mut features: Members, findings: &mut Findings) {
        let mut bot = features.object("bot_user", findings);
        self.bot_name = bot.text("display_name", BOT_NAME_CHARS_MAX, findings);
        bot.pass_over(&["always_online"]);
        bot.end(findings);
        let commands = features.objects("slash_commands", COMMANDS_MAX, findings);
        self.commands = commands.into_iter().map(|it| command(it, self.socket_mode, findings)).collect();
        let shortcuts = features.objects("shortcuts", SHORTCUTS_MAX, findings);
        self.shortcuts = shortcuts.into_iter().map(|it| shortcut(it, findings)).collect();
        for name in ["app_home", "assistant_view", "agent_view", "unfurl_domains", "workflow_steps"] {
            features.absent(name, findings);
        }
        features.pass_over(&["rich_previews", "search"]);
        features.end(findings);
    }

    /// Events that it would wait for in vain.
    fn check_events(&self, findings: &mut Findings) {
        let lists = [("bot", &self.bot_events, &self.scopes), ("user", &self.user_events, &self.user_scopes)];
        for (kind, events, scopes) in lists {
            let place = format!("settings.event_subscriptions.{kind}_events");
            for event in events {
                match scopes_of(event) {
                    None => findings.warnings.push(format!("{place}: {} is not sent here", cut(event))),
                    Some(needed)
                        if needed.is_empty()
                            || needed.iter().any(|it| scopes.iter().any(|had| had == it)) => {}
                    Some(needed) => findings.warnings.push(format!(
                        "{place}: {event} is not delivered without the scope {} in oauth_config.scopes.{kind}",
                        needed.join(" or ")
                    )),
                }
            }
        }
    }

    /// What only shows when all of it is read.
    fn check(&self, findings: &mut Findings) {
        self.check_events(findings);
        let subscribed = !(self.bot_events.is_empty() && self.user_events.is_empty());
        if subscribed && self.endpoint.is_none() && !self.socket_mode {
            findings.faults.push(
                "settings.event_subscriptions.request_url is missing: Slack sends events there, unless \
                 settings.socket_mode_enabled is true"
                    .into(),
            );
        }
        if self.scopes.is_empty() && self.user_scopes.is_empty() {
            findings.faults.push(
                "oauth_config.scopes has neither bot nor user scopes, so that the app could do nothing"
                    .into(),
            );
        }
        let mut names: Vec<&str> = self.commands.iter().map(|it| it.command.as_str()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|pair| pair[0] == pair[1] && !pair[0].is_empty()) {
            findings.faults.push(format!("features.slash_commands has {} twice", cut(twice[0])));
        }
    }
}

fn metadata_event(mut subscription: Members, findings: &mut Findings) -> String {
    let event = subscription.required("event_type", CALLBACK_ID_CHARS_MAX, findings);
    let of_app = subscription.text("app_id", CALLBACK_ID_CHARS_MAX, findings);
    if of_app.is_some_and(|app| app != "*") {
        let place = subscription.place("app_id");
        findings
            .warnings
            .push(format!("{place} has no effect: metadata of this type is delivered whatever app wrote it"));
    }
    subscription.end(findings);
    event
}

fn command(mut given: Members, socket_mode: bool, findings: &mut Findings) -> SeedCommand {
    let command = given.required("command", COMMAND_CHARS_MAX, findings);
    if !command.is_empty() && !is_command(&command) {
        let place = given.place("command");
        findings
            .faults
            .push(format!("{place} has to begin with a slash and have no blanks, got '{}'", cut(&command)));
    }
    let url = given.url("url", findings);
    if url.is_none() && !socket_mode {
        let place = given.place("url");
        findings.faults.push(format!(
            "{place} is missing: Slack sends the command there, unless settings.socket_mode_enabled is true"
        ));
    }
    let made = SeedCommand {
        command,
        url,
        description: given.required("description", COMMAND_DESCRIPTION_CHARS_MAX, findings),
        usage_hint: given.text("usage_hint", USAGE_HINT_CHARS_MAX, findings).unwrap_or_default(),
        should_escape: given.flag("should_escape", findings),
    };
    given.end(findings);
    made
}

/// Whether this can be a slash command's name.
pub(crate) fn is_command(name: &str) -> bool {
    name.strip_prefix('/').is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

fn shortcut(mut given: Members, findings: &mut Findings) -> SeedShortcut {
    let kind = given.required("type", CALLBACK_ID_CHARS_MAX, findings);
    if !["message", "global", ""].contains(&&*kind) {
        let place = given.place("type");
        findings.faults.push(format!("{place} has to be message or global, got '{}'", cut(&kind)));
    }
    let made = SeedShortcut {
        kind: if kind == "message" { ShortcutKind::Message } else { ShortcutKind::Global },
        name: given.required("name", SHORTCUT_NAME_CHARS_MAX, findings),
        callback_id: given.required("callback_id", CALLBACK_ID_CHARS_MAX, findings),
        description: given.text("description", SHORTCUT_DESCRIPTION_CHARS_MAX, findings).unwrap_or_default(),
    };
    given.end(findings);
    made
}

#[cfg(test)]
mod tests {
    use super::super::{Manifest, read};
    use super::*;

    /// All that a manifest can say, as people write it.
    const WHOLE: &str = r##"
_metadata: {major_version: 2, minor_version: 1}
display_information:
  name: Poll Bot
  description: Polls in channels
  background_color: "#0000AA"
features:
  app_home: {home_tab_enabled: false, messages_tab_enabled: false}
  bot_user: {display_name: pollbot, always_online: true}
  slash_commands:
    - {command: /poll, url: "https://bot.example/slack/events", description: Asks, usage_hint: question, should_escape: true}
  shortcuts:
    - {name: Ask about it, type: message, callback_id: ask, description: Makes a poll}
    - {name: New poll, type: global, callback_id: new}
oauth_config:
  redirect_urls: ["https://bot.example/oauth"]
  scopes: {bot: [commands, "app_mentions:read", "channels:history", incoming-webhook], bot_optional: ["users:read"], user: ["reactions:read"]}
settings:
  event_subscriptions:
    request_url: https://bot.example/slack/events
    bot_events: [app_mention, message.channels]
    user_events: [reaction_added]
    metadata_subscriptions: [{app_id: "*", event_type: vote}]
  interactivity:
    is_enabled: true
    request_url: https://bot.example/slack/events
    message_menu_options_url: https://bot.example/slack/options
  org_deploy_enabled: false
  socket_mode_enabled: false
  token_rotation_enabled: false
"##;

    fn slack(text: &str) -> SlackManifest {
        match read(text).unwrap() {
            Manifest::Slack(manifest) => *manifest,
            Manifest::Teams(other) => panic!("{other:?}"),
        }
    }

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn everything_that_a_manifest_says() {
        let url = || Some("https://bot.example/slack/events".to_owned());
        let expected = SlackManifest {
            name: "Poll Bot".into(),
            bot_name: Some("pollbot".into()),
            scopes: texts(&[
                "app_mentions:read",
                "channels:history",
                "commands",
                "incoming-webhook",
                "users:read",
            ]),
            user_scopes: texts(&["reactions:read"]),
            redirect_urls: texts(&["https://bot.example/oauth"]),
            endpoint: url(),
            bot_events: texts(&["app_mention", "message.channels"]),
            user_events: texts(&["reaction_added"]),
            metadata_events: texts(&["vote"]),
            socket_mode: false,
            interactivity_url: url(),
            options_url: Some("https://bot.example/slack/options".into()),
            commands: vec![SeedCommand {
                command: "/poll".into(),
                url: url(),
                description: "Asks".into(),
                usage_hint: "question".into(),
                should_escape: true,
            }],
            shortcuts: vec![
                SeedShortcut {
                    kind: ShortcutKind::Message,
                    name: "Ask about it".into(),
                    callback_id: "ask".into(),
                    description: "Makes a poll".into(),
                },
                SeedShortcut {
                    name: "New poll".into(),
                    callback_id: "new".into(),
                    ..SeedShortcut::default()
                },
            ],
            warnings: Vec::new(),
        };
        assert_eq!(slack(WHOLE), expected);
        let value: Value = serde_saphyr::from_str(WHOLE).unwrap();
        assert_eq!(slack(&format!("\u{feff}{value:#}")), expected, "the same in JSON");
        assert!(expected.asks_for_webhooks());
    }

    /// With sockets no address is needed.
    #[test]
    fn socket_mode_needs_no_addresses() {
        let manifest = slack(
            "display_information: {name: bot}\n\
             oauth_config: {scopes: {bot: [commands]}}\n\
             features: {slash_commands: [{command: /go, description: Goes}]}\n\
             settings:\n  socket_mode_enabled: true\n  event_subscriptions: {bot_events: [app_mention]}\n  \
             interactivity: {is_enabled: true}\n",
        );
        assert!(manifest.socket_mode && manifest.endpoint.is_none() && manifest.interactivity_url.is_none());
        assert_eq!(manifest.commands[0].url, None);
        assert!(!manifest.asks_for_webhooks());
    }

    /// Interactivity that is off has no address, whatever is written beside it.
    #[test]
    fn interactivity_can_be_off() {
        let manifest = slack(&WHOLE.replace("is_enabled: true", "is_enabled: false"));
        assert_eq!((manifest.interactivity_url, manifest.options_url), (None, None));
    }

    #[test]
    fn what_is_not_done_is_named() {
        let text = WHOLE
            .replace("home_tab_enabled: false", "home_tab_enabled: true")
            .replace("token_rotation_enabled: false", "token_rotation_enabled: true")
            .replace("app_id: \"*\"", "app_id: A01OTHER")
            .replace("always_online", "always_awake")
            .replace("message.channels", "message.groups, app_home_opened")
            .replace("_metadata:", "functions: {greet: {title: Greets}}\nsurprise: null\n_metadata:");
        let mut warnings = slack(&text).warnings;
        warnings.sort_unstable();
        assert_eq!(
            warnings,
            [
                "features.app_home is not supported and left out",
                "features.bot_user.always_awake is unknown and left out",
                "functions is not supported and left out",
                "settings.event_subscriptions.bot_events: app_home_opened is not sent here",
                "settings.event_subscriptions.bot_events: message.groups is not delivered without the scope groups:history \
                 in oauth_config.scopes.bot",
                "settings.event_subscriptions.metadata_subscriptions[0].app_id has no effect: metadata of this type \
                 is delivered whatever app wrote it",
                "settings.token_rotation_enabled is not supported and left out",
                "surprise is unknown and left out",
            ]
        );
    }

    /// One change to a manifest that is right, and what is said about it.
    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let long = format!("name: {}", "n".repeat(36));
        for (right, wrong, said) in [
            ("name: Poll Bot", "nome: Poll Bot", "display_information.name is missing"),
            ("name: Poll Bot", "name: 7", "display_information.name has to be a text"),
            ("name: Poll Bot", "name: ' '", "display_information.name is missing"),
            ("name: Poll Bot", &long, "display_information.name has 36 characters, 35 are allowed"),
            (
                "command: /poll",
                "command: poll",
                "features.slash_commands[0].command has to begin with a slash",
            ),
            (
                "command: /poll",
                "command: '/po ll'",
                "features.slash_commands[0].command has to begin with a slash",
            ),
            ("description: Asks,", "", "features.slash_commands[0].description is missing"),
            ("url: \"https://bot.example/slack/events\",", "", "features.slash_commands[0].url is missing"),
            (
                "should_escape: true",
                "should_escape: 'yes'",
                "slash_commands[0].should_escape has to be true or false",
            ),
            (
                "type: message",
                "type: modal",
                "features.shortcuts[0].type has to be message or global, got 'modal'",
            ),
            ("callback_id: new", "callback: new", "features.shortcuts[1].callback_id is missing"),
            (
                "bot_events: [app_mention",
                "bot_events: [{a: 1}",
                "event_subscriptions.bot_events[0] has to be a text",
            ),
            (
                "user_events: [reaction_added]",
                "user_events: all",
                "event_subscriptions.user_events has to be a list",
            ),
            ("event_type: vote", "event: vote", "metadata_subscriptions[0].event_type is missing"),
            (
                "\n    request_url: https://bot.example/slack/events\n    bot",
                "\n    bot",
                "event_subscriptions.request_url is missing",
            ),
            (
                "request_url: https://bot.example/slack/events\n    mess",
                "mess",
                "interactivity.request_url is missing",
            ),
            (
                "request_url: https",
                "request_url: ftp",
                "request_url has to begin with http:// or https://, got 'ftp://",
            ),
            ("scopes: {bot", "scopes: {robot", ""),
            ("_metadata", "settings", "this cannot be read"),
        ] {
            let text = WHOLE.replacen(right, wrong, 1);
            assert_ne!(text, WHOLE, "{right}");
            match (read(&text), said) {
                (Ok(_), "") => {}
                (Ok(_), _) => panic!("{wrong} is taken"),
                (Err(why), _) => assert!(!said.is_empty() && why.contains(said), "{wrong}: {why}"),
            }
        }
        let twice = WHOLE.replace(
            "slash_commands:\n",
            "slash_commands:\n    - {command: /poll, url: 'http://b', description: d}\n",
        );
        assert_eq!(read(&twice).unwrap_err(), "features.slash_commands has /poll twice");
        let without = "display_information: {name: bot}";
        assert!(read(without).unwrap_err().contains("neither bot nor user scopes"));
        let all = read("display_information: []\nfeatures: {slash_commands: [{}]}").unwrap_err();
        assert_eq!(all.lines().count(), 6, "every mistake is named at once: {all}");
    }

    #[test]
    fn what_is_no_manifest() {
        for (text, said) in [
            ("", "an object"),
            ("[]", "an object"),
            ("{}", "no app manifest"),
            ("{\"bots\": [", "EOF"),
            ("a: [", "cannot be read"),
            ("manifestVersion: '1.19'", "no bots"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(said), "{text}: {why}");
        }
        let why = read(&" ".repeat(super::super::BYTES_MAX + 1)).unwrap_err();
        assert!(why.contains("at most"), "{why}");
    }
}
