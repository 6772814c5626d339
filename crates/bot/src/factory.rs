//! Messages and cards by the official names.

use serde_json::{Value, json};

use crate::activity::{
    Activity, ActivityType, Attachment, AttachmentLayout, CardAction, InputHint, SuggestedActions,
};

/// Makes messages.
#[derive(Clone, Copy, Debug)]
pub struct MessageFactory;

impl MessageFactory {
    /// A message with this text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Activity {
        Activity { text: Some(text.into()), ..Self::empty() }
    }

    /// A message with one attachment.
    #[must_use]
    pub fn attachment(attachment: Attachment) -> Activity {
        Activity { attachments: vec![attachment], ..Self::empty() }
    }

    /// A message with attachments one below the other.
    #[must_use]
    pub fn list(attachments: Vec<Attachment>) -> Activity {
        Activity { attachments, attachment_layout: Some(AttachmentLayout::List), ..Self::empty() }
    }

    /// A message with attachments side by side.
    #[must_use]
    pub fn carousel(attachments: Vec<Attachment>) -> Activity {
        Activity { attachments, attachment_layout: Some(AttachmentLayout::Carousel), ..Self::empty() }
    }

    /// A message with a picture, video or file at a URL.
    #[must_use]
    pub fn content_url(url: impl Into<String>, content_type: impl Into<String>) -> Activity {
        Self::attachment(Attachment {
            content_url: Some(url.into()),
            content_type: Some(content_type.into()),
            ..Attachment::default()
        })
    }

    /// A message with answers offered as buttons, each of which sends its own words.
    #[must_use]
    pub fn suggested_actions<T: Into<String>>(
        actions: impl IntoIterator<Item = T>,
        text: impl Into<String>,
    ) -> Activity {
        let actions = actions.into_iter().map(|title| CardAction::im_back(title)).collect();
        let suggested = SuggestedActions { actions, ..SuggestedActions::default() };
        Activity { suggested_actions: Some(suggested), ..Self::text(text) }
    }

    fn empty() -> Activity {
        Activity { input_hint: Some(InputHint::AcceptingInput), ..Activity::new(ActivityType::Message) }
    }
}

impl CardAction {
    /// A button that makes the person say its words.
    #[must_use]
    pub fn im_back(title: impl Into<String>) -> Self {
        let title = title.into();
        Self {
            r#type: Some("imBack".to_owned()),
            value: Some(title.as_str().into()),
            title: Some(title),
            ..Self::default()
        }
    }

    /// A button that opens an address.
    #[must_use]
    pub fn open_url(title: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            r#type: Some("openUrl".to_owned()),
            title: Some(title.into()),
            value: Some(url.into().into()),
            ..Self::default()
        }
    }

    /// A button that sends a value to the bot in the person's name; people see `display_text`.
    #[must_use]
    pub fn message_back(title: impl Into<String>, value: Value, display_text: impl Into<String>) -> Self {
        Self {
            r#type: Some("messageBack".to_owned()),
            title: Some(title.into()),
            value: Some(value),
            display_text: Some(display_text.into()),
            ..Self::default()
        }
    }
}

/// Makes attachments that are cards.
#[derive(Clone, Copy, Debug)]
pub struct CardFactory;

impl CardFactory {
    /// The content type of an Adaptive Card.
    pub const ADAPTIVE: &'static str = "application/vnd.microsoft.card.adaptive";
    /// The content type of a hero card.
    pub const HERO: &'static str = "application/vnd.microsoft.card.hero";
    /// The content type of a thumbnail card.
    pub const THUMBNAIL: &'static str = "application/vnd.microsoft.card.thumbnail";

    /// An [Adaptive Card](https://adaptivecards.io/explorer/), given as its JSON.
    #[must_use]
    pub fn adaptive_card(card: Value) -> Attachment {
        Self::card(Self::ADAPTIVE, card)
    }

    /// A card with a large picture.
    #[must_use]
    pub fn hero_card(title: &str, text: &str, images: &[&str], buttons: Vec<CardAction>) -> Attachment {
        Self::card(Self::HERO, Self::with_pictures(title, text, images, buttons))
    }

    /// A card with a small picture.
    #[must_use]
    pub fn thumbnail_card(title: &str, text: &str, images: &[&str], buttons: Vec<CardAction>) -> Attachment {
        Self::card(Self::THUMBNAIL, Self::with_pictures(title, text, images, buttons))
    }

    /// A card of any other type.
    #[must_use]
    pub fn card(content_type: &str, content: Value) -> Attachment {
        Attachment {
            content_type: Some(content_type.to_owned()),
            content: Some(content),
            ..Attachment::default()
        }
    }

    fn with_pictures(title: &str, text: &str, images: &[&str], buttons: Vec<CardAction>) -> Value {
        let images: Vec<Value> = images.iter().map(|url| json!({"url": url})).collect();
        json!({"title": title, "text": text, "images": images, "buttons": buttons})
    }
}
