//! What people do in their own clients: they write, change, delete, react, type and press, and they see what is theirs to
//! see. The control API acts in their names.

mod apps;
mod cards;
mod person;
mod refresh;
pub(crate) mod refreshes;

pub(crate) use apps::Use;
pub(crate) use cards::{Answer, Dialog, Pressed};
pub(crate) use person::{Hindered, Person, Seen};
