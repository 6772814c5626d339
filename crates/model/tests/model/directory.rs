//! The directory: finding things by every spelling, and keeping its indexes while things change.

use redraft_model::directory::{Directories, Directory, DirectoryChange, Named};
use redraft_model::id::{AppId, ConversationId, UserId, WorkspaceId};
use redraft_model::workspace::{App, Conversation, ConversationKind, TokenKind, User, Workspace};

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
    for (directory, users, apps, conversations, entries) in
        [(empty, 1, 1, 1, 0), (directory(1), 10, 5, 8, 11)]
    {
        assert_eq!(directory.next_user(), UserId(users));
        assert_eq!(directory.next_app(), AppId(apps));
        assert_eq!(directory.next_conversation(), ConversationId(conversations));
        assert_eq!(directory.entries(), entries);
    }
    let mut people = Directory::new(directory(1).workspace);
    people.put_user(user(UserId(1), "a"));
    people.put_user(user(UserId(2), "b"));
    people.put_app(app(1, 1, UserId(1), UserId(2)));
    assert_eq!(people.entries(), 2);
}

#[test]
fn whose_conversations() {
    use ConversationKind as K;
    let directory = directory(1);
    let of =
        |user, kinds: &[K]| directory.conversations_of(user, kinds).map(|found| found.id).collect::<Vec<_>>();
    assert_eq!(of(MIA, &[K::Public, K::Private]), [GENERAL, PUBLIC, PRIVATE, ARCHIVED]);
    assert_eq!(of(MIA, &[K::Direct]), [DIRECT, PERSONAL]);
    assert_eq!(of(SAM, &[K::Public, K::Direct, K::Group]), [GENERAL, GROUP]);
    assert_eq!((of(OLGA, &[K::Public]), of(MIA, &[])), (vec![], vec![]));
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
    assert_eq!((copy.entries(), copy.next_user()), (11, UserId(10)));
}

/// Changes of the whole set, one by one, each looked up again by the names that it gives.
#[test]
fn changes_are_applied_where_they_belong() {
    let mut all = Directories::default();
    let create =
        |n: u8, id| DirectoryChange::Create(std::sync::Arc::new(directory(n).renumbered(WorkspaceId(id))));
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
        DirectoryChange::Conversation(
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
    let of = |found: Option<&std::sync::Arc<Directory>>| found.map(|found| found.workspace.id.0);
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
