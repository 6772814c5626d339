//! The directory: finding things by every spelling, and keeping its indexes while things change.

use std::sync::Arc;

use redraft_model::directory::{Directories, Directory, DirectoryChange, Kind, Named};
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_model::workspace::{
    App, Conversation, ConversationKind, Membership, SlackApp, TokenKind, User, Webhook, Workspace,
};

use crate::world::*;

#[test]
fn every_spelling_names_one_thing() {
    let directory = directory(1);
    for (name, expect) in [
        ("U-mia", Some(Named::User(MIA))),
        ("29:mia", Some(Named::User(MIA))),
        ("guid-mia", Some(Named::User(MIA))),
        ("@mia", Some(Named::User(MIA))),
        ("mailto:mia@example.com", Some(Named::User(MIA))),
        ("mailto:mia@Example.com", None),
        ("A-3", Some(Named::App(GAMMA_APP))),
        ("B-3", Some(Named::App(GAMMA_APP))),
        ("app-1-3", Some(Named::App(GAMMA_APP))),
        ("C-public2", Some(Named::Conversation(PUBLIC))),
        ("19:public2", Some(Named::Conversation(PUBLIC))),
        ("public", None),
        ("", None),
    ] {
        assert_eq!(directory.named(name), expect, "{name}");
        let user = directory.user_named(name).map(|user| Named::User(user.id));
        let app = directory.app_named(name).map(|app| Named::App(app.id));
        let conversation = directory.conversation_named(name).map(|found| Named::Conversation(found.id));
        assert_eq!(user.or(app).or(conversation), expect, "{name}");
        assert!([user, app, conversation].into_iter().flatten().count() < 2);
    }
}

#[test]
fn things_are_found_by_key_name_and_members() {
    let directory = directory(1);
    assert_eq!(directory.channel("public").map(|found| found.id), Some(PUBLIC));
    assert_eq!(directory.channel("").map(|found| found.id), None);
    assert_eq!(directory.direct(&[MIA, ALPHA]).map(|found| found.id), Some(DIRECT));
    assert_eq!(directory.direct(&[ALPHA, MIA]).map(|found| found.id), None);
    assert_eq!(directory.direct(&PEOPLE[..8]).map(|found| found.id), Some(GROUP));
    assert_eq!(directory.direct(&[IVO, MIA, ALPHA, GAMMA]).map(|found| found.id), None);
    assert_eq!(directory.general().map(|found| found.id), Some(GENERAL));
    assert_eq!(directory.user(MIA).map(|user| user.name.as_str()), Some("mia"));
    assert_eq!(directory.app(BETA_APP).map(|app| app.bot_user), Some(BETA));
    assert_eq!(directory.conversation(GROUP).map(|found| found.kind), Some(ConversationKind::Group));
    assert_eq!(directory.token(&hash(1, 7)).map(|token| token.user), Some(MIA));
    assert!(directory.token(&hash(1, 99)).is_none() && directory.user(UserId(99)).is_none());
}

