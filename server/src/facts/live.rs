//! Which instant is looked at by those who name none: one at a time for each window, however many look.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mesh::units::{UnixMillis, Window};

use super::TICK_MS;

/// So many windows are looked at without a time before those that nobody looks at are forgotten.
const MAX_LIVE: usize = 64;
/// A source rests so many times as long as it worked, but for no more than a tick.
const REST: u32 = 20;

/// The instants that are looked at, by window.
#[derive(Default)]
pub struct Lives(Mutex<HashMap<Window, Live>>);

/// An instant that is looked at, and how busy the source is with it.
struct Live {
    at: UnixMillis,
    /// The source's answers on their way.
    n_asked: usize,
    /// People who came before the source had answered, and have no answer yet.
    n_waiting: usize,
    began: Instant,
    /// When the source's last answer came.
    answered: Option<Instant>,
    /// When the last of those who waited for it had theirs.
    served: Instant,
}

/// What is on its way, until it is dropped.
pub struct Noted<'a> {
    lives: &'a Lives,
    window: Window,
    at: UnixMillis,
    what: What,
}

/// What is on its way.
#[derive(Clone, Copy)]
enum What {
    /// From the source.
    Facts,
    /// To somebody who looks.
    Answer,
}

impl Lives {
    /// Returns the instant that a question without one means: `fresh`, unless facts of an earlier one are on their
    /// way, or the source should rest.
    pub fn instant(&self, window: Window, fresh: UnixMillis) -> UnixMillis {
        let now = Instant::now();
        let mut lives = self.lock();
        if lives.len() >= MAX_LIVE {
            lives.retain(|_, live| !live.is_over(now));
        }
        let live = lives.entry(window).or_insert_with(|| Live::new(fresh, now));
        if live.at < fresh && live.is_over(now) {
            *live = Live::new(fresh, now);
        }
        live.at
    }

    /// Notes that the source is asked about an instant.
    pub fn asking(&self, window: Window, at: UnixMillis) -> Noted<'_> {
        self.note(window, at, |live| live.begin(What::Facts));
        self.noted(window, at, What::Facts)
    }

    /// Notes that somebody waits for what the source is being asked about an instant; `None` where the answer is
    /// there: who comes later prolongs nothing.
    pub fn waiting(&self, window: Window, at: UnixMillis) -> Option<Noted<'_>> {
        let mut is_awaited = false;
        self.note(window, at, |live| {
            is_awaited = live.is_awaited();
            if is_awaited {
                live.begin(What::Answer);
            }
        });
        is_awaited.then(|| self.noted(window, at, What::Answer))
    }

    fn noted(&self, window: Window, at: UnixMillis, what: What) -> Noted<'_> {
        Noted {
            lives: self,
            window,
            at,
            what,
        }
    }

    /// An explicit instant is nobody's rest.
    fn note(&self, window: Window, at: UnixMillis, note: impl FnOnce(&mut Live)) {
        let mut lives = self.lock();
        if let Some(live) = lives.get_mut(&window)
            && live.at == at
        {
            note(live);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Window, Live>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn new(at: UnixMillis, now: Instant) -> Live {
        Live {
            at,
            n_asked: 0,
            n_waiting: 0,
            began: now,
            answered: None,
            served: now,
        }
    }

    fn begin(&mut self, what: What) {
        *self.count(what) += 1;
    }

    fn end(&mut self, what: What, now: Instant) {
        let count = self.count(what);
        *count = count.saturating_sub(1);
        if matches!(what, What::Facts) {
            self.answered = Some(now);
        }
        self.served = now;
    }

    fn count(&mut self, what: What) -> &mut usize {
        match what {
            What::Facts => &mut self.n_asked,
            What::Answer => &mut self.n_waiting,
        }
    }

    fn is_awaited(&self) -> bool {
        self.n_asked > 0 || self.answered.is_none()
    }

    /// Returns whether the source may be asked about another instant: it rests for a tick after the last who waited
    /// has the answer, as it does when one looks who asks again a tick after each. What took no twentieth of a tick
    /// is asked for at each of them.
    fn is_over(&self, now: Instant) -> bool {
        let worked = self.answered.unwrap_or(self.began) - self.began;
        let rest = (worked * REST).min(Duration::from_millis(TICK_MS as u64));
        self.n_asked == 0 && self.n_waiting == 0 && now.duration_since(self.served) >= rest
    }
}

impl Drop for Noted<'_> {
    fn drop(&mut self) {
        let now = Instant::now();
        self.lives
            .note(self.window, self.at, |live| live.end(self.what, now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_millis(TICK_MS as u64);

    /// One that was asked about at `begun` and answered two seconds later, while somebody waits.
    fn answered(begun: Instant) -> Live {
        let mut live = Live::new(UnixMillis(0), begun);
        live.begin(What::Facts);
        assert!(live.is_awaited());
        live.begin(What::Answer);
        assert!(!live.is_over(begun + 10 * TICK));
        live.end(What::Facts, begun + Duration::from_secs(2));
        live
    }

    #[test]
    fn a_source_rests_for_a_tick_from_when_the_last_who_waited_is_served() {
        let begun = Instant::now();
        let mut live = answered(begun);
        // Who comes now waits for nothing.
        assert!(!live.is_awaited());
        assert!(!live.is_over(begun + 10 * TICK));
        let served = begun + Duration::from_secs(3);
        live.end(What::Answer, served);
        assert!(!live.is_over(served + TICK - Duration::from_millis(1)));
        assert!(live.is_over(served + TICK));
    }

    #[test]
    fn a_quick_source_rests_for_twenty_times_its_work() {
        let begun = Instant::now();
        let mut live = Live::new(UnixMillis(0), begun);
        live.begin(What::Facts);
        let answered = begun + Duration::from_millis(10);
        live.end(What::Facts, answered);
        assert!(!live.is_over(answered + Duration::from_millis(199)));
        assert!(live.is_over(answered + Duration::from_millis(200)));
    }

    #[test]
    fn what_was_never_asked_about_holds_nobody_up() {
        let begun = Instant::now();
        assert!(Live::new(UnixMillis(0), begun).is_over(begun));
    }

    #[test]
    fn all_look_at_one_instant_until_the_source_has_rested() {
        let lives = Lives::default();
        let window = Window::HOUR;
        let (first, second) = (UnixMillis(5_000), UnixMillis(10_000));
        assert_eq!(lives.instant(window, first), first);
        let asking = lives.asking(window, first);
        let waiting = lives.waiting(window, first);
        assert!(waiting.is_some());
        assert_eq!(lives.instant(window, second), first);
        // Another window is another question.
        assert_eq!(lives.instant(Window::default(), second), second);
        drop(asking);
        assert!(lives.waiting(window, first).is_none());
        assert_eq!(lives.instant(window, second), first);
        drop(waiting);
        // An explicit instant is nobody's rest.
        assert!(lives.waiting(window, UnixMillis(1)).is_none());
    }
}
