//! From a declaration to a workspace.

use std::collections::{BTreeMap, BTreeSet};

use redraft_model::content::Dialect;
use redraft_model::directory::Directory;
use redraft_model::id::{ConversationId, UserId, WorkspaceId};
use redraft_model::shared::SharedSet;
use redraft_model::time::Micros;
use redraft_model::workspace::{App, Conversation, ConversationKind, TokenKind, User, UserGroup, Workspace};

use super::app::SeedApp;
use super::declaration::{Seed, SeedChannel, SeedPerson, SeedToken, SeedUserGroup};
use super::error::SeedError;
use super::ids::Ids;
use super::make_app::{Place, make_app, new_token};
use super::ready::{Ready, ReadyChannel, ReadyPerson, ReadyWorkspace};
use redraft_service::mint;

impl Seed {
    /// Builds the workspace. With `steady`, ids that are not given follow from the names, so that two runs agree;
    /// otherwise they are random, so that one server can hold two workspaces of one declaration. Secrets that are not
    /// given are always random. The public address heads the webhooks'.
    ///
    /// # Errors
    /// When names in it are missing, unknown or not unique.
    pub fn build(
        &self,
        steady: bool,
        public_url: &str,
        now: Micros,
    ) -> Result<(Directory, Ready), SeedError> {
        if 1 < self.apps.iter().filter(|app| app.anonymous).count() {
            return Err(SeedError::Twice("an anonymous app".into()));
        }
        Builder::new(self, steady, public_url, now)?.build(self)
    }
}

/// Puts a declared workspace together.
struct Builder {
    ids: Ids,
    now: Micros,
    directory: Directory,
    people: BTreeMap<String, UserId>,
    channels: BTreeMap<String, ConversationId>,
    ready: Ready,
    public_url: String,
}

impl Builder {
    pub fn new(seed: &Seed, steady: bool, public_url: &str, now: Micros) -> Result<Self, SeedError> {
        let declared = &seed.workspace;
        let name = declared.name.clone().unwrap_or_else(|| "Acme".into());
        let ids = if steady { Ids::steady(&name) } else { Ids::random() };
        let team_id = ids.slack(declared.id.as_ref(), 'T', &name);
        let tenant_id = ids.guid(declared.tenant_id.as_ref(), "tenant");
        let domain = declared.domain.clone().unwrap_or_else(|| name.to_lowercase().replace(' ', "-"));
        let ready = Ready {
            workspace: ReadyWorkspace { id: team_id.clone(), tenant_id: tenant_id.clone() },
            people: Vec::new(),
            channels: Vec::new(),
            apps: Vec::new(),
            tokens: Vec::new(),
        };
        let mut directory = Directory::new(Workspace {
            id: WorkspaceId(0),
            team_id,
            tenant_id,
            name,
            domain,
            created_at: now,
            settings: declared.settings.settings().map_err(SeedError::Wrong)?,
            clock_offset_micros: 0,
        });
        directory.quotas = declared.quotas.quotas();
        let (people, channels) = (BTreeMap::new(), BTreeMap::new());
        Ok(Self { ids, now, directory, people, channels, ready, public_url: public_url.to_owned() })
    }

    pub fn build(mut self, seed: &Seed) -> Result<(Directory, Ready), SeedError> {
        seed.people.iter().try_for_each(|person| self.person(person))?;
        let general = SeedChannel { name: "general".into(), ..SeedChannel::default() };
        let declared = seed.channels.iter().any(|channel| channel.name == "general");
        let channels = (!declared).then_some(&general).into_iter().chain(&seed.channels);
        channels.into_iter().try_for_each(|channel| self.channel(channel))?;
        let first_member = seed.people.iter().find(|person| !person.admin).or(seed.people.first());
        for app in &seed.apps {
            self.app(app, first_member)?;
        }
        seed.user_groups.iter().try_for_each(|group| self.user_group(group))?;
        let first_app = self.directory.apps().find(|app| app.dialect == Dialect::Slack).cloned();
        for (place, person) in seed.people.iter().enumerate() {
            self.person_token(person, place, first_app.as_deref());
        }
        seed.tokens.iter().try_for_each(|token| self.token(token))?;
        Ok((self.directory, self.ready))
    }

