//! The declaration of a workspace: people, channels, apps and tokens, with ids and secrets as given strings where a test
//! wants its world to be the same on every run.

mod app;
mod build;
mod declaration;
mod error;
mod ids;
mod make_app;
mod ready;

pub use app::{AppKind, SeedApp, SeedCommand, SeedShortcut, SeedWebhook, ShortcutKind};
pub use declaration::{
    Seed, SeedChannel, SeedPerson, SeedQuotas, SeedSettings, SeedToken, SeedUserGroup, SeedWorkspace,
    read_value,
};
pub use error::SeedError;
pub use make_app::{MadeApp, Place, check_commands, check_url, new_app, new_token, new_webhook};
pub use ready::{Ready, ReadyApp, ReadyChannel, ReadyPerson, ReadyWebhook, ReadyWorkspace, ready_again};
