//! Quotas: what would grow past one is refused, and nothing that takes away or stays as it was.

use redraft_model::command::{Update, Verb};
use redraft_model::control::Control as A;
use redraft_model::conversations::ConversationCommand as C;
use redraft_model::quota::{Quota, QuotaRefusal, Quotas, QuotasPatch};
use redraft_model::workspace::{App, ConversationKind};

use crate::world::*;

fn quotas(world: &mut World, quotas: Quotas) {
    let Quotas { people, apps, channels, files, messages, bytes } = quotas;
    let (people, apps, channels) = (Some(people), Some(apps), Some(channels));
    let patch = QuotasPatch {
        people,
        apps,
        channels,
        files: Some(files),
        messages: Some(messages),
        bytes: Some(bytes),
    };
    assert_eq!(world.control(A::PatchQuotas(patch)), "done");
}

fn past(quota: Quota, limit: u64) -> String {
    format!("{:?}", redraft_model::decision::Why::Quota(QuotaRefusal { quota, limit }))
}

fn used(world: &World) -> redraft_model::quota::Usage {
    redraft_model::view::View::usage(world, HOME).unwrap()
}

#[test]
fn what_would_grow_past_a_quota_is_refused() {
    let mut world = World::new();
    let directory = world.home();
    let (people, apps) = (directory.people() as u64, 4);
    let channels = directory.channels_count() as u64;
    assert_eq!((people, channels), (5, 4));
    quotas(
        &mut world,
        Quotas { people: Some(people), apps: Some(apps), channels: Some(channels), ..Quotas::default() },
    );
    let room = conversation(redraft_model::id::ConversationId(0), ConversationKind::Public, "ops", &[]);
    let app = App { slack_id: "A".into(), bot_id: "B".into(), app_id: "C".into(), ..app(1, 1, ADA, ADA) };
    let bot = user(redraft_model::id::UserId(0), "eps");
    let add_app = A::AddApp { app, bot, tokens: vec![], member_of: vec![PUBLIC] };
    let create = C::Create { name: "ops".into(), private: false, ids: ids("n") };
    let open = C::Open { users: vec![Some(IVO)], ids: ids("d"), existing_only: false };
    let person = user(redraft_model::id::UserId(0), "pia");
    assert_eq!(world.control(A::AddUser(person.clone())), past(Quota::People, 5));
    assert_eq!(world.control(add_app.clone()), past(Quota::Apps, 4));
    assert_eq!(world.control(A::AddConversation(room)), past(Quota::Channels, 4));
    assert_eq!(world.conversation(ALPHA_MIA, create.clone()), past(Quota::Channels, 4));
    assert!(world.conversation(ALPHA_MIA, open).starts_with("conversation"), "no channel");
    assert!(world.conversation(ALPHA_MIA, C::Leave(PUBLIC)).starts_with("conversation"));
    quotas(&mut world, Quotas { people: Some(6), apps: Some(5), channels: Some(5), ..Quotas::default() });
    assert!(world.control(A::AddUser(person)).starts_with("user"));
    assert!(world.control(add_app).starts_with("app"));
    assert!(world.conversation(ALPHA_MIA, create).starts_with("conversation"));
}

#[test]
fn messages_are_counted_and_given_back() {
    let mut world = World::new();
    let first = world.post(ALPHA_MIA, post(PUBLIC));
    let limit = used(&world).messages + 1;
    quotas(&mut world, Quotas { messages: Some(limit), ..Quotas::default() });
    let say = |world: &mut World| world.tell(ALPHA_MIA, Verb::Post(post(PUBLIC)));
    assert_eq!((say(&mut world), say(&mut world)), ("posted".into(), past(Quota::Messages, limit)));
    // What the platform writes when somebody leaves is more than there may be, and nobody is held for it.
    assert!(world.conversation(ALPHA_MIA, C::Leave(PUBLIC)).starts_with("conversation"));
    assert!(world.conversation(ALPHA_MIA, C::Join(PUBLIC)).starts_with("conversation"));
    assert!(limit < used(&world).messages);
    assert_eq!(world.tell(ALPHA_MIA, erase(PUBLIC, first.key.ts)), "deleted");
    quotas(&mut world, Quotas { messages: Some(0), ..Quotas::default() });
    assert_eq!(say(&mut world), past(Quota::Messages, 0), "what is there stays when a quota is below it");
}

#[test]
fn content_that_is_no_longer_than_before_is_not_refused() {
    let mut world = World::new();
    let message = world.post(ALPHA_MIA, post(PUBLIC));
    let size = world.revisions[&(HOME, message.content_at)].1.text.len();
    let limit = used(&world).bytes();
    quotas(&mut world, Quotas { bytes: Some(limit), ..Quotas::default() });
    assert_eq!(world.tell(ALPHA_MIA, Verb::Post(post(PUBLIC))), past(Quota::Bytes, limit));
    let mut change = |length: usize| {
        let patch = new_text(&"x".repeat(length));
        let update = Update { patch, ..update(PUBLIC, message.key.ts) };
        world.tell(ALPHA_MIA, Verb::Update(update))
    };
    assert_eq!(change(size), "revision 2");
    assert_eq!(change(size + 1), past(Quota::Bytes, limit));
    assert_eq!(change(size - 1), "revision 3");
    assert_eq!(change(size), past(Quota::Bytes, limit), "it has to be no longer than it is now");
    assert_eq!(world.tell(ALPHA_MIA, erase(PUBLIC, message.key.ts)), "deleted");
}
