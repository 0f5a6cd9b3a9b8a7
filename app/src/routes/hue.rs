//! Which colour a version has: the same wherever it is shown, and never a colour of health.

use std::collections::BTreeMap;

use mesh::api::routes::{Destination, Rule, Service};

/// How many colours there are.
const COLOURS: usize = 4;

/// The colours of the versions of one service, or of the destinations of one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hues(BTreeMap<String, usize>);

impl Hues {
    /// Gives each name a colour: `v2` the second, so that it keeps it when `v1` is gone; names without a
    /// number those that are left, in order.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>) -> Hues {
        let mut hues: BTreeMap<String, Option<usize>> =
            names.into_iter().map(|n| (n.to_owned(), None)).collect();
        let mut taken = [false; COLOURS];
        for (name, hue) in &mut hues {
            let free = number(name)
                .map(|n| (n + COLOURS - 1) % COLOURS)
                .filter(|at| taken.get(*at) == Some(&false));
            if let Some(place) = free.and_then(|at| taken.get_mut(at)) {
                *place = true;
                *hue = free;
            }
        }
        let mut n_more = 0;
        for hue in hues.values_mut().filter(|hue| hue.is_none()) {
            let free = taken.iter().position(|t| !t);
            if let Some(place) = free.and_then(|at| taken.get_mut(at)) {
                *place = true;
            }
            // More versions than colours: names tell them apart.
            *hue = Some(free.unwrap_or(n_more % COLOURS));
            n_more += usize::from(free.is_none());
        }
        Hues(
            hues.into_iter()
                .map(|(n, hue)| (n, hue.unwrap_or(0)))
                .collect(),
        )
    }

    /// Returns the colours of a rule's destinations, and of the other versions of their service.
    pub fn of(rule: &Rule, service: Option<&Service>) -> Hues {
        let versions = service.into_iter().flat_map(|s| &s.versions);
        Hues::new(
            rule.destinations
                .iter()
                .map(key)
                .chain(versions.map(|v| v.name.as_str())),
        )
    }

    /// Returns the class that fills something with a version's colour.
    pub fn class(&self, version: &str) -> &'static str {
        const CLASSES: [&str; COLOURS] = ["version--1", "version--2", "version--3", "version--4"];
        CLASSES.get(self.at(version)).copied().unwrap_or(CLASSES[0])
    }

    /// Returns the class that fills something with a destination's colour.
    pub fn class_of(&self, destination: &Destination) -> &'static str {
        self.class(key(destination))
    }

    /// Returns the class under which a destination's colour is `--hue`.
    pub fn hue_of(&self, destination: &Destination) -> &'static str {
        const CLASSES: [&str; COLOURS] = ["hue--1", "hue--2", "hue--3", "hue--4"];
        CLASSES
            .get(self.at(key(destination)))
            .copied()
            .unwrap_or(CLASSES[0])
    }

    fn at(&self, version: &str) -> usize {
        self.0.get(version).copied().unwrap_or(0)
    }
}

/// A subset may be called `canary`; its pods' version is what other pages show.
fn key(destination: &Destination) -> &str {
    destination.version.as_deref().unwrap_or(&destination.name)
}

/// Returns the number that a name ends with.
fn number(name: &str) -> Option<usize> {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    name.get(name.len() - digits..)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_keeps_its_colour_when_another_is_gone() {
        let both = Hues::new(["v1", "v2"]);
        assert_eq!(
            [both.class("v1"), both.class("v2")],
            ["version--1", "version--2"]
        );
        assert_eq!(Hues::new(["v2"]).class("v2"), "version--2");
    }

    #[test]
    fn names_without_a_number_take_what_is_left() {
        let hues = Hues::new(["stable", "canary", "v1"]);
        assert_eq!(hues.class("v1"), "version--1");
        assert_eq!(hues.class("canary"), "version--2");
        assert_eq!(hues.class("stable"), "version--3");
    }

    #[test]
    fn more_versions_than_colours_still_have_one_each() {
        let hues = Hues::new(["v1", "v2", "v3", "v4", "v5"]);
        assert_eq!(hues.class("v5"), hues.class("v1"));
        assert_eq!(Hues::new(["v1", "r1"]).class("v1"), "version--2");
    }
}
