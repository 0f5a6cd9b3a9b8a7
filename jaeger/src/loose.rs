//! JSON that is read for what it says: what is of another kind than expected is passed over, not a reason to refuse
//! all the rest. Servers write the same number as text or as a number, and lists that are empty as `null`.

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads an answer that must be an object.
pub fn object<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, serde_json::Error> {
    // Checked once: from bytes, every text would be checked anew.
    let text = std::str::from_utf8(body)
        .map_err(|error| serde_json::Error::custom(format_args!("it is not UTF-8: {error}")))?;
    let Object(read) = serde_json::from_str(text)?;
    read.ok_or_else(|| Error::custom("it is no object"))
}

/// A list holds so many things at most; longer ones are refused.
pub const MAX_ITEMS: usize = 200_000;

/// What may be kept of a list.
pub trait Item {
    /// Returns whether it says anything.
    fn is_worth_keeping(&self) -> bool;
}

/// A list; empty where there is none.
#[derive(Debug)]
pub struct List<T> {
    /// What says something.
    pub items: Vec<T>,
    /// How many did not.
    pub n_dropped: usize,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List {
            items: Vec::new(),
            n_dropped: 0,
        }
    }
}

/// An object; `None` where there is something else.
#[derive(Debug)]
pub struct Object<T>(pub Option<T>);

impl<T> Default for Object<T> {
    fn default() -> Object<T> {
        Object(None)
    }
}

/// An object of whatever names, in its order; empty where there is something else.
#[derive(Debug)]
pub struct Entries<'a, T>(pub Vec<(Cow<'a, str>, T)>);

impl<T> Default for Entries<'_, T> {
    fn default() -> Self {
        Entries(Vec::new())
    }
}

/// A text, or what reads as one: a number, a truth. `None` where there is something else.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a>(pub Option<Cow<'a, str>>);

impl Text<'_> {
    /// Returns it; empty where there is none.
    pub fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

/// A whole number, or a text that reads as one.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Int(pub Option<i64>);

/// Anything, as a person reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shown<'a>(pub Cow<'a, str>);

/// A text that outlives the answer; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Word(pub String);

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Word, D::Error> {
        let text = Text::deserialize(from)?;
        Ok(Word(text.0.unwrap_or_default().into_owned()))
    }
}

/// A list of texts; empty where there is none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts(pub Vec<String>);

/// Answers every kind of value that is not looked for with nothing.
macro_rules! nothing_else {
    ($($method:ident($of:ty)),+) => {
        $(fn $method<E: Error>(self, _: $of) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        })+
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Self::Value::default())
        }
    };
}

/// Answers what is neither list nor object with nothing.
macro_rules! no_scalar {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }

        nothing_else!(
            visit_bool(bool),
            visit_i64(i64),
            visit_u64(u64),
            visit_f64(f64),
            visit_str(&str)
        );
    };
}

