//! What the marks of the graph mean, in words.

use leptos::prelude::*;
use mesh::api::HealthStatus;

use crate::ui::icon::health_word;
use crate::ui::{HealthMark, Icon, Popover, Symbol};

/// What the marks mean.
#[component]
pub fn Legend() -> impl IntoView {
    let open = RwSignal::new(false);
    let marks = [
        (
            HealthStatus::Failing,
            "surely at least 10 % of the requests fail",
        ),
        (
            HealthStatus::Degraded,
            "surely at least 1 % of the requests fail",
        ),
        (
            HealthStatus::Unjudged,
            "some failed, too few requests to judge",
        ),
        (HealthStatus::Healthy, "works"),
        (HealthStatus::Idle, "known, without traffic"),
        (HealthStatus::NoData, "nothing is known"),
    ];
    view! {
        <Popover
            label="Legend"
            face=|| view! { <Icon symbol=Symbol::Legend /> }
            open
            button_class="button--icon"
            panel_class="popover__panel--end popover__panel--text"
        >
            <h2 class="popover__title">"Legend"</h2>
            <dl class="legend" tabindex="0">
                {marks
                    .into_iter()
                    .map(|(status, meaning)| view! {
                        <div class="legend__line">
                            <dt>
                                <HealthMark status=Signal::stored(status) quiet=true />
                                {health_word(status)}
                            </dt>
                            <dd>{meaning}</dd>
                        </div>
                    })
                    .collect_view()}
                <div class="legend__line"><dt>"Line"</dt><dd>"calls from left to right; the wider, the more; dashed without traffic"</dd></div>
                <div class="legend__line"><dt>"Dashed card and line"</dt><dd>"outside the mesh’s metrics; “seen in traces alone” has no rates: traces are sampled"</dd></div>
                <div class="legend__line"><dt>"Bar at the foot"</dt><dd>"share of the requests that failed"</dd></div>
                <div class="legend__line"><dt>"Open lock"</dt><dd>"not all calls use mutual TLS"</dd></div>
                <div class="legend__line"><dt>"Box"</dt><dd>"a namespace, with its worst health"</dd></div>
            </dl>
        </Popover>
    }
}
