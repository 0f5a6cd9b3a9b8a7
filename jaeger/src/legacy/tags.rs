//! The tags of a span, a log or a process: by far most of an answer. They become [`Tag`]s as they are read, without
//! what stands between in the rest of it.

use std::fmt;
use std::marker::PhantomData;

use compact_str::{CompactString, ToCompactString as _};
use mesh::trace::Tag;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::loose::{MAX_ITEMS, Reads, Shown, Text, no_list, no_object, no_scalar, nothing_else};
use crate::read;

/// A list may have room for so many more than it holds.
const SLACK: usize = 8;

/// Tags that bear a name; none where there is something else than a list.
#[derive(Debug, Default)]
pub struct Tags(pub Vec<Tag>);

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Tags, D::Error> {
        from.deserialize_any(Reads::<Tags>(PhantomData))
    }
}

/// One element of the list; `None` where it is no tag.
#[derive(Default)]
struct Element(Option<Tag>);

impl<'de> Deserialize<'de> for Element {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Element, D::Error> {
        from.deserialize_any(Reads::<Element>(PhantomData))
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

impl<'de> Visitor<'de> for Reads<Tags> {
    type Value = Tags;

    no_scalar!();
    no_object!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Tags, A::Error> {
        let n_likely = read::with_words(read::Words::begin);
        let mut out = Vec::new();
        while let Some(Element(tag)) = list.next_element()? {
            if out.len() == MAX_ITEMS {
                return Err(Error::custom(format_args!(
                    "a list of more than {MAX_ITEMS}"
                )));
            }
            if out.is_empty() {
                out.reserve(n_likely);
            }
            out.extend(tag);
        }
        // A log within a span has fewer than the span.
        if out.capacity() - out.len() > SLACK {
            out.shrink_to_fit();
        }
        Ok(Tags(out))
    }
}

impl<'de> Visitor<'de> for Reads<Element> {
    type Value = Element;

    no_scalar!();
    no_list!();

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
