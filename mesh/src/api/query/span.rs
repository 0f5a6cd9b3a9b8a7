//! Parameters that several addresses share: how far back, until when.

use crate::units::{UnixMillis, Window};

use super::{BadParameter, Writer, at, read, time, window};

/// Reads how far back and until when, and nothing else.
pub fn window_and_at<'a>(
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<(Window, Option<UnixMillis>), BadParameter> {
    let (mut back, mut end) = (Window::default(), None);
    read(pairs, "window, at", |name, value| {
        match name {
            "window" => back = window(value)?,
            "at" => end = Some(at(value)?),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
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
        let end = Some(UnixMillis(1_769_860_800_000));
        let text = write_window_and_at(Window::HOUR, end);
        assert_eq!(text, "window=1h&at=2026-01-31T12:00:00Z");
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        assert_eq!(window_and_at(pairs), Ok((Window::HOUR, end)));
        for (name, value) in [
            ("by", "app"),
            ("window", "5"),
            ("at", "noon"),
            ("namespaces", "a"),
        ] {
            assert_eq!(window_and_at([(name, value)]).unwrap_err().name, name);
        }
        assert_eq!(write_window_and_at(Window::default(), None), "");
    }
}
