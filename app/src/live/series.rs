//! How something went over time, kept beside an answer.

use leptos::prelude::*;
use leptos::task::spawn_local;
use mesh::api::SeriesQuery;
use mesh::api::series::Series;

use crate::fetch::{self, Answer, Problem};
use crate::url;

/// Asks for the series of `question`, and again with every new answer beside it, of which `made` tells.
/// Returns nothing until there is one; an old one stays while a newer one of the same thing can't be had.
pub fn series(
    question: Memo<Option<SeriesQuery>>,
    made: Signal<Option<i64>>,
) -> RwSignal<Option<Result<Series, Problem>>> {
    let series = RwSignal::new(None::<Result<Series, Problem>>);
    let generation = StoredValue::new(0u32);
    Effect::new(move |before: Option<Option<SeriesQuery>>| {
        let _ = made.get();
        let asked = question.get();
        if before.flatten().as_ref().map(|q| &q.id) != asked.as_ref().map(|q| &q.id) {
            series.set(None);
        }
        let Some(query) = asked.clone() else {
            return asked;
        };
        generation.update_value(|n| *n = n.wrapping_add(1));
        let mine = generation.get_value();
        spawn_local(async move {
            let got = fetch::get::<Series>(&url::series(&query), None, None).await;
            if generation.try_get_value() != Some(mine) {
                return;
            }
            match got {
                Ok(Answer::Fresh { value, .. }) => series.set(Some(Ok(value))),
                Ok(Answer::Unchanged) => {}
                // An old chart is better than none; the strip says that the data is stale.
                Err(_) if series.with_untracked(|s| matches!(s, Some(Ok(_)))) => {}
                Err(problem) => series.set(Some(Err(problem))),
            }
        });
        asked
    });
    series
}
