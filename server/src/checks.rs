//! `GET /api/v1/checks`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use mesh::api;
use mesh::api::checks::Checks;
use mesh::api::objects::ObjectsQuery;

use crate::http::{ApiError, App, Encoded, Params, encoded};
use crate::routes::no_cluster;

/// Lists what is wrong with the objects that steer traffic, or should be known of them: one finding for each
/// fault, errors first.
#[utoipa::path(
    get,
    path = "/api/v1/checks",
    params(("namespaces" = Option<String>, Query, description = "Names, joined by commas; all when left out")),
    responses((status = 200, body = Checks), (status = 400, body = api::ErrorBody))
)]
pub async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    Params(query): Params<ObjectsQuery>,
) -> Result<Response, ApiError> {
    let Some(cluster) = &app.cluster else {
        return encoded(&Checks {
            notices: vec![no_cluster()],
            ..Checks::default()
        });
    };
    let checks = app.boards.now(cluster).checks(&query.namespaces);
    Ok(Encoded::json(&checks)?.respond(&headers))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use demo::Objects;
    use mesh::routes::{Board, Read};

    #[test]
    fn the_built_in_mesh_has_the_faults_of_its_story_and_no_other() {
        let builtin = Objects::builtin();
        let objects = builtin.iter().cloned().map(|it| Arc::new(it.into()));
        let told = Board::read(Read::all(objects.collect())).checks(&[]);
        let line = |it: &mesh::api::checks::Finding| {
            let check = &it.check;
            let path = check.path.as_deref().unwrap_or("-");
            format!(
                "{:?} {} {} {path}",
                check.severity, check.code, check.object
            )
        };
        let lines: Vec<String> = told.items.iter().map(line).collect();
        assert_eq!(
            lines,
            [
                "Error credential_missing default/gateway/app-gateway spec.servers[1].tls.credentialName",
                "Error subset_not_ready inventory/virtualservice/stock spec.http[0].route[1]",
                "Warning policy_without_effect default/destinationrule/backend-circuit-breaker spec.trafficPolicy",
                "Info split_twice default/virtualservice/app-external spec.http[0]",
            ]
        );
        assert!(told.objects > 10, "{}", told.objects);
    }
}
