//! Errors of the API: what went wrong, why, and the mend.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use mesh::api::{BadParameter, ErrorBody, ErrorDetail, Notice};

use crate::cluster::{ClusterError, sentence};
use crate::sources::jaeger::JaegerError;
use crate::sources::prometheus::PrometheusError;

/// The hint where there is nothing to mend.
const NOTHING_CHANGED: &str = "nothing was changed";

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
            "This address does not take this method.",
            Some("the API is described at api/v1/openapi.json"),
        )
    }

    /// The body can't be read.
    pub fn bad_body(problem: &str, hint: Option<&str>) -> ApiError {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "bad_body",
            &format!("The body {problem}."),
            Some(hint.unwrap_or("the API is described at api/v1/openapi.json")),
        )
    }

    /// The body is larger than any that this server takes.
    pub fn body_too_large() -> ApiError {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too_large",
            "The body holds more than 64 KiB.",
            Some("change fewer things at once"),
        )
    }

    /// A write that another page's script may have sent.
    pub fn foreign_origin() -> ApiError {
        ApiError::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "A page of another origin may not change anything here.",
            Some("make the change on Pidali's own page, or without an Origin header"),
        )
    }

    /// No cluster stands behind this server.
    pub fn no_cluster() -> ApiError {
        ApiError::new(
            StatusCode::NOT_FOUND,
            "no_cluster",
            "No Kubernetes API is asked, so there are no routes.",
            Some("start with --kubeconfig FILE; `pidali demo` has a cluster of its own"),
        )
    }

    /// Nobody keeps traces.
    pub fn no_tracing() -> ApiError {
        ApiError {
            source: "jaeger",
            ..ApiError::new(
                StatusCode::NOT_FOUND,
                "no_tracing",
                "No Jaeger is asked, so there are no traces; everything else is here.",
                Some(
                    "start with --jaeger URL, such as http://127.0.0.1:16686, or with --kubeconfig: Istio's add-on is found in the cluster",
                ),
            )
        }
    }

    /// The source keeps no trace of this id.
    pub fn no_trace(id: &str) -> ApiError {
        ApiError {
            source: "jaeger",
            ..ApiError::new(
                StatusCode::NOT_FOUND,
                "not_found",
                &format!("There is no trace `{id}`."),
                Some("it may not have arrived yet, or be older than what is kept"),
            )
        }
    }

    /// A change is refused for a reason of its own.
    pub fn refused(kind: &'static str, message: &str, hint: Option<&str>) -> ApiError {
        let status = match kind {
            "conflict" | "changed_since" => StatusCode::CONFLICT,
            "not_found" => StatusCode::NOT_FOUND,
            "forbidden" => StatusCode::FORBIDDEN,
            "bad_body" => StatusCode::BAD_REQUEST,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        ApiError::new(status, kind, message, hint)
    }

    /// No copy from before a change can be kept, and so nothing would take it back (rule W6).
    pub fn no_record(error: ClusterError) -> ApiError {
        let why = ApiError::from(error);
        let mend = why.hint.filter(|it| it != NOTHING_CHANGED);
        let mend = mend.map(|it| format!("{it}; or ")).unwrap_or_default();
        ApiError {
            kind: "no_record",
            message: format!(
                "No copy from before the change can be kept, so nothing could take it back: {}",
                why.message
            ),
            hint: Some(format!("{mend}make it without record")),
            ..why
        }
    }

    /// Returns its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns what it says.
    pub fn detail(&self) -> ErrorDetail {
        ErrorDetail {
            kind: self.kind.to_owned(),
            message: self.message.clone(),
            hint: self.hint.clone(),
        }
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

impl From<ClusterError> for ApiError {
    fn from(error: ClusterError) -> ApiError {
        let (status, kind, hint) = match &error {
            ClusterError::NotFound(_) => (
                StatusCode::NOT_FOUND,
                "not_found",
                "it may have been deleted meanwhile: look at the list of routes".to_owned(),
            ),
            ClusterError::Conflict(_) => (
                StatusCode::CONFLICT,
                "conflict",
                "look at what it is now, and decide again".to_owned(),
            ),
            ClusterError::Exists(_) => (
                StatusCode::CONFLICT,
                "conflict",
                "delete it first, or choose another name".to_owned(),
            ),
            ClusterError::Invalid { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                NOTHING_CHANGED.to_owned(),
            ),
            ClusterError::Denied { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "admission",
                NOTHING_CHANGED.to_owned(),
            ),
            ClusterError::Forbidden { key, verb } => (
                StatusCode::FORBIDDEN,
                "forbidden",
                format!(
                    "whoever runs Pidali needs the right to {} {} objects in namespace {}",
                    verb.as_str(),
                    key.kind,
                    key.namespace
                ),
            ),
            ClusterError::NoDryRun { .. } => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "no_dry_run",
                NOTHING_CHANGED.to_owned(),
            ),
            ClusterError::Unserved { kind } => (
                StatusCode::NOT_FOUND,
                "unserved",
                format!("install the CustomResourceDefinition of {kind} first"),
            ),
            ClusterError::Unreachable { mend, .. } => (
                StatusCode::BAD_GATEWAY,
                "unreachable",
                mend.clone().unwrap_or_else(|| NOTHING_CHANGED.to_owned()),
            ),
            ClusterError::Unanswered { .. } => (
                StatusCode::GATEWAY_TIMEOUT,
                "unanswered",
                "look at what it is now before you do anything else".to_owned(),
            ),
        };
        ApiError {
            status,
            source: "cluster",
            kind,
            message: sentence(&error.to_string()),
            hint: Some(hint),
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

impl From<JaegerError> for ApiError {
    fn from(error: JaegerError) -> ApiError {
        let kind = error.kind();
        let status = match kind {
            "no_tracing" => StatusCode::NOT_FOUND,
            "too_slow" => StatusCode::GATEWAY_TIMEOUT,
            "overloaded" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_GATEWAY,
        };
        ApiError {
            status,
            source: "jaeger",
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
