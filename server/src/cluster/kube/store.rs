//! The objects as the watches tell them, and how far each kind is read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mesh::object::{self, Stored, text_at};
use serde_json::Value;
use tokio::sync::watch;

use super::kinds::{KINDS, Kept, Kind};
use super::trim::trimmed;
use crate::cluster::{Snapshot, Unread, Why};

/// Namespace and name.
type Place = (String, String);

/// All that is known of the cluster.
pub struct Store {
    shelves: Mutex<Shelves>,
    version: watch::Sender<u64>,
}

struct Shelves {
    /// One for each of [`KINDS`].
    by_kind: Vec<Shelf>,
    /// Grows with everything that a reader would see.
    version: u64,
}

/// The objects of one kind.
struct Shelf {
    objects: BTreeMap<Place, Arc<Stored>>,
    /// How far it is read, by the namespace that is watched; the empty one is all of them.
    reading: BTreeMap<String, Reading>,
}

/// How far a kind is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It was asked for, and is not told yet.
    Begun,
    /// It is told, and what changes will be.
    Done,
    /// The server does not have it.
    Absent,
    /// It can't be read, and why.
    Not(Why),
}

impl Default for Store {
    fn default() -> Store {
        let shelf = || Shelf {
            objects: BTreeMap::new(),
            reading: BTreeMap::new(),
        };
        Store {
            shelves: Mutex::new(Shelves {
                by_kind: KINDS.iter().map(|_| shelf()).collect(),
                version: 1,
            }),
            version: watch::Sender::new(1),
        }
    }
}

impl Store {
    /// Returns the objects as they are known.
    pub fn snapshot(&self) -> Snapshot {
        let shelves = self.shelves();
        let objects = shelves.by_kind.iter().flat_map(|it| it.objects.values());
        Snapshot {
            version: shelves.version,
            objects: objects.cloned().collect(),
            unread: shelves.unread(),
        }
    }

    /// Returns all objects of a kind.
    pub fn all(&self, kind: &Kind) -> Vec<Arc<Stored>> {
        let mut shelves = self.shelves();
        let shelf = shelves.of(kind);
        shelf.map_or_else(Vec::new, |it| it.objects.values().cloned().collect())
    }

    /// Returns how many objects there are, and of how many kinds.
    pub fn counts(&self) -> (usize, usize) {
        let shelves = self.shelves();
        let counts = shelves.by_kind.iter().map(|it| it.objects.len());
        let counts: Vec<usize> = counts.filter(|n| *n > 0).collect();
        (counts.iter().sum(), counts.len())
    }

    /// Returns a watch on the version of what is known.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// Keeps an object, unless a newer version of it is kept already: answers of writes and watches overtake each
    /// other.
    pub fn keep(&self, kind: &Kind, object: Value) {
        if kind.kept == Kept::Nothing {
            return;
        }
        let fresh = trimmed(kind, object);
        let place = place(&fresh);
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of(kind) else {
            return;
        };
        let known = shelf.objects.get(&place);
        if known.is_some_and(|known| **known == fresh || is_older(&fresh, known)) {
            return;
        }
        shelf.objects.insert(place, Arc::new(fresh));
        self.tell(shelves);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, kind: &Kind, namespace: &str, name: &str) {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of(kind) else {
            return;
        };
        let gone = shelf
            .objects
            .remove(&(namespace.to_owned(), name.to_owned()));
        if gone.is_some() {
            self.tell(shelves);
        }
    }

    /// Puts all objects of a kind in the place of those that were known, where a watch has read them anew;
    /// `scope` is the namespace that it watches, empty for all. They are trimmed already.
    pub fn replace(&self, kind: &Kind, scope: &str, objects: Vec<Stored>) {
        let fresh = objects.into_iter().map(|it| (place(&it), it));
        let fresh: BTreeMap<Place, Stored> = fresh.collect();
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of(kind) else {
            return;
        };
        let is_in = |namespace: &str| scope.is_empty() || namespace == scope;
        let was_read = shelf.reading.insert(scope.to_owned(), Reading::Done) == Some(Reading::Done);
        let n_before = shelf.objects.len();
        shelf
            .objects
            .retain(|place, _| !is_in(&place.0) || fresh.contains_key(place));
        let mut changed = !was_read || shelf.objects.len() != n_before;
        for (place, object) in fresh {
            let known = shelf.objects.get(&place);
            // What stays the same stays the same piece of memory.
            if known.is_none_or(|known| **known != object && !is_older(&object, known)) {
                shelf.objects.insert(place, Arc::new(object));
                changed = true;
            }
        }
        if changed {
            self.tell(shelves);
        }
    }

    /// Notes how far a kind is read. What was known of one that can't be read for now is kept: it is old, and
    /// that is said.
    pub fn note(&self, kind: &Kind, scope: &str, reading: Reading) {
        let mut shelves = self.shelves();
        let Some(shelf) = shelves.of(kind) else {
            return;
        };
        let forbidden = matches!(reading, Reading::Not(Why::Forbidden) | Reading::Absent);
        if forbidden {
            shelf
                .objects
                .retain(|place, _| !scope.is_empty() && place.0 != scope);
        }
        if shelf.reading.insert(scope.to_owned(), reading.clone()) != Some(reading) {
            self.tell(shelves);
        }
    }

