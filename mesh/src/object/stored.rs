//! Objects as they are kept.

use std::borrow::Cow;

use serde_json::Value;

use super::ObjectKey;

/// A whole object as it is kept: as a value, or as text.
///
/// A value takes some ten times the room of its text, since each of its many small maps has room for more. Of a
/// large cluster thousands are kept, and each of them is looked into once for every version of all.
#[derive(Clone, Debug)]
pub struct Stored {
    key: ObjectKey,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    Value(Value),
    Text(Box<str>),
}

impl Stored {
    /// Keeps an object as text.
    pub fn as_text(object: &Value) -> Stored {
        Stored {
            key: ObjectKey::of(object),
            form: Form::Text(object.to_string().into()),
        }
    }

    /// Returns which object it is.
    pub fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// Returns the object.
    pub fn value(&self) -> Cow<'_, Value> {
        match &self.form {
            Form::Value(value) => Cow::Borrowed(value),
            // What was written from a value can be read.
            Form::Text(text) => Cow::Owned(serde_json::from_str(text).unwrap_or_default()),
        }
    }
}

impl From<Value> for Stored {
    fn from(object: Value) -> Stored {
        Stored {
            key: ObjectKey::of(&object),
            form: Form::Value(object),
        }
    }
}

impl PartialEq for Stored {
    fn eq(&self, other: &Stored) -> bool {
        match (&self.form, &other.form) {
            // Fields are sorted in both.
            (Form::Text(a), Form::Text(b)) => a == b,
            _ => self.value() == other.value(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_the_same_as_text_and_as_value() {
        let object = json!({"kind": "Service", "metadata": {"name": "a", "namespace": "b"}, "spec": {"x": [1, 0.1, null, "é\n"]}});
        let text = Stored::as_text(&object);
        let value = Stored::from(object.clone());
        assert_eq!(*text.value(), object);
        assert_eq!(text.key(), value.key());
        assert!(text == value && text == text.clone());
        assert!(text != Stored::as_text(&json!({"kind": "Service"})));
    }
}
