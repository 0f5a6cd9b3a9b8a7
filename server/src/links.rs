//! `GET /api/v1/links`: ways to Grafana's dashboards.

use axum::extract::State;
use axum::response::Response;
use mesh::api;
use mesh::api::links::{Link, LinksQuery};
use mesh::telemetry::ControlPlane;
use mesh::units::Window;

use crate::http::{ApiError, App, Params, encoded};

/// The pages of other programs, as browsers reach them: http or https, with a slash at the end.
#[derive(Clone, Debug, Default)]
pub struct Pages {
    /// Grafana, with Istio's dashboards.
    pub grafana: Option<String>,
    /// Jaeger.
    pub jaeger: Option<String>,
}

/// Lists ways to other programs about a workload, a service or the mesh; none where none is configured.
#[utoipa::path(
    get,
    path = "/api/v1/links",
    params(
        ("namespace" = Option<String>, Query, description = "A namespace; the mesh when left out"),
        ("workload" = Option<String>, Query, description = "A workload in it"),
        ("service" = Option<String>, Query, description = "A service in it"),
        ("window" = Option<String>, Query, description = "10s to 7d, such as 5m"),
        ("at" = Option<String>, Query, description = "The end of the window, RFC 3339 with Z"),
    ),
    responses((status = 200, body = api::List<Link>), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    Params(query): Params<LinksQuery>,
) -> Result<Response, ApiError> {
    let at = app.facts.instant(query.at)?;
    let items = match &app.pages.grafana {
        None => Vec::new(),
        Some(base) => {
            // Dashboards of the mesh have other ids in older versions; those of workloads do not.
            let minor = match query.namespace {
                None => istio_minor(&app).await,
                Some(_) => None,
            };
            mesh::links::grafana(base, &query, at, minor)
        }
    };
    encoded(&api::List {
        items,
        notices: Vec::new(),
    })
}

/// Returns the minor version of the control plane, where it is known.
async fn istio_minor(app: &App) -> Option<u32> {
    let ask = ControlPlane {
        window: Window::default(),
        at: app.facts.instant(None).ok()?,
    };
    let answer = app
        .reports
        .control_plane(app.facts.metrics(), ask)
        .await
        .ok()?;
    let builds = answer.value.builds.iter();
    let pilots = builds.filter(|build| build.component == "pilot");
    let minors = pilots.filter_map(|build| {
        let rest = build.version.strip_prefix("1.")?;
        rest.split(|c: char| !c.is_ascii_digit())
            .next()?
            .parse()
            .ok()
    });
    minors.max()
}
