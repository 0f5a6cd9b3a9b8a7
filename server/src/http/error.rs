//! Errors of the API: what went wrong, why, and the mend.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesh::api::{BadParameter, ErrorBody, ErrorDetail, Notice};

use crate::sources::prometheus::PrometheusError;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    status: StatusCode,
    source: &'static str,
    kind: &'static str,
    message: String,
    hint: Option<String>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: &str, hint: Option<&str>) -> ApiError {
        ApiError {
            status,
            source: "pidali",
            kind,
            message: message.to_owned(),
            hint: hint.map(str::to_owned),
        }
    }

    /// Parameter `name` is wrong.
    pub fn bad_parameter(name: &str, problem: &str, hint: Option<&str>) -> ApiError {
        ApiError::from(BadParameter {
            name: name.to_owned(),
            problem: problem.to_owned(),
            hint: hint.map(str::to_owned),
        })
    }

    /// There is nothing at this address.
    pub fn not_found(why: &str) -> ApiError {
        let hint = "the API is described at api/v1/openapi.json";
        ApiError::new(
            StatusCode::NOT_FOUND,
            "not_found",
            &format!("Not found: {why}."),
            Some(hint),
        )
    }

    /// The address does not take this method.
    pub fn method_not_allowed() -> ApiError {
        ApiError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "This address is read by GET only.",
            None,
        )
    }

    /// The request is for a host that is not ours.
    pub fn foreign_host(host: &str) -> ApiError {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "forbidden",
            &format!("`{host}` is not a name of this server."),
            Some("use localhost, or start Pidali with --allowed-host NAME"),
        )
    }

    /// Our own fault.
    pub fn internal() -> ApiError {
        ApiError::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Pidali failed to answer; its log says more.",
            None,
        )
    }

    /// Returns it as a notice beside a smaller answer.
    pub fn into_notice(self, kind: &str) -> Notice {
        Notice {
            kind: kind.to_owned(),
            source: self.source.to_owned(),
            message: self.message,
            hint: self.hint,
        }
    }
}

impl From<BadParameter> for ApiError {
    fn from(bad: BadParameter) -> ApiError {
        ApiError {
            status: StatusCode::BAD_REQUEST,
            source: "pidali",
            kind: "bad_parameter",
            message: format!("The parameter `{}` {}.", bad.name, bad.problem),
            hint: bad.hint,
        }
    }
}

impl From<PrometheusError> for ApiError {
    fn from(error: PrometheusError) -> ApiError {
        let kind = error.kind();
        let status = match kind {
            "too_slow" => StatusCode::GATEWAY_TIMEOUT,
            "overloaded" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        ApiError {
            status,
            source: "prometheus",
            kind,
            message: error.message(),
            hint: Some(error.mend()),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            tracing::warn!(
                source = self.source,
                kind = self.kind,
                message = self.message,
                "A question could not be answered"
            );
        }
        let body = ErrorBody {
            error: ErrorDetail {
                kind: self.kind.to_owned(),
                message: self.message,
                hint: self.hint,
            },
        };
        let mut response = (self.status, axum::Json(body)).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