    fn free(&self, names: &[&str]) -> Result<(), SeedError> {
        match names.iter().find(|name| self.directory.named(name).is_some()) {
            Some(name) => Err(SeedError::Twice((*name).to_owned())),
            None => Ok(()),
        }
    }

    fn person(&mut self, person: &SeedPerson) -> Result<(), SeedError> {
        if person.name.is_empty() {
            return Err(SeedError::Nameless("a person"));
        }
        let user = User {
            id: self.directory.next_user(),
            slack_id: self.ids.slack(person.id.as_ref(), 'U', &person.name),
            member_id: self.ids.member(person.member_id.as_ref(), &person.name),
            directory_id: self.ids.guid(person.directory_id.as_ref(), &person.name),
            name: person.name.clone(),
            real_name: person.real_name.clone().unwrap_or_else(|| person.name.clone()),
            email: person.email.clone(),
            admin: person.admin,
            bot_of: None,
            away: false,
            deactivated: false,
            updated_at: self.now,
        };
        self.free(&[&user.slack_id, &user.member_id, &user.directory_id, &format!("@{}", user.name)])?;
        if let Some(email) = &user.email {
            self.free(&[&format!("mailto:{}", email.to_lowercase())])?;
        }
        self.ready.people.push(ReadyPerson {
            name: user.name.clone(),
            id: user.slack_id.clone(),
            member_id: user.member_id.clone(),
            admin: user.admin,
            token: None,
            app_id: None,
        });
        self.people.insert(user.name.clone(), user.id);
        self.directory.put_user(user);
        Ok(())
    }

    fn named(&self, name: &str) -> Result<UserId, SeedError> {
        self.people.get(name).copied().ok_or_else(|| SeedError::Unknown(format!("the person {name}")))
    }

    fn channel(&mut self, channel: &SeedChannel) -> Result<(), SeedError> {
        if channel.name.is_empty() {
            return Err(SeedError::Nameless("a channel"));
        }
        let ids = self.ids.channel(&channel.name, channel.id.as_ref(), channel.conversation_id.as_ref());
        self.free(&[&ids.slack_id, &ids.connector_id])?;
        if self.directory.channel(&channel.name).is_some() {
            return Err(SeedError::Twice(format!("the channel {}", channel.name)));
        }
        let members = match &channel.members {
            None => self.people.values().copied().collect(),
            Some(names) => names.iter().map(|name| self.named(name)).collect::<Result<Vec<_>, _>>()?,
        };
        let conversation = Conversation {
            id: self.directory.next_conversation(),
            slack_id: ids.slack_id,
            connector_id: ids.connector_id,
            kind: if channel.private { ConversationKind::Private } else { ConversationKind::Public },
            name: channel.name.clone(),
            topic: redraft_model::workspace::Note::default(),
            purpose: redraft_model::workspace::Note::default(),
            creator: UserId(1),
            created_at: self.now,
            general: channel.name == "general",
            archived: channel.archived,
            members: members.into_iter().map(|user| (user, self.now)).collect(),
            former: SharedSet::new(),
            previous_names: Vec::new(),
            pins: Vec::new(),
            closed: BTreeSet::new(),
            updated_at: self.now,
        };
        self.ready.channels.push(ReadyChannel {
            name: conversation.name.clone(),
            id: conversation.slack_id.clone(),
            conversation_id: conversation.connector_id.clone(),
            private: channel.private,
        });
        self.channels.insert(conversation.name.clone(), conversation.id);
        self.directory.put_conversation(conversation);
        Ok(())
    }