/// Passes over a list.
macro_rules! no_list {
    () => {
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

/// Passes over an object.
macro_rules! no_object {
    () => {
        fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Self::Value, A::Error> {
            while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Self::Value::default())
        }
    };
}

pub(crate) use {no_list, no_object, no_scalar, nothing_else};

/// Reads what is wanted, and passes over everything else.
pub struct Reads<T>(pub PhantomData<T>);

impl<'de, T: Deserialize<'de> + Item> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<List<T>, D::Error> {
        from.deserialize_any(Reads::<List<T>>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de> + Item> Visitor<'de> for Reads<List<T>> {
    type Value = List<T>;

    no_scalar!();
    no_object!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<List<T>, A::Error> {
        let mut out = List::default();
        while let Some(Object(item)) = list.next_element::<Object<T>>()? {
            match item.filter(Item::is_worth_keeping) {
                Some(_) if out.items.len() == MAX_ITEMS => {
                    return Err(Error::custom(format_args!(
                        "a list of more than {MAX_ITEMS}"
                    )));
                }
                Some(item) => out.items.push(item),
                None => out.n_dropped += 1,
            }
        }
        Ok(out)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Object<T>, D::Error> {
        from.deserialize_any(Reads::<Object<T>>(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for Reads<Object<T>> {
    type Value = Object<T>;

    no_scalar!();
    no_list!();

    fn visit_map<A: MapAccess<'de>>(self, object: A) -> Result<Object<T>, A::Error> {
        T::deserialize(MapAccessDeserializer::new(object)).map(|it| Object(Some(it)))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Deserialize<'de> for Entries<'a, T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Entries<'a, T>, D::Error> {
        from.deserialize_any(Reads::<Entries<'a, T>>(PhantomData))
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>> Visitor<'de> for Reads<Entries<'a, T>> {
    type Value = Entries<'a, T>;

    no_scalar!();
    no_list!();

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Entries<'a, T>, A::Error> {
        let mut out = Vec::new();
        while let Some((name, value)) = object.next_entry::<Text<'a>, T>()? {
            if out.len() == MAX_ITEMS {
                return Err(Error::custom(format_args!(
                    "an object of more than {MAX_ITEMS}"
                )));
            }
            out.push((name.0.unwrap_or_default(), value));
        }
        Ok(Entries(out))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text<'a>, D::Error> {
        from.deserialize_any(Reads::<Text<'a>>(PhantomData))
    }
}

/// What numbers and truths read as.
macro_rules! scalars_as_text {
    ($of:ident) => {
        fn visit_bool<E: Error>(self, it: bool) -> Result<Self::Value, E> {
            Ok($of(Cow::Borrowed(if it { "true" } else { "false" }).into()))
        }

        fn visit_i64<E: Error>(self, it: i64) -> Result<Self::Value, E> {
            Ok($of(Cow::<str>::Owned(it.to_string()).into()))
        }

        fn visit_u64<E: Error>(self, it: u64) -> Result<Self::Value, E> {
            Ok($of(Cow::<str>::Owned(it.to_string()).into()))
        }

        fn visit_f64<E: Error>(self, it: f64) -> Result<Self::Value, E> {
            Ok($of(Cow::<str>::Owned(it.to_string()).into()))
        }

        fn visit_borrowed_str<E: Error>(self, it: &'de str) -> Result<Self::Value, E> {
            Ok($of(Cow::Borrowed(it).into()))
        }

        fn visit_str<E: Error>(self, it: &str) -> Result<Self::Value, E> {
            Ok($of(Cow::<str>::Owned(it.to_owned()).into()))
        }

        fn visit_string<E: Error>(self, it: String) -> Result<Self::Value, E> {
            Ok($of(Cow::<str>::Owned(it).into()))
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($of::default())
        }
    };
}

impl<'de: 'a, 'a> Visitor<'de> for Reads<Text<'a>> {
    type Value = Text<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    scalars_as_text!(Text);
    no_list!();
    no_object!();
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Int, D::Error> {
        from.deserialize_any(Reads::<Int>(PhantomData))
    }
}

impl<'de> Visitor<'de> for Reads<Int> {
    type Value = Int;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    nothing_else!(visit_bool(bool));
    no_list!();
    no_object!();

    fn visit_i64<E: Error>(self, it: i64) -> Result<Int, E> {
        Ok(Int(Some(it)))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Int, E> {
        Ok(Int(i64::try_from(it).ok()))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Int, E> {
        // Beyond this, not every whole number is told apart, and what is no number at all is none of them.
        let is_whole = it.is_finite() && it.abs() < 9.2e18;
        Ok(Int(is_whole.then_some(it as i64)))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Int, E> {
        Ok(Int(it.trim().parse().ok()))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Shown<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Shown<'a>, D::Error> {
        from.deserialize_any(Reads::<Shown<'a>>(PhantomData))
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Reads<Shown<'a>> {
    type Value = Shown<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything")
    }

    scalars_as_text!(Shown);

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shown<'a>, A::Error> {
        let mut out = String::from("[");
        while let Some(Shown(item)) = list.next_element()? {
            if out.len() > 1 {
                out.push_str(", ");
            }
            out.push_str(&item);
        }
        out.push(']');
        Ok(Shown(out.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Shown<'a>, A::Error> {
        let mut out = String::from("{");
        while let Some((Shown(name), Shown(value))) = object.next_entry::<Shown<'a>, Shown<'a>>()? {
            if out.len() > 1 {
                out.push_str(", ");
            }
            // Writing to a text never fails.
            let _ = write!(out, "{name}: {value}");
        }
        out.push('}');
        Ok(Shown(out.into()))
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Texts, D::Error> {
        from.deserialize_any(Reads::<Texts>(PhantomData))
    }
}

impl<'de> Visitor<'de> for Reads<Texts> {
    type Value = Texts;

    no_scalar!();
    no_object!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
        let mut out = Vec::new();
        while let Some(Shown(text)) = list.next_element()? {
            if out.len() == MAX_ITEMS {
                return Err(Error::custom(format_args!(
                    "a list of more than {MAX_ITEMS}"
                )));
            }
            if !text.is_empty() {
                out.push(text.into_owned());
            }
        }
        Ok(Texts(out))
    }
}
