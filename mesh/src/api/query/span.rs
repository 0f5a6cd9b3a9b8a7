//! Parameters that several addresses share: which namespaces, how far back, until when.

use crate::units::{UnixMillis, Window};

use super::{BadParameter, Seen, Writer, at, list, time, unknown, window};

/// The parameters of an address about the things in some namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PlaceQuery {
    /// The namespaces to show, sorted; empty means all.
    pub namespaces: Vec<String>,
    /// How far to look back.
    pub window: Window,
    /// The end of the window; `None` means now.
    pub at: Option<UnixMillis>,
}

impl PlaceQuery {
    /// Reads the parameters, decoded, in any order.
    pub fn from_pairs<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<PlaceQuery, BadParameter> {
        let mut query = PlaceQuery::default();
        let mut seen = Seen::default();
        for (name, value) in pairs {
            seen.once(name)?;
            match name {
                "namespaces" => query.namespaces = list(name, value)?,
                "window" => query.window = window(value)?,
                "at" => query.at = Some(at(value)?),
                other => return Err(unknown(other, "namespaces, window, at")),
            }
        }
        Ok(query)
    }

    /// Writes the parameters, encoded, without a leading `?`; what is at its default is left out.
    pub fn to_query_string(&self) -> String {
        let mut out = Writer::default();
        out.list("namespaces", &self.namespaces);
        out.window_and_at(self.window, self.at);
        out.0
    }

    /// Returns whether things of `namespace` are asked for.
    pub fn shows(&self, namespace: &str) -> bool {
        self.namespaces.is_empty() || self.namespaces.iter().any(|it| it == namespace)
    }
}

/// Reads how far back and until when, and nothing else.
pub fn window_and_at<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(Window, Option<UnixMillis>), BadParameter> {
    let (mut back, mut end) = (Window::default(), None);
    let mut seen = Seen::default();
    for (name, value) in pairs {
        seen.once(name)?;
        match name {
            "window" => back = window(value)?,
            "at" => end = Some(at(value)?),
            other => return Err(unknown(other, "window, at")),
        }
    }
    Ok((back, end))
}

/// Writes the same, encoded, without a leading `?`; what is at its default is left out.
pub fn write_window_and_at(window: Window, at: Option<UnixMillis>) -> String {
    let mut out = Writer::default();
    out.window_and_at(window, at);
    out.0
}

impl Writer {
    /// Writes how far back and until when; what is at its default is left out.
    pub fn window_and_at(&mut self, window: Window, at: Option<UnixMillis>) {
        if window != Window::default() {
            self.pair("window", &window.to_string());
        }
        if let Some(at) = at {
            self.pair("at", &time::to_rfc3339(at));
        }
    }

    /// Returns what was written.
    pub fn done(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_and_anything_else_is_refused() {
        let query = PlaceQuery {
            namespaces: vec!["a".to_owned(), "b".to_owned()],
            window: Window::HOUR,
            at: Some(UnixMillis(1_769_860_800_000)),
        };
        let text = query.to_query_string();
        assert_eq!(text, "namespaces=a,b&window=1h&at=2026-01-31T12:00:00Z");
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        assert_eq!(PlaceQuery::from_pairs(pairs), Ok(query));
        for (name, value) in [("by", "app"), ("window", "5"), ("at", "noon")] {
            assert_eq!(
                PlaceQuery::from_pairs([(name, value)]).unwrap_err().name,
                name
            );
            assert_eq!(window_and_at([(name, value)]).unwrap_err().name, name);
        }
        assert_eq!(
            window_and_at([("namespaces", "a")]).unwrap_err().name,
            "namespaces"
        );
        assert_eq!(PlaceQuery::default().to_query_string(), "");
    }
}
