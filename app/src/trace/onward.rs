//! The ways from elsewhere to a search for traces.

use leptos::prelude::*;
use mesh::api::TracesQuery;
use mesh::units::{UnixMillis, Window};

use crate::shell::place::{Place, use_place};
use crate::ui::chart::Onward;

/// Shorter than this, and a sample of calls is likely to be empty, in seconds.
const SHORTEST_S: u32 = 60;

/// Leads from a point of a chart to the traces of its time.
pub fn traces_of_points(place: Place, search: Signal<TracesQuery>, step_s: u32) -> Onward {
    Onward {
        label: "Traces",
        href: Callback::new(move |at_ms: i64| {
            place.traces_href(search.get(), |address| {
                address.query.at = Some(UnixMillis(at_ms).floor_to(1000));
                address.query.window = around(step_s);
            })
        }),
    }
}

/// The window that a point stands for.
fn around(step_s: u32) -> Window {
    Window::from_secs(step_s.max(SHORTEST_S)).unwrap_or_default()
}

/// A link to the traces of something, as one of the ways on from its page.
#[component]
pub fn Ways(
    /// What they are searched by.
    #[prop(into)]
    search: Signal<TracesQuery>,
    /// What the link says.
    #[prop(default = "Traces")]
    text: &'static str,
    /// What readers of the screen hear, where the text alone does not say it.
    #[prop(optional_no_strip)]
    label: Option<String>,
    #[prop(default = "button")] class: &'static str,
) -> impl IntoView {
    let place = use_place();
    let href = move || place.traces_href(search.get(), |_| {});
    view! { <a class=class href=href aria-label=label>{text}</a> }
}

#[cfg(test)]
mod tests {
    use super::around;

    #[test]
    fn a_point_stands_for_its_step_and_no_less_than_a_minute() {
        assert_eq!(around(15).to_string(), "1m");
        assert_eq!(around(300).to_string(), "5m");
        assert_eq!(around(u32::MAX).to_string(), "5m");
    }
}
