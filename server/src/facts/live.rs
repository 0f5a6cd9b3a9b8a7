//! Which instant is looked at by those who name none: one at a time for each window, however many look.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use mesh::units::{UnixMillis, Window};

use super::{IDLE, TICK_MS};

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
    /// People who came before the source had answered, and whose answer is not made yet.
    n_waiting: usize,
    began: Instant,
    /// When the source's last answer came; a failure is none.
    answered: Option<Instant>,
    /// When the source was done with a question, or an answer was made for one who waited for it.
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
    /// From the source: it has not come yet.
    Facts,
    /// From the source: it is there.
    FactsAnswered,
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

    /// Notes that the source is asked about an instant; `None` where it is not the one that is looked at.
    pub fn asking(&self, window: Window, at: UnixMillis) -> Option<Noted<'_>> {
        self.begin(window, at, What::Facts, |_| true)
    }

    /// Notes that somebody waits for what the source is being asked about an instant; `None` where it has answered
    /// and is asked nothing more: who comes later prolongs nothing.
    pub fn waiting(&self, window: Window, at: UnixMillis) -> Option<Noted<'_>> {
        self.begin(window, at, What::Answer, Live::is_awaited)
    }

    fn begin(
        &self,
        window: Window,
        at: UnixMillis,
        what: What,
        is_due: impl FnOnce(&Live) -> bool,
    ) -> Option<Noted<'_>> {
        let mut has_begun = false;
        self.note(window, at, |live| {
            has_begun = is_due(live);
            if has_begun {
                live.begin(what);
            }
        });
        has_begun.then_some(Noted {
            lives: self,
            window,
            at,
            what,
        })
    }

    /// Notes something where this instant is the one that is looked at.
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
        if matches!(what, What::FactsAnswered) {
            self.answered = Some(now);
        }
        self.served = now;
    }

    fn count(&mut self, what: What) -> &mut usize {
        match what {
            What::Facts | What::FactsAnswered => &mut self.n_asked,
            What::Answer => &mut self.n_waiting,
        }
    }

    fn is_awaited(&self) -> bool {
        self.n_asked > 0 || self.answered.is_none()
    }

    /// Returns whether the source may be asked about another instant.
    ///
    /// It rests for a tick after the answer is made for the last who waited, as it does when one looks who asks again a
    /// tick after each. What took no twentieth of a tick is asked for at each of them. Once nothing more is asked, an
    /// instant ends before its facts are forgotten however long answers take to be made; one that the source failed to
    /// answer has no rest.
    fn is_over(&self, now: Instant) -> bool {
        if self.n_asked > 0 {
            return false;
        }
        let Some(answered) = self.answered else {
            return self.n_waiting == 0;
        };
        let rest = ((answered - self.began) * REST).min(Duration::from_millis(TICK_MS as u64));
        let has_rested = self.n_waiting == 0 && now.duration_since(self.served) >= rest;
        has_rested || now.duration_since(answered) >= IDLE
    }
}

impl Noted<'_> {
    /// Says that the source has answered what it was asked.
    pub fn set_answered(&mut self) {
        if matches!(self.what, What::Facts) {
            self.what = What::FactsAnswered;
        }
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
        live.end(What::FactsAnswered, begun + Duration::from_secs(2));
        live
    }

    #[test]
    fn a_source_rests_for_a_tick_from_when_the_last_who_waited_is_served() {
        let begun = Instant::now();
        let mut live = answered(begun);
        // Who comes now waits for nothing.
        assert!(!live.is_awaited());
        let served = begun + Duration::from_millis(2_700);
        live.end(What::Answer, served);
        assert!(!live.is_over(served + TICK - Duration::from_millis(1)));
        assert!(live.is_over(served + TICK));
    }

    #[test]
    fn an_instant_ends_before_its_facts_are_forgotten() {
        let begun = Instant::now();
        let live = answered(begun);
        let forgotten = begun + Duration::from_secs(2) + IDLE;
        assert!(!live.is_over(forgotten - Duration::from_millis(1)));
        assert!(live.is_over(forgotten), "somebody still waits");
    }

    #[test]
    fn a_quick_source_rests_for_twenty_times_its_work() {
        let begun = Instant::now();
        let mut live = Live::new(UnixMillis(0), begun);
        live.begin(What::Facts);
        let answered = begun + Duration::from_millis(10);
        live.end(What::FactsAnswered, answered);
        assert!(!live.is_over(answered + Duration::from_millis(199)));
        assert!(live.is_over(answered + Duration::from_millis(200)));
    }

    #[test]
    fn what_the_source_did_not_answer_holds_nobody_up() {
        let begun = Instant::now();
        let mut live = Live::new(UnixMillis(0), begun);
        assert!(live.is_over(begun), "it was never asked");
        live.begin(What::Facts);
        live.begin(What::Answer);
        let failed = begun + Duration::from_secs(30);
        live.end(What::Facts, failed);
        assert!(!live.is_over(failed), "who waits asks in its place");
        live.end(What::Answer, failed);
        assert!(live.is_over(failed));
        assert!(live.is_awaited(), "whoever comes asks again");
    }

    #[test]
    fn all_look_at_one_instant_until_the_source_has_rested() {
        let lives = Lives::default();
        let window = Window::HOUR;
        let (first, second) = (UnixMillis(5_000), UnixMillis(10_000));
        assert_eq!(lives.instant(window, first), first);
        let mut asking = lives.asking(window, first).expect("it is looked at");
        let waiting = lives.waiting(window, first);
        assert!(waiting.is_some());
        assert_eq!(lives.instant(window, second), first);
        // Another window is another question.
        assert_eq!(lives.instant(Window::default(), second), second);
        asking.set_answered();
        drop(asking);
        assert!(lives.waiting(window, first).is_none());
        assert_eq!(lives.instant(window, second), first, "somebody waits");
        drop(waiting);
        // What nobody looks at is nobody's rest.
        assert!(lives.asking(window, UnixMillis(1)).is_none());
        assert!(lives.waiting(window, UnixMillis(1)).is_none());
    }
}
