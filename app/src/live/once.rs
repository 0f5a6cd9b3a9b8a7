//! What is asked once: beside a page's own answer, and not kept fresh.

use leptos::prelude::*;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;

use crate::fetch::{self, Answer, Problem};

/// Asks for what stands under `url`, whenever that changes. Returns nothing until there is an answer to it.
pub fn once<A>(url: Memo<Option<String>>) -> RwSignal<Option<Result<A, Problem>>>
where
    A: DeserializeOwned + Send + Sync + 'static,
{
    let answer = RwSignal::new(None);
    let generation = StoredValue::new(0u32);
    Effect::new(move |_| {
        let url = url.get();
        answer.set(None);
        generation.update_value(|n| *n = n.wrapping_add(1));
        let mine = generation.get_value();
        let Some(url) = url else {
            return;
        };
        spawn_local(async move {
            let got = fetch::get::<A>(&url, None, None).await;
            if generation.try_get_value() != Some(mine) {
                return;
            }
            match got {
                Ok(Answer::Fresh { value, .. }) => answer.set(Some(Ok(value))),
                Ok(Answer::Unchanged) => {}
                Err(problem) => answer.set(Some(Err(problem))),
            }
        });
    });
    answer
}
