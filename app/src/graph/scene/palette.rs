//! The colours of the picture: those of style/tokens.css, which a canvas cannot read by name.

use mesh::api::HealthStatus;

use crate::shell::theme::Theme;

/// A colour by its purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Ink {
    /// The page's ground.
    Ground,
    /// Cards.
    Surface,
    /// Hairlines.
    Line,
    /// Calls, outlines.
    LineStrong,
    /// Text.
    Text,
    /// Lesser text.
    Text2,
    /// Least text.
    Text3,
    /// What is selected.
    Accent,
    /// Works.
    Healthy,
    /// Surely ≥ 1 % fail.
    Degraded,
    /// Surely ≥ 10 % fail.
    Failing,
}

const PAIRS: [(Ink, &str, &str, &str); 11] = [
    (Ink::Ground, "bg", "#f6f8fa", "#0e141a"),
    (Ink::Surface, "surface", "#ffffff", "#151d25"),
    (Ink::Line, "line", "#d9e0e7", "#2b3743"),
    (Ink::LineStrong, "line-strong", "#7f8d9b", "#6b7a89"),
    (Ink::Text, "ink", "#16202b", "#e7ecf1"),
    (Ink::Text2, "ink-2", "#465464", "#aab6c2"),
    (Ink::Text3, "ink-3", "#5f6e7e", "#8b99a7"),
    (Ink::Accent, "accent", "#0a6a8a", "#56b9da"),
    (Ink::Healthy, "healthy", "#1a7a58", "#45c296"),
    (Ink::Degraded, "degraded", "#9a5b00", "#efa93f"),
    (Ink::Failing, "failing", "#b93a17", "#ff7f5c"),
];

/// Returns a colour as CSS writes it.
pub fn colour(ink: Ink, theme: Theme) -> &'static str {
    let pair = PAIRS.iter().find(|pair| pair.0 == ink);
    pair.map_or("#7f8d9b", |&(_, _, light, dark)| match theme {
        Theme::Light => light,
        Theme::Dark => dark,
    })
}

/// Returns the colour of what is bad; nothing where all is well.
pub fn alarm(status: HealthStatus) -> Option<Ink> {
    match status {
        HealthStatus::Failing => Some(Ink::Failing),
        HealthStatus::Degraded => Some(Ink::Degraded),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_colours_are_those_of_the_page() {
        let tokens = include_str!("../../../../style/tokens.css");
        for (_, name, light, dark) in PAIRS {
            let line = format!("--{name}: light-dark({light}, {dark});");
            assert!(tokens.contains(&line), "tokens.css does not say `{line}`");
        }
    }
}
