//! The answers that the pages of control plane, sidecars, circuit breakers, config and preflight hold.

use leptos::prelude::*;
use mesh::api::breakers::Breakers;
use mesh::api::checks::Checks;
use mesh::api::control_plane::ControlPlane;
use mesh::api::objects::Objects;
use mesh::api::preflight::Preflight;
use mesh::api::sidecars::Sidecars;

use crate::inventory::Ask;
use crate::live::{Live, Standing};
use crate::routes::HEADING;

/// The latest answers; cheap to copy. One for the whole page: who comes back sees the old picture at once.
#[derive(Clone, Copy)]
pub struct Store {
    /// How the control plane does.
    pub control_plane: Live<Ask<ControlPlane>>,
    /// What proxies cost.
    pub sidecars: Live<Ask<Sidecars>>,
    /// Circuit breakers.
    pub breakers: Live<Ask<Breakers>>,
    /// What is wrong with the objects that steer traffic.
    pub checks: Live<Ask<Checks>>,
    /// The objects of Istio and of the Gateway API.
    pub objects: Live<Ask<Objects>>,
    /// Whether the mesh has what this dashboard needs.
    pub preflight: Live<Ask<Preflight>>,
}

impl Store {
    /// Returns an empty store.
    pub fn new() -> Store {
        Store {
            control_plane: Live::new(),
            sidecars: Live::new(),
            breakers: Live::new(),
            checks: Live::new(),
            objects: Live::new(),
            preflight: Live::new(),
        }
    }

    /// Returns how the answer of a page stands, by the page's path; `None` where it has none of these.
    pub fn standing(self, path: &str) -> Option<Standing> {
        match path {
            "control-plane" => Some(self.control_plane.standing()),
            "sidecars" => Some(self.sidecars.standing()),
            "breakers" => Some(self.breakers.standing()),
            "config" => Some(self.checks.standing()),
            "config/objects" => Some(self.objects.standing()),
            "preflight" => Some(self.preflight.standing()),
            _ => None,
        }
    }
}

/// The head of a page: its name, what it counts, and its tools.
pub fn head(title: &'static str, tally: Memo<Option<String>>, tools: AnyView) -> AnyView {
    view! {
        <div class="toolbar">
            <h1 class="toolbar__title" id=HEADING tabindex="-1">{title}</h1>
            <p class="tally">{move || tally.get()}</p>
            <div class="toolbar__tools">{tools}</div>
        </div>
    }
    .into_any()
}