#[test]
fn lists_are_in_order_and_begin_after_a_key() {
    let directory = directory(1);
    let users = |after| directory.users_after(UserId(after)).map(|user| user.id).collect::<Vec<_>>();
    let rooms = |after| {
        directory.conversations_after(ConversationId(after)).map(|found| found.id.0).collect::<Vec<_>>()
    };
    assert_eq!(users(0), PEOPLE);
    assert_eq!(users(7), [DELTA, OLGA]);
    assert_eq!((users(9), users(u32::MAX - 1)), (vec![], vec![]));
    assert_eq!((rooms(0), rooms(5), rooms(7)), ((1..=7).collect(), vec![6, 7], vec![]));
    assert_eq!(directory.apps().map(|app| app.id.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
    assert_eq!(directory.tokens().count(), 11);
}

#[test]
fn numbers_go_on_after_the_last() {
    let empty = Directory::new(directory(1).workspace);
    for (directory, users, apps, conversations, tokens) in [(empty, 1, 1, 1, 0), (directory(1), 10, 5, 8, 11)]
    {
        assert_eq!(directory.next_user(), UserId(users));
        assert_eq!(directory.next_app(), AppId(apps));
        assert_eq!(directory.next_conversation(), ConversationId(conversations));
        let counts = [Kind::User, Kind::App, Kind::Conversation].map(|kind| directory.count(kind) + 1);
        assert_eq!(counts, [users, apps, conversations].map(|next| next as usize));
        assert_eq!(directory.count(Kind::Token), tokens);
    }
}

/// What somebody is in, and what they see, is what one finds by looking at all.
fn same_as_by_looking_at_all(directory: &Directory) {
    let all: Vec<_> = directory.conversations().cloned().collect();
    let ids = |found: Vec<&Arc<Conversation>>| found.iter().map(|it| it.id).collect::<Vec<_>>();
    for user in directory.users().map(|user| user.id) {
        for after in (0..9).map(ConversationId) {
            let rest = || all.iter().filter(|it| after < it.id);
            let rooms = rest().filter(|it| it.has(user)).collect();
            assert_eq!(ids(directory.rooms_after(user, after).collect()), ids(rooms));
            let seen = rest().filter(|it| it.kind == ConversationKind::Public || it.has(user)).collect();
            assert_eq!(ids(directory.seen_after(user, after).collect()), ids(seen));
        }
    }
    let general = all.iter().find(|it| it.general).map(|it| it.id);
    assert_eq!(directory.general().map(|it| it.id), general);
    let administrator = directory.users().find(|it| it.admin && it.bot_of.is_none());
    assert_eq!(directory.administrator().map(|it| it.id), administrator.map(|it| it.id));
    for app in directory.apps() {
        let theirs = directory.tokens().filter(|token| token.app == app.id).map(|token| token.hash);
        assert!(directory.tokens_of(app.id).map(|token| token.hash).eq(theirs));
        assert_eq!(directory.anonymous().any(|it| it.id == app.id), app.anonymous);
        for hook in app.slack.iter().flat_map(|slack| &slack.webhooks) {
            assert_eq!(directory.app_of_webhook(&hook.service_id).map(|it| it.id), Some(app.id));
        }
    }
}

#[test]
fn indexes_follow_every_change() {
    use ConversationKind as K;
    let mut directory = directory(1);
    same_as_by_looking_at_all(&directory);
    let member = |user| Some(Membership::Member(START)).filter(|_| user != OLGA);
    let webhook =
        |id: &str| Webhook { service_id: id.into(), secret_hash: [1; 32], conversation: PUBLIC, by: MIA };
    let hooked = |ids: &[&str]| {
        let webhooks = ids.iter().map(|id| webhook(id)).collect();
        let slack = Some(Box::new(SlackApp { webhooks, ..SlackApp::default() }));
        App { slack, ..app(1, 1, MIA, ALPHA) }
    };
    let changes: [&dyn Fn(&mut Directory); 14] = [
        &|it| it.put_member(PRIVATE, OLGA, member(MIA)),
        &|it| it.put_member(PRIVATE, MIA, None),
        &|it| it.put_member(PUBLIC, ALPHA, Some(Membership::Former)),
        &|it| it.put_member(PUBLIC, ALPHA, member(ALPHA)),
        &|it| it.put_conversation(conversation(PUBLIC, K::Private, "now-private", &[MIA, SAM])),
        &|it| it.put_conversation(conversation(PUBLIC, K::Public, "public-again", &[SAM])),
        &|it| it.put_conversation(conversation(ConversationId(8), K::Group, "", &[MIA, SAM, IVO])),
        &|it| it.change_conversation(conversation(GENERAL, K::Public, "no-longer-general", &[])),
        &|it| {
            it.change_conversation(Conversation {
                general: true,
                ..conversation(PUBLIC, K::Public, "general", &[])
            })
        },
        &|it| it.put_user(User { admin: true, ..user(MIA, "mia") }),
        &|it| it.put_user(User { admin: false, ..user(ADA, "ada") }),
        &|it| it.put_app(App { anonymous: true, ..hooked(&["B1", "B2"]) }),
        &|it| it.put_app(hooked(&["B2", "B3"])),
        &|it| it.put_token(token(hash(1, 7), BETA_APP, MIA, TokenKind::User)),
    ];
    for change in changes {
        change(&mut directory);
        same_as_by_looking_at_all(&directory);
    }
    assert!(directory.app_of_webhook("B1").is_none() && directory.app_of_webhook("B3").is_some());
    let general = directory.conversation(GENERAL).unwrap();
    assert_eq!((general.name.as_str(), general.members.is_empty()), ("no-longer-general", false));
}

/// Members are changed one at a time, and nothing else that is said of a conversation changes them.
#[test]
fn a_changed_conversation_keeps_its_members() {
    let mut all = Directories::default();
    all.apply(&DirectoryChange::Create(Arc::new(directory(1).renumbered(HOME))));
    let room = |all: &Directories| Conversation::clone(all.get(HOME).unwrap().conversation(PRIVATE).unwrap());
    let before = room(&all);
    let changed = conversation(PRIVATE, ConversationKind::Private, "other", &[SAM]);
    all.apply(&DirectoryChange::Conversation(HOME, changed.clone()));
    let (members, former) = (before.members.clone(), before.former.clone());
    assert_eq!(room(&all), Conversation { members, former, ..changed.clone() });
    all.apply(&DirectoryChange::Member(HOME, PRIVATE, MIA, None));
    assert!(!room(&all).has(MIA) && room(&all).has(ALPHA));
    all.apply(&DirectoryChange::Member(HOME, PRIVATE, ALPHA, Some(Membership::Former)));
    assert_eq!((room(&all).has(ALPHA), room(&all).former.contains(&ALPHA)), (false, true));
    all.apply(&DirectoryChange::Member(HOME, PRIVATE, ALPHA, Some(Membership::Member(START))));
    assert_eq!((room(&all).has(ALPHA), room(&all).former.contains(&ALPHA)), (true, false));
    all.apply(&DirectoryChange::Conversation(HOME, Conversation { id: ConversationId(99), ..changed }));
    assert!(all.get(HOME).unwrap().conversation(ConversationId(99)).is_none(), "it is not a new one");
}

#[test]
fn a_changed_user_is_found_by_its_new_names_only() {
    let mut directory = directory(1);
    let changed = User { id: MIA, ..user(MIA, "mimi") };
    directory.put_user(changed);
    for name in ["U-mia", "29:mia", "guid-mia", "@mia", "mailto:mia@example.com"] {
        assert_eq!(directory.named(name), None, "{name}");
    }
    for name in ["U-mimi", "29:mimi", "guid-mimi", "@mimi", "mailto:mimi@example.com"] {
        assert_eq!(directory.named(name), Some(Named::User(MIA)), "{name}");
    }
}

#[test]
fn a_renamed_channel_is_found_by_its_new_name_only() {
    let mut directory = directory(1);
    directory.put_conversation(conversation(PUBLIC, ConversationKind::Public, "renamed", &[MIA]));
    assert_eq!(directory.channel("public").map(|found| found.id), None);
    assert_eq!(directory.channel("renamed").map(|found| found.id), Some(PUBLIC));
}

/// A group found by its members follows them; two of the same members are never mixed up, the older one is found.
#[test]
fn a_direct_message_is_found_by_its_present_members() {
    let mut directory = directory(1);
    let group =
        |id: u32, members: &[UserId]| conversation(ConversationId(id), ConversationKind::Group, "", members);
    let found = |directory: &Directory, members: &[UserId]| directory.direct(members).map(|found| found.id.0);
    directory.put_conversation(group(8, &[IVO, MIA, ALPHA]));
    assert_eq!(found(&directory, &[IVO, MIA, ALPHA]), Some(8));
    // Ivo left, which makes it a second one of Mia and alpha.
    directory.put_conversation(group(8, &[MIA, ALPHA]));
    assert_eq!(found(&directory, &[IVO, MIA, ALPHA]), None);
    assert_eq!(found(&directory, &[MIA, ALPHA]), Some(DIRECT.0));
    // The older one changes, and the younger is the only one.
    directory.put_conversation(group(DIRECT.0, &[MIA, ALPHA, BETA]));
    assert_eq!(found(&directory, &[MIA, ALPHA]), Some(8));
    assert_eq!(found(&directory, &[MIA, ALPHA, BETA]), Some(DIRECT.0));
    // Nothing changed about who is in it.
    directory.put_conversation(Conversation { closed: [MIA].into(), ..group(8, &[MIA, ALPHA]) });
    assert_eq!(found(&directory, &[MIA, ALPHA]), Some(8));
    directory.put_conversation(group(DIRECT.0, &[MIA, ALPHA]));
    assert_eq!(found(&directory, &[MIA, ALPHA]), Some(DIRECT.0));
    // One that is not the one found leaves without a trace.
    directory.put_conversation(group(8, &[MIA, ALPHA, GAMMA]));
    assert_eq!(found(&directory, &[MIA, ALPHA]), Some(DIRECT.0));
}

#[test]
fn a_renumbered_copy_differs_in_its_number_alone() {
    let copy = directory(1).renumbered(WorkspaceId(9));
    assert_eq!(copy.workspace, Workspace { id: WorkspaceId(9), ..directory(1).workspace });
    assert_eq!((copy.count(Kind::Token), copy.next_user()), (11, UserId(10)));
}

/// Changes of the whole set, one by one, each looked up again by the names that it gives.
#[test]
fn changes_are_applied_where_they_belong() {
    let mut all = Directories::default();
    let create = |n: u8, id| DirectoryChange::Create(Arc::new(directory(n).renumbered(WorkspaceId(id))));
    assert_eq!(all.next_workspace, WorkspaceId(1));
    all.apply(&create(1, 5));
    assert_eq!(all.next_workspace, WorkspaceId(6));
    all.apply(&create(2, 3));
    assert_eq!(all.next_workspace, WorkspaceId(6));
    assert_eq!(all.all().map(|one| one.workspace.id.0).collect::<Vec<_>>(), [3, 5]);

    let (three, five) = (WorkspaceId(3), WorkspaceId(5));
    let workspace = Workspace { id: three, name: "Other".into(), ..directory(2).workspace };
    let new_app = App { app_id: "app-new".into(), ..app(2, 9, MIA, ADA) };
    for change in [
        DirectoryChange::Workspace(workspace),
        DirectoryChange::User(three, user(UserId(10), "pia")),
        DirectoryChange::App(three, new_app),
        DirectoryChange::NewConversation(
            three,
            conversation(ConversationId(8), ConversationKind::Public, "ops", &[]),
        ),
        DirectoryChange::Token(three, token(hash(2, 80), ALPHA_APP, MIA, TokenKind::User)),
        DirectoryChange::User(WorkspaceId(99), user(UserId(10), "nobody")),
    ] {
        all.apply(&change);
    }
    let (changed, other) = (all.get(three).unwrap(), all.get(five).unwrap());
    assert_eq!((changed.workspace.name.as_str(), other.workspace.name.as_str()), ("Other", "Acme"));
    assert!(changed.user_named("@pia").is_some() && other.user_named("@pia").is_none());
    assert!(changed.channel("ops").is_some() && other.channel("ops").is_none());
    assert!(changed.token(&hash(2, 80)).is_some() && other.token(&hash(2, 80)).is_none());
    let of = |found: Option<&Arc<Directory>>| found.map(|found| found.workspace.id.0);
    assert_eq!([of(all.of_token(&hash(2, 80))), of(all.of_token(&hash(1, 1)))], [Some(3), Some(5)]);
    let names = ["app-new", "app-2-1", "T2", "tenant-2", "T1", "U-mia"].map(|name| of(all.of_name(name)));
    assert_eq!(names, [Some(3), Some(3), Some(3), Some(3), Some(5), None]);

    all.apply(&DirectoryChange::Drop(three));
    all.apply(&DirectoryChange::Drop(three));
    assert_eq!(
        [of(all.of_name("app-new")), of(all.of_token(&hash(2, 80))), of(all.of_name("T1"))],
        [None, None, Some(5)]
    );
    assert_eq!(all.next_workspace, WorkspaceId(6));
}