    fn shelves(&self) -> MutexGuard<'_, Shelves> {
        // A shelf is changed in one step: what a panicking writer held can be read on.
        self.shelves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells the new version, still under the lock: versions are told in their order.
    fn tell(&self, mut shelves: MutexGuard<'_, Shelves>) {
        shelves.version += 1;
        self.version.send_replace(shelves.version);
    }
}

impl Shelves {
    fn of(&mut self, kind: &Kind) -> Option<&mut Shelf> {
        let at = KINDS.iter().position(|it| it == kind)?;
        self.by_kind.get_mut(at)
    }

    /// Returns what is not read, by kind. What the server does not have is read: there is nothing of it.
    fn unread(&self) -> Vec<Unread> {
        let kinds = KINDS.iter().zip(&self.by_kind);
        let unread = kinds.filter(|(kind, _)| kind.kept != Kept::Nothing);
        let unread = unread.filter_map(|(kind, shelf)| {
            let why = if shelf.reading.is_empty() {
                Why::Soon
            } else {
                shelf.reading.values().find_map(|it| match it {
                    Reading::Done | Reading::Absent => None,
                    Reading::Begun => Some(Why::Soon),
                    Reading::Not(why) => Some(why.clone()),
                })?
            };
            Some(Unread {
                kind: kind.kind.to_owned(),
                group: kind.group.to_owned(),
                why,
            })
        });
        unread.collect()
    }
}

fn place(object: &Stored) -> Place {
    let key = object.key();
    (key.namespace.clone(), key.name.clone())
}

/// Returns whether the version of `object` is older than that of the same object as it is known. Versions are
/// numbers that grow on every server there is; where one is none, what comes later is newer.
fn is_older(object: &Stored, known: &Stored) -> bool {
    let (object, known) = (object.value(), known.value());
    let version = |it: &Value| object::resource_version(it).parse::<u64>().ok();
    let is_same = text_at(&object, "/metadata/uid") == text_at(&known, "/metadata/uid");
    is_same
        && version(&object)
            .zip(version(&known))
            .is_some_and(|(this, that)| this < that)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn route(name: &str, version: u32) -> Stored {
        Stored::as_text(&object(name, version))
    }

    fn object(name: &str, version: u32) -> Value {
        json!({"kind": "VirtualService", "metadata": {"namespace": "shop", "name": name, "uid": name, "resourceVersion": version.to_string()}})
    }

    fn kind(name: &str) -> &'static Kind {
        Kind::named(name).unwrap()
    }

    fn shown(store: &Store) -> Vec<String> {
        let objects = store.snapshot().objects;
        let shown = objects.iter().map(|it| {
            format!(
                "{}@{}",
                it.key().name,
                object::resource_version(&it.value())
            )
        });
        shown.collect()
    }

    #[test]
    fn an_answer_that_comes_late_does_not_bring_the_old_back() {
        let store = Store::default();
        let kind = kind("VirtualService");
        store.replace(kind, "", vec![route("a", 9), route("b", 10)]);
        store.keep(kind, object("a", 12));
        store.keep(kind, object("a", 11));
        assert_eq!(shown(&store), ["a@12", "b@10"]);
        store.replace(kind, "", vec![route("a", 11)]);
        assert_eq!(shown(&store), ["a@12"]);
        // Made again under the same name.
        let mut again = object("a", 3);
        again["metadata"]["uid"] = "other".into();
        store.keep(kind, again);
        assert_eq!(shown(&store), ["a@3"]);
    }

    #[test]
    fn versions_grow_with_what_changes_and_with_nothing_else() {
        let store = Store::default();
        let kind = kind("VirtualService");
        store.replace(kind, "", vec![route("a", 9)]);
        let version = store.snapshot().version;
        store.replace(kind, "", vec![route("a", 9)]);
        store.keep(kind, object("a", 9));
        store.forget(kind, "shop", "b");
        assert_eq!(store.snapshot().version, version);
        store.forget(kind, "shop", "a");
        assert_eq!(store.snapshot().version, version + 1);
        assert_eq!(*store.changes().borrow(), version + 1);
    }

    #[test]
    fn what_is_not_read_is_said_and_what_is_not_there_is_read() {
        let store = Store::default();
        let why = |store: &Store, kind: &str| {
            let unread = store.snapshot().unread;
            unread
                .into_iter()
                .find(|it| it.kind == kind)
                .map(|it| it.why)
        };
        let rules = kind("DestinationRule");
        assert_eq!(why(&store, "DestinationRule"), Some(Why::Soon));
        store.note(rules, "", Reading::Begun);
        assert_eq!(why(&store, "DestinationRule"), Some(Why::Soon));
        store.note(rules, "", Reading::Not(Why::Forbidden));
        assert_eq!(why(&store, "DestinationRule"), Some(Why::Forbidden));
        store.note(rules, "", Reading::Absent);
        assert_eq!(why(&store, "DestinationRule"), None);
        assert_eq!(why(&store, "Event"), None);
    }

    #[test]
    fn a_watch_of_one_namespace_leaves_the_others_alone() {
        let store = Store::default();
        let kind = kind("VirtualService");
        let mut other = object("a", 5);
        other["metadata"]["namespace"] = "other".into();
        store.replace(kind, "other", vec![Stored::as_text(&other)]);
        store.replace(kind, "shop", vec![route("a", 9)]);
        assert_eq!(shown(&store), ["a@5", "a@9"]);
        store.replace(kind, "shop", Vec::new());
        assert_eq!(shown(&store), ["a@5"]);
        store.note(kind, "other", Reading::Not(Why::Forbidden));
        assert!(shown(&store).is_empty());
    }
}
