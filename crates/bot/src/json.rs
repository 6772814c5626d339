//! JSON objects that preserve unknown members.

use serde_json::{Map, Value};

/// A member of an object: read if it is understood, left where it is if not.
pub(crate) trait Member: Sized + Default {
    /// `None` if this value is none of ours.
    fn read(value: &Value) -> Option<Self>;
    /// `None` if there is nothing to write.
    fn write(&self) -> Option<Value>;
}

impl<T: serde::Serialize + serde::de::DeserializeOwned> Member for Option<T> {
    fn read(value: &Value) -> Option<Self> {
        if value.is_null() { None } else { T::deserialize(value).ok().map(Some) }
    }
    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(|value| serde_json::to_value(value).ok())
    }
}

impl<T: serde::Serialize + serde::de::DeserializeOwned> Member for Vec<T> {
    fn read(value: &Value) -> Option<Self> {
        let items = value.as_array().filter(|items| !items.is_empty())?;
        items.iter().map(|item| T::deserialize(item).ok()).collect()
    }
    fn write(&self) -> Option<Value> {
        if self.is_empty() { None } else { serde_json::to_value(self).ok() }
    }
}

/// Takes a member out of an object, or leaves it there as it came.
pub(crate) fn take<M: Member>(object: &mut Map<String, Value>, name: &str) -> M {
    match object.get(name).and_then(M::read) {
        Some(member) => {
            object.remove(name);
            member
        }
        None => M::default(),
    }
}

/// Writes a member, in the place of an unknown value under its name, if it has a value.
pub(crate) fn put<M: Member>(object: &mut Map<String, Value>, name: &str, member: &M) {
    if let Some(value) = member.write() {
        object.insert(name.to_owned(), value);
    }
}

/// Declares an object of the wire. Reading one never fails because of a member: what is unknown, or known with a value of
/// another kind, stays in `extra` and is written again as it came, unless its field has been set meanwhile.
macro_rules! wire_object {
    ($(#[$meta:meta])* pub struct $name:ident { $($(#[$about:meta])* pub $field:ident: $kind:ty = $wire:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, Default, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$about])* pub $field: $kind,)*
            /// Members without a field, and members whose value does not fit their field. They are serialized unchanged, unless
            /// the field has been set since.
            pub extra: serde_json::Map<String, serde_json::Value>,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut extra = serde_json::Map::deserialize(deserializer)?;
                $(let $field = crate::json::take(&mut extra, $wire);)*
                Ok(Self { $($field,)* extra })
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut object = self.extra.clone();
                $(crate::json::put(&mut object, $wire, &self.$field);)*
                object.serialize(serializer)
            }
        }
    };
}
pub(crate) use wire_object;

/// Declares an enum of strings, with a variant for unknown ones.
macro_rules! wire_words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$about:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* $variant,)*
            /// A value that this version of the SDK does not know.
            Other(String),
        }

        impl $name {
            /// The value as it is written in JSON.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|word| Self::from(word.as_str()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}
pub(crate) use wire_words;
