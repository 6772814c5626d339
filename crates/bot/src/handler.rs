//! A bot as a method for each kind of activity.

use std::future::Future;

use crate::activity::{Action, ActivityType, InvokeResponse};
use crate::bot::{TurnHandler, TurnResult};
use crate::context::TurnContext;
use crate::error::BoxError;

/// A bot with a method for each kind of activity. Methods without an implementation do nothing.
///
/// One activity can call several methods, the general one first. An edited message calls `on_turn`, `on_message_update` and
/// `on_message_edit`, in this order.
///
/// ```
/// use redraft_bot::{ActivityHandler, Bot, TurnContext, TurnResult};
///
/// struct Echo;
///
/// impl ActivityHandler for Echo {
///     async fn on_message(&self, context: TurnContext) -> TurnResult {
///         context.send_activity(context.text()).await?;
///         Ok(())
///     }
///
///     async fn on_message_edit(&self, context: TurnContext) -> TurnResult {
///         context.send_activity("Better!").await?;
///         Ok(())
///     }
/// }
///
/// let bot = Bot::with_handler(Echo);
/// ```
pub trait ActivityHandler: Send + Sync + 'static {
    /// Any activity, before the methods for its kind.
    fn on_turn(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody wrote a message.
    fn on_message(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody pressed a button or chose something on a message: an `Action.Execute` or `Action.Submit` in Teams, a block's
    /// action on Slack. The returned answer is used where the platform takes one, for `Action.Execute` alone. With `None` the
    /// activity goes to [`on_message`](Self::on_message) or [`on_invoke`](Self::on_invoke), depending on its type.
    fn on_card_action(
        &self,
        context: TurnContext,
        action: Action,
    ) -> impl Future<Output = Result<Option<InvokeResponse>, BoxError>> + Send {
        let _ = (context, action);
        std::future::ready(Ok(None))
    }

    /// A call that waits for the bot's answer. With `None` the platform gets status 501.
    fn on_invoke(
        &self,
        context: TurnContext,
    ) -> impl Future<Output = Result<Option<InvokeResponse>, BoxError>> + Send {
        let _ = context;
        std::future::ready(Ok(None))
    }

    /// A slash command: `activity.name` is the command with its slash, `activity.text` its arguments.
    fn on_command(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// A message was edited or restored.
    fn on_message_update(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody edited their message.
    fn on_message_edit(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody restored a message that they had deleted.
    fn on_message_undelete(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// A message was deleted.
    fn on_message_delete(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody deleted their message. In Teams they can restore it.
    fn on_message_soft_delete(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Reactions to a message changed.
    fn on_message_reaction(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody added reactions: `activity.reactions_added`.
    fn on_reactions_added(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody removed reactions: `activity.reactions_removed`.
    fn on_reactions_removed(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// The members or the properties of the conversation changed.
    fn on_conversation_update(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Members joined: `activity.members_added`. The bot itself may be among them.
    fn on_members_added(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Members left: `activity.members_removed`. The bot itself may be among them.
    fn on_members_removed(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// The bot was installed or removed.
    fn on_installation_update(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// The bot was installed or upgraded.
    fn on_installation_add(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// The bot was removed, possibly before an upgrade.
    fn on_installation_remove(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Another event: `activity.name` is its name.
    fn on_event(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// Somebody is typing.
    fn on_typing(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// The conversation has ended.
    fn on_end_of_conversation(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }

    /// An activity of a type that no other method is for.
    fn on_unrecognized(&self, context: TurnContext) -> impl Future<Output = TurnResult> + Send {
        nothing(context)
    }
}

fn nothing(_: TurnContext) -> std::future::Ready<TurnResult> {
    std::future::ready(Ok(()))
}

/// Calls the methods that an activity is for.
pub(crate) struct Dispatch<H>(pub(crate) H);

impl<H: ActivityHandler> Dispatch<H> {
    async fn message(&self, context: TurnContext) -> TurnResult {
        let activity = context.activity();
        // A pressed `Action.Submit` is a message without text.
        let pressed = activity.action().filter(|_| activity.text.as_ref().is_none_or(String::is_empty));
        if let Some(action) = pressed
            && self.0.on_card_action(context.clone(), action).await?.is_some()
        {
            return Ok(());
        }
        self.0.on_message(context).await
    }

    async fn invoke(&self, context: TurnContext) -> TurnResult {
        let mut response = match context.activity().action() {
            Some(action) => self.0.on_card_action(context.clone(), action).await?,
            None => None,
        };
        if response.is_none() {
            response = self.0.on_invoke(context.clone()).await?;
        }
        if let Some(response) = response {
            context.respond(response);
        }
        Ok(())
    }
}

impl<H: ActivityHandler> TurnHandler for Dispatch<H> {
    async fn on_turn(&self, context: TurnContext) -> TurnResult {
        let Self(bot) = self;
        bot.on_turn(context.clone()).await?;
        let activity = context.activity();
        let (to, here) = (context.clone(), context.clone());
        match activity.r#type.as_ref().unwrap_or(&ActivityType::Message) {
            ActivityType::Message => self.message(to).await?,
            ActivityType::Invoke => self.invoke(to).await?,
            ActivityType::MessageUpdate => {
                bot.on_message_update(to).await?;
                if happened(&here, "undeleteMessage") {
                    bot.on_message_undelete(here).await?;
                } else if happened(&here, "editMessage") || !in_teams(&here) {
                    bot.on_message_edit(here).await?;
                }
            }
            ActivityType::MessageDelete => {
                bot.on_message_delete(to).await?;
                if happened(&here, "softDeleteMessage") || !in_teams(&here) {
                    bot.on_message_soft_delete(here).await?;
                }
            }
            ActivityType::MessageReaction => {
                bot.on_message_reaction(to.clone()).await?;
                if !activity.reactions_added.is_empty() {
                    bot.on_reactions_added(to).await?;
                }
                if !activity.reactions_removed.is_empty() {
                    bot.on_reactions_removed(here).await?;
                }
            }
            ActivityType::ConversationUpdate => {
                bot.on_conversation_update(to.clone()).await?;
                if !activity.members_added.is_empty() {
                    bot.on_members_added(to).await?;
                }
                if !activity.members_removed.is_empty() {
                    bot.on_members_removed(here).await?;
                }
            }
            ActivityType::InstallationUpdate => {
                bot.on_installation_update(to).await?;
                match activity.action.as_deref() {
                    Some("add" | "add-upgrade") => bot.on_installation_add(here).await?,
                    Some("remove" | "remove-upgrade") => bot.on_installation_remove(here).await?,
                    Some(_) | None => {}
                }
            }
            ActivityType::Event => bot.on_event(to).await?,
            ActivityType::Command => bot.on_command(to).await?,
            ActivityType::Typing => bot.on_typing(to).await?,
            ActivityType::EndOfConversation => bot.on_end_of_conversation(to).await?,
            ActivityType::InvokeResponse
            | ActivityType::Delay
            | ActivityType::Trace
            | ActivityType::CommandResult
            | ActivityType::Handoff
            | ActivityType::Other(_) => bot.on_unrecognized(to).await?,
        }
        Ok(())
    }
}

/// What happened, as Teams says it.
fn happened(context: &TurnContext, event: &str) -> bool {
    let data = context.activity().channel_data.as_ref();
    data.and_then(|data| data.get("eventType")).is_some_and(|named| named == event)
}

/// Other platforms have no `eventType`: a message that changed was edited.
fn in_teams(context: &TurnContext) -> bool {
    context.activity().channel_id.as_deref() == Some("msteams")
}
