//! Which apps of a workspace an event may concern, without asking each of them.
//!
//! A sieve: it may find an app too many and never one too few; `may_hear` of the app's dialect decides. It is built from a
//! directory, follows its changes, and is never ahead of it. What an app subscribes to is read again when an app or a token
//! has changed, who is in a conversation when its members have.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use redraft_model::content::Dialect;
use redraft_model::directory::{Directory, Named};
use redraft_model::event::Event;
use redraft_model::id::{AppId, ConversationId, UserId};
use redraft_model::shared::SharedMap;
use redraft_model::time::Micros;
use redraft_model::workspace::{Conversation, ConversationKind};

use super::Dialects;
use super::audience::{Audience, Interest, Topics};
use super::mentions::Mentions;

/// Conversations whose listeners are remembered. With more, all are found again.
const ROOMS_MAX: usize = 1024;

const DIALECTS: [Dialect; 2] = [Dialect::Slack, Dialect::Connector];

/// Kinds of conversation, and of none.
const KINDS: usize = 5;

/// See the module.
pub struct Index {
    dialects: Arc<dyn Dialects>,
    /// The only app that is looked for; otherwise all that events are delivered to.
    only: Option<AppId>,
    directory: Option<Arc<Directory>>,
    listeners: Vec<Listener>,
    by_app: HashMap<AppId, usize>,
    by_bot: HashMap<UserId, usize>,
    by_user: HashMap<UserId, Vec<usize>>,
    rooms: HashMap<ConversationId, Room>,
}

/// An app that events are delivered to.
struct Listener {
    id: AppId,
    dialect: Dialect,
    hears_from: u64,
    /// By kind of conversation.
    interests: [Vec<Interest>; KINDS],
}

/// Who listens in a conversation.
struct Room {
    /// Its members when this was found.
    members: SharedMap<UserId, Micros>,
    kind: ConversationKind,
    /// By dialect.
    present: [Present; DIALECTS.len()],
}

/// The listeners of one dialect in a conversation.
#[derive(Default)]
struct Present {
    /// What any of them receives.
    all: Topics,
    mentioning: Topics,
    /// Sorted by their place.
    listeners: BTreeMap<usize, (Topics, Topics)>,
}

/// Apps, each with the topics that may concern it.
pub type Concerned = BTreeMap<AppId, Topics>;

impl Index {
    /// Of one app, or of all.
    #[must_use]
    pub fn new(dialects: Arc<dyn Dialects>, only: Option<AppId>) -> Self {
        Self {
            dialects,
            only,
            directory: None,
            listeners: Vec::new(),
            by_app: HashMap::new(),
            by_bot: HashMap::new(),
            by_user: HashMap::new(),
            rooms: HashMap::new(),
        }
    }

    /// Follows a directory. Returns whether an app or a token may have changed since the last one.
    pub fn follow(&mut self, directory: &Arc<Directory>) -> bool {
        let known = self.directory.replace(Arc::clone(directory));
        if known.is_some_and(|known| known.has_same_apps(directory)) {
            return false;
        }
        self.rooms.clear();
        self.by_app.clear();
        self.by_bot.clear();
        self.by_user.clear();
        self.listeners.clear();
        let apps = directory.apps().filter(|app| app.is_told());
        for app in apps.filter(|app| self.only.is_none_or(|only| only == app.id)) {
            let place = self.listeners.len();
            let dialect = self.dialects.of(app.dialect);
            let interests = std::array::from_fn(|kind| dialect.interests(directory, app, kind_of(kind)));
            for interest in interests.iter().flatten() {
                let places = self.by_user.entry(interest.user).or_default();
                if places.last() != Some(&place) {
                    places.push(place);
                }
            }
            self.by_app.insert(app.id, place);
            self.by_bot.insert(app.bot_user, place);
            let (dialect, hears_from) = (app.dialect, app.hears_from);
            self.listeners.push(Listener { id: app.id, dialect, hears_from, interests });
        }
        true
    }

    /// Where the part of the log begins that is delivered to an app; `None` if none of it is.
    #[must_use]
    pub fn hears_from(&self, app: AppId) -> Option<u64> {
        Some(self.listeners[*self.by_app.get(&app)?].hears_from)
    }

    /// Whether it matters whom the event's words mention.
    pub fn needs_words(&mut self, event: &Event) -> bool {
        let Some(directory) = self.directory.clone() else { return false };
        let audiences = self.audiences(&directory, event);
        let Some(room) = self.room(&directory, event) else { return false };
        let needs = |(audience, present): (&Audience, &Present)| {
            !audience.members.common(present.mentioning).is_empty()
        };
        audiences.iter().zip(&room.present).any(needs)
    }

