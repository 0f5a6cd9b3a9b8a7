//! The time, once for the whole page.

use std::time::Duration;

use leptos::prelude::*;

/// Milliseconds since the epoch, renewed every second.
#[derive(Clone, Copy)]
pub struct Clock(RwSignal<f64>);

/// Starts the clock.
pub fn provide() {
    let now = RwSignal::new(js_sys::Date::now());
    provide_context(Clock(now));
    let tick = set_interval_with_handle(
        move || {
            if !document().hidden() {
                now.set(js_sys::Date::now());
            }
        },
        Duration::from_secs(1),
    );
    if let Ok(tick) = tick {
        on_cleanup(move || tick.clear());
    }
}

/// Returns the clock.
pub fn use_clock() -> Clock {
    use_context::<Clock>().unwrap_or_else(|| Clock(RwSignal::new(js_sys::Date::now())))
}

impl Clock {
    /// Returns the time, and follows it.
    pub fn get(self) -> f64 {
        self.0.get()
    }
}

/// Writes the time of day where the person is: `12:04`.
pub fn time_of_day(at_ms: f64) -> String {
    let date = js_sys::Date::new(&at_ms.into());
    format!("{:02}:{:02}", date.get_hours(), date.get_minutes())
}

/// Writes the time of day with seconds: `12:04:30`.
pub fn time_with_seconds(at_ms: f64) -> String {
    let date = js_sys::Date::new(&at_ms.into());
    format!(
        "{:02}:{:02}:{:02}",
        date.get_hours(),
        date.get_minutes(),
        date.get_seconds()
    )
}

/// Writes day and time where the person is, as a `datetime-local` field takes it: `2026-01-31T12:04:00`.
pub fn local_field(at_ms: f64) -> String {
    let date = js_sys::Date::new(&at_ms.into());
    format!(
        "{:04}-{:02}-{:02}T{}",
        date.get_full_year(),
        date.get_month() + 1,
        date.get_date(),
        time_with_seconds(at_ms)
    )
}

/// Reads what a `datetime-local` field says, in the person's time zone.
pub fn from_local_field(text: &str) -> Option<f64> {
    let ms = js_sys::Date::new(&text.into()).get_time();
    ms.is_finite().then_some(ms)
}

/// Writes day and time for people: `31 Jan 12:04:30`.
pub fn day_and_time(at_ms: f64) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let date = js_sys::Date::new(&at_ms.into());
    let month = MONTHS.get(date.get_month() as usize).copied().unwrap_or("");
    format!("{} {month} {}", date.get_date(), time_with_seconds(at_ms))
}
