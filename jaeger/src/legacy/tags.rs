//! The tags of a span, a log or a process: by far most of an answer. They become [`Tag`]s as they are read, without
//! what stands between in the rest of it.

use std::fmt;

use compact_str::{CompactString, ToCompactString as _};
use mesh::trace::Tag;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::loose::{MAX_ITEMS, Shown, Text};
use crate::read;

/// Tags that bear a name; none where there is something else than a list.
#[derive(Debug, Default)]
pub struct Tags(pub Vec<Tag>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tags, D::Error> {
        from.deserialize_any(TagsVisitor)
    }
}

/// One element of the list; `None` where it is no tag.
struct Element(Option<Tag>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Element, D::Error> {
        from.deserialize_any(ElementVisitor)
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Field {
    Key,
    Type,
    Value,
    #[serde(other)]
    Other,
}

/// Answers what is neither list nor object with nothing.
macro_rules! nothing_for_scalars {
    ($nothing:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
            Ok($nothing)
        }
    };
}

struct TagsVisitor;

impl<'de> Visitor<'de> for TagsVisitor {
    type Value = Tags;

    nothing_for_scalars!(Tags::default());

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tags, A::Error> {
        read::with_words(read::Words::begin);
        let mut out = Vec::new();
        while let Some(Element(tag)) = list.next_element()? {
            if out.len() == MAX_ITEMS {
                return Err(Error::custom(format_args!(
                    "a list of more than {MAX_ITEMS}"
                )));
            }
            out.extend(tag);
        }
        Ok(Tags(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Tags, A::Error> {
        while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Tags::default())
    }
}

struct ElementVisitor;

impl<'de> Visitor<'de> for ElementVisitor {
    type Value = Element;

    nothing_for_scalars!(Element(None));

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Element, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Element(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Element, A::Error> {
        let (mut key, mut value) = (Text::default(), Shown::default());
        let mut is_binary = false;
        while let Some(field) = object.next_key()? {
            match field {
                Field::Key => key = object.next_value()?,
                Field::Type => is_binary = object.next_value::<Text<'_>>()?.as_str() == "binary",
                Field::Value => value = object.next_value()?,
                Field::Other => {
                    object.next_value::<IgnoredAny>()?;
                }
            }
        }
        if key.as_str().is_empty() {
            return Ok(Element(None));
        }
        let value = match is_binary {
            true => format_args!("{} (base64)", value.0).to_compact_string(),
            false => CompactString::from(value.0),
        };
        let tag = read::with_words(|words| words.tag(key.as_str(), value));
        Ok(Element(Some(tag)))
    }
}