    /// The apps that an event may concern. Without `mentions`, whom it mentions is not known.
    pub fn concerned(&mut self, event: &Event, mentions: Option<&Mentions>) -> Concerned {
        let mut concerned = Concerned::new();
        let Some(directory) = self.directory.clone() else { return concerned };
        let audiences = self.audiences(&directory, event);
        let kind = event.kind.conversation().and_then(|id| directory.conversation(id)).map(|it| it.kind);
        self.room(&directory, event);
        let room = event.kind.conversation().and_then(|id| self.rooms.get(&id));
        for (place, (dialect, audience)) in DIALECTS.into_iter().zip(&audiences).enumerate() {
            if let Some(room) = room {
                self.members(&directory, &room.present[place], audience.members, mentions, &mut concerned);
            }
            let of_dialect = |listener: &&Listener| listener.dialect == dialect;
            if !audience.team.is_empty() {
                for listener in self.listeners.iter().filter(of_dialect) {
                    add(&mut concerned, listener, kind, audience.team, |_| true);
                }
            }
            if let Some((user, topics)) = audience.user {
                let places = self.by_user.get(&user).into_iter().flatten();
                for listener in places.map(|place| &self.listeners[*place]).filter(of_dialect) {
                    add(&mut concerned, listener, kind, topics, |it| it == user);
                }
            }
            if let Some(app) = audience.app
                && let Some(listener) = self.by_app.get(&app).map(|place| &self.listeners[*place])
                && of_dialect(&listener)
            {
                concerned.insert(app, Topics::ALL);
            }
        }
        concerned
    }

    fn audiences(&self, directory: &Directory, event: &Event) -> [Audience; DIALECTS.len()] {
        DIALECTS.map(|dialect| self.dialects.of(dialect).audience(directory, event))
    }

    fn members(
        &self,
        directory: &Directory,
        present: &Present,
        topics: Topics,
        mentions: Option<&Mentions>,
        concerned: &mut Concerned,
    ) {
        let mut add = |place: usize, topics: Topics| {
            if !topics.is_empty() {
                let known = concerned.entry(self.listeners[place].id).or_default();
                *known = known.and(topics);
            }
        };
        if !topics.common(present.all).is_empty() {
            present.listeners.iter().for_each(|(place, (all, _))| add(*place, topics.common(*all)));
        }
        if topics.common(present.mentioning).is_empty() {
            return;
        }
        match mentions {
            None => {
                for (place, (_, mentioning)) in &present.listeners {
                    add(*place, topics.common(*mentioning));
                }
            }
            Some(mentions) => {
                for id in mentions.ids() {
                    if let Some(Named::User(user)) = directory.named(id)
                        && let Some(place) = self.by_bot.get(&user)
                        && let Some((_, mentioning)) = present.listeners.get(place)
                    {
                        add(*place, topics.common(*mentioning));
                    }
                }
            }
        }
    }

    /// Finds out who listens where an event happened.
    fn room(&mut self, directory: &Directory, event: &Event) -> Option<&Room> {
        let conversation = directory.conversation(event.kind.conversation()?)?;
        let is_current =
            |room: &Room| room.kind == conversation.kind && room.members.is_copy_of(&conversation.members);
        if !self.rooms.get(&conversation.id).is_some_and(is_current) {
            if ROOMS_MAX <= self.rooms.len() {
                self.rooms.clear();
            }
            let room = self.find(conversation);
            self.rooms.insert(conversation.id, room);
        }
        self.rooms.get(&conversation.id)
    }

    fn find(&self, conversation: &Conversation) -> Room {
        let mut present = <[Present; DIALECTS.len()]>::default();
        let mut enter = |user: UserId, places: &[usize]| {
            for place in places {
                let listener = &self.listeners[*place];
                let present = &mut present[usize::from(listener.dialect == Dialect::Connector)];
                for interest in &listener.interests[place_of(Some(conversation.kind))] {
                    if interest.user == user {
                        let Interest { all, mentioning, .. } = *interest;
                        (present.all, present.mentioning) =
                            (present.all.and(all), present.mentioning.and(mentioning));
                        let known = present.listeners.entry(*place).or_default();
                        *known = (known.0.and(all), known.1.and(mentioning));
                    }
                }
            }
        };
        // A channel may have fifty thousand members, a workspace a thousand apps.
        if conversation.members.len() < self.by_user.len() {
            for user in conversation.members.keys() {
                self.by_user.get(user).into_iter().for_each(|places| enter(*user, places));
            }
        } else {
            let inside = self.by_user.iter().filter(|(user, _)| conversation.has(**user));
            inside.for_each(|(user, places)| enter(*user, places));
        }
        Room { members: conversation.members.clone(), kind: conversation.kind, present }
    }
}

/// What of these topics an app subscribes to in the name of some users, whether it mentions its bot or not.
fn add(
    concerned: &mut Concerned,
    listener: &Listener,
    kind: Option<ConversationKind>,
    topics: Topics,
    of: impl Fn(UserId) -> bool,
) {
    let interests = listener.interests[place_of(kind)].iter().filter(|interest| of(interest.user));
    let topics = interests.fold(Topics::default(), |found, interest| {
        found.and(topics.common(interest.all.and(interest.mentioning)))
    });
    if !topics.is_empty() {
        let known = concerned.entry(listener.id).or_default();
        *known = known.and(topics);
    }
}

fn place_of(kind: Option<ConversationKind>) -> usize {
    match kind {
        None => 0,
        Some(ConversationKind::Public) => 1,
        Some(ConversationKind::Private) => 2,
        Some(ConversationKind::Direct) => 3,
        Some(ConversationKind::Group) => 4,
    }
}

fn kind_of(place: usize) -> Option<ConversationKind> {
    use ConversationKind as C;
    [C::Public, C::Private, C::Direct, C::Group].get(place.checked_sub(1)?).copied()
}