    fn app(&mut self, app: &SeedApp, first_member: Option<&SeedPerson>) -> Result<(), SeedError> {
        if app.name.is_empty() {
            return Err(SeedError::Nameless("an app"));
        }
        let installer = app.installed_by.as_deref().or(first_member.map(|person| person.name.as_str()));
        let installer = installer.map(|name| self.named(name)).transpose()?;
        let place = Place {
            team_id: &self.directory.workspace.team_id,
            public_url: &self.public_url,
            installer: installer.and_then(|user| self.directory.user(user)).map(|user| &**user),
            channel: &|name| self.channels.get(name).copied(),
        };
        let made = make_app(app, &self.ids, &place, self.now)?;
        let (id, bot_user) = (self.directory.next_app(), self.directory.next_user());
        self.free(&[&made.app.slack_id, &made.app.bot_id, &made.app.app_id, &made.bot.slack_id])?;
        self.free(&[&format!("@{}", made.bot.name)])?;
        for channel in app.channels.as_deref().unwrap_or(&["general".into()]) {
            let place = self.channels.get(channel).and_then(|id| self.directory.conversation(*id));
            let place = place.ok_or_else(|| SeedError::Unknown(format!("the channel {channel}")))?;
            let mut conversation = Conversation::clone(place);
            conversation.members.insert(bot_user, self.now);
            self.directory.put_conversation(conversation);
        }
        self.ready.apps.push(made.ready);
        self.directory.put_user(User { id: bot_user, bot_of: Some(id), ..made.bot });
        self.directory.put_app(App { id, bot_user, ..made.app });
        for token in made.tokens {
            if self.directory.token(&token.hash).is_some() {
                return Err(SeedError::Twice(format!("a token of {}", app.name)));
            }
            self.directory.put_token(token.of(id, bot_user));
        }
        Ok(())
    }

    fn user_group(&mut self, group: &SeedUserGroup) -> Result<(), SeedError> {
        if group.handle.is_empty() {
            return Err(SeedError::Nameless("a user group"));
        }
        let made = UserGroup {
            id: self.directory.next_user_group(),
            slack_id: self.ids.slack(group.id.as_ref(), 'S', &format!("group/{}", group.handle)),
            handle: group.handle.clone(),
            name: group.name.clone().unwrap_or_else(|| group.handle.clone()),
            description: group.description.clone(),
            users: group.members.iter().map(|name| self.named(name)).collect::<Result<_, _>>()?,
            creator: UserId(1),
            created_at: self.now,
            updated_at: self.now,
            disabled: false,
        };
        self.free(&[&made.slack_id, &format!("@{}", made.handle)])?;
        self.directory.put_user_group(made);
        Ok(())
    }

    fn person_token(&mut self, person: &SeedPerson, place: usize, app: Option<&App>) {
        let (Some(app), Some(user)) = (app, self.people.get(&person.name)) else { return };
        let token = person.token.clone().unwrap_or_else(|| mint::token("xoxp"));
        self.ready.people[place].token = Some(token.clone());
        self.ready.people[place].app_id = Some(app.slack_id.clone());
        let scopes = person.scopes.as_ref();
        self.directory.put_token(new_token(&token, app.id, *user, TokenKind::User, scopes));
    }

    fn token(&mut self, token: &SeedToken) -> Result<(), SeedError> {
        let app = self.directory.apps().find(|app| app.name == token.app).cloned();
        let app = app.ok_or_else(|| SeedError::Unknown(format!("the app {}", token.app)))?;
        let (user, kind) = match &token.user {
            None => (app.bot_user, TokenKind::Bot),
            Some(name) => (self.named(name)?, TokenKind::User),
        };
        let prefix = if kind == TokenKind::Bot { "xoxb" } else { "xoxp" };
        let secret = token.token.clone().unwrap_or_else(|| mint::token(prefix));
        let made = new_token(&secret, app.id, user, kind, token.scopes.as_ref());
        if self.directory.token(&made.hash).is_some() {
            return Err(SeedError::Twice("a token".into()));
        }
        self.directory.put_token(made);
        self.ready.tokens.push(secret);
        Ok(())
    }
}
