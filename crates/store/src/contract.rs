//! What every store has to do, whatever it is made of, as a suite that each of them runs.
//!
//! [`run`] asks for a new, empty store again and again and panics where one does not do as it should. [`World`] and the
//! helpers below it are also what other tests of stores are written with; [`picture`] shows all that can be read, to
//! compare two stores.

use std::sync::Arc;

use redraft_model::command::Caller;
use redraft_model::id::{AppId, ConversationId, UserId};
use redraft_model::time::Micros;

use crate::{Clock, Store};

mod commands;
mod directory;
mod erasing;
pub mod items;
mod keeping;
mod log;
mod marks;
mod messages;
mod picture;
mod reading;
mod streams;
mod targeted;
mod workspaces;
mod world;

pub use commands::{
    added, attach, delete, delivery, interaction, post, settlement, stream, text, update, with_key,
};
pub use directory::{app, conversation, directory, hash, token, user};
pub use picture::{events, picture};
pub use world::{HandClock, World};

/// A person who administers the workspace.
pub const ADA: UserId = UserId(1);
/// The person who installed both apps.
pub const IVO: UserId = UserId(2);
/// A person.
pub const MIA: UserId = UserId(3);
/// The bot user of the Slack app.
pub const ALPHA: UserId = UserId(4);
/// The bot user of the Teams app.
pub const GAMMA: UserId = UserId(5);

/// The Slack app's bot token.
pub const ALPHA_BOT: Caller = Caller::Token(hash(1, 1));
/// The token of the Slack app that Mia gave it.
pub const ALPHA_MIA: Caller = Caller::Token(hash(1, 2));
/// The token of the Slack app that Ada gave it.
pub const ALPHA_ADA: Caller = Caller::Token(hash(1, 3));
/// The Teams app's bot.
pub const GAMMA_BOT: Caller = Caller::Bot(AppId(2));
/// Mia in her own client.
pub const MIA_HERSELF: Caller = Caller::Person(MIA);
/// Ivo in his own client.
pub const IVO_HIMSELF: Caller = Caller::Person(IVO);

/// Everyone is in it.
pub const GENERAL: ConversationId = ConversationId(1);
/// Everyone is in it as well.
pub const PUBLIC: ConversationId = ConversationId(2);
/// Mia and the bots.
pub const PRIVATE: ConversationId = ConversationId(3);
/// Mia and the Slack bot.
pub const DIRECT: ConversationId = ConversationId(4);

/// The time at which every test begins.
pub const START: Micros = Micros(1_700_000_000_000_000);

/// Runs the whole suite, each case on a store of its own.
///
/// # Panics
/// Where a store does not do as it should.
pub async fn run(make: impl Fn(Clock) -> Arc<dyn Store>) {
    let world = || World::new(&make);
    messages::what_is_posted_is_read_back_at_once(world().await).await;
    messages::an_update_appends_a_revision(world().await).await;
    messages::what_is_deleted_is_gone_but_for_its_revisions(world().await).await;
    messages::a_root_with_replies_leaves_a_tombstone(world().await).await;
    messages::a_broadcast_reply_stands_in_both_lines(world().await).await;
    targeted::a_whisper_is_in_no_line(world().await).await;
    targeted::what_means_a_whisper_changes_and_deletes_it(world().await).await;
    targeted::what_one_reader_is_told_is_found_for_them(world().await).await;
    marks::reactions_are_in_the_order_they_came(world().await).await;
    marks::what_a_user_reacted_to(world().await).await;
    marks::a_view_is_one_persons(world().await).await;
    streams::content_lies_where_its_event_is(world().await).await;
    streams::of_a_stream_the_newest_text_is_kept(world().await).await;
    streams::pieces_lie_beside_their_message(world().await).await;
    log::a_key_makes_a_request_repeatable(world().await).await;
    log::only_the_expected_revision_is_changed(world().await).await;
    log::a_refusal_uses_up_no_number(world().await).await;
    log::the_log_has_no_gaps(world().await).await;
    reading::windows_include_both_ends(world().await).await;
    reading::no_read_is_longer_than_the_limit(world().await).await;
    reading::no_read_has_more_bytes_than_it_may(world().await).await;
    log::commands_at_once_get_numbers_in_order(world().await).await;
    reading::readers_share_directories_and_the_bell(world().await).await;
    reading::bells_ring_for_what_they_are_for(world().await).await;
    workspaces::members_come_and_go_one_by_one(world().await).await;
    log::the_clock_goes_forward(world().await).await;
    workspaces::a_conversation_is_made_with_its_first_message(world().await).await;
    workspaces::a_reset_workspace_is_as_it_was_created(world().await).await;
    workspaces::a_dropped_workspace_is_swept(world().await).await;
    workspaces::workspaces_do_not_mix(world().await).await;
    keeping::what_is_over_is_swept(world().await).await;
    targeted::a_changed_whisper_is_swept_later_and_whole(world().await).await;
    log::it_is_known_how_far_an_app_was_told(world().await).await;
    keeping::bytes_belong_to_what_names_them(world().await).await;
    log::nothing_is_noted_of_a_dropped_workspace(world().await).await;
    items::what_lies_under_a_key_is_found(world().await).await;
    items::grants_are_swept_some_time_after_their_end(world().await).await;
    items::items_go_with_their_workspace(world().await).await;
    items::the_first_message_that_waits_is_known(world().await).await;
    erasing::deleted_content_goes_and_leaves_its_place(world().await).await;
    erasing::what_is_to_be_told_stays_until_it_was(world().await).await;
    erasing::nobody_holds_content_up_for_ever(world().await).await;
    erasing::an_app_that_is_not_told_holds_nothing_up(world().await).await;
    erasing::superseded_revisions_go_if_they_are_to(world().await).await;
    erasing::what_was_submitted_goes(world().await).await;
    erasing::what_is_over_is_so_by_the_workspaces_clock(world().await).await;
    erasing::a_purge_waits_for_no_retention(world().await).await;
    keeping::a_value_is_kept_once(world().await).await;
    keeping::a_value_is_replaced(world().await).await;
}
