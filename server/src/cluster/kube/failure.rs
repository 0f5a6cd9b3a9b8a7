//! Why the API server did not do what it was asked, in our words. Its own are untrusted: they are shortened, never
//! parsed for more than what they are known to say.

use std::io;

use kube::client::AuthError;
use mesh::object::ObjectKey;
use serde_json::Value;

use crate::cluster::{ClusterError, Verb};

/// The longest text of a foreign program that is passed on.
const MAX_TEXT: usize = 400;

/// Why there is no answer, or what kind of no it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It said no.
    Refused {
        /// The HTTP status.
        code: u16,
        /// Kubernetes's one word.
        reason: String,
        /// Its sentence.
        message: String,
    },
    /// Nothing arrived there.
    Unreachable(String),
    /// It was sent, but no answer came: whether it was done is not known.
    Unanswered(String),
    /// It does not know who asks.
    Credentials {
        /// What is wrong.
        problem: String,
        /// What to do.
        mend: String,
    },
    /// What came is no answer of a Kubernetes API.
    Unreadable(String),
    /// It does not have this kind.
    Unserved(String),
}

impl Failure {
    /// Reads a refusal.
    pub fn refused(code: u16, body: &Value) -> Failure {
        let text = |name: &str| {
            let text = body.get(name).and_then(Value::as_str);
            shorten(text.unwrap_or_default())
        };
        if code == 401 {
            return Failure::Credentials {
                problem: "it does not take the credentials (401)".to_owned(),
                mend: "log in again, or give another kubeconfig or context".to_owned(),
            };
        }
        let (reason, message) = (text("reason"), text("message"));
        if code == 404 && message.contains("could not find the requested resource") {
            return Failure::Unserved(message);
        }
        if code >= 500
            && !message.contains("failed calling webhook")
            && reason != "ServiceUnavailable"
        {
            // It may have been written before this went wrong.
            return Failure::Unanswered(format!("it answered {code}: {message}"));
        }
        Failure::Refused {
            code,
            reason,
            message,
        }
    }

    /// Returns what is wrong, as the end of a sentence.
    pub fn problem(&self) -> String {
        match self {
            Failure::Refused { code, message, .. } if message.is_empty() => {
                format!("it answered {code}")
            }
            Failure::Refused { message, .. } => message.clone(),
            Failure::Unreachable(problem) | Failure::Unanswered(problem) => problem.clone(),
            Failure::Credentials { problem, .. } => problem.clone(),
            Failure::Unreadable(problem) => format!("what it answered can't be read: {problem}"),
            Failure::Unserved(_) => "it does not have this kind of object".to_owned(),
        }
    }

    /// Returns what to do about it, where that can be said.
    pub fn mend(&self) -> Option<String> {
        match self {
            Failure::Credentials { mend, .. } => Some(mend.clone()),
            Failure::Unreachable(_) => Some(
                "look whether `kubectl version` answers with the same kubeconfig and context"
                    .to_owned(),
            ),
            Failure::Unreadable(_) => {
                Some("look whether the kubeconfig's server is a Kubernetes API".to_owned())
            }
            Failure::Refused { .. } | Failure::Unanswered(_) | Failure::Unserved(_) => None,
        }
    }

    /// Returns whether the right is missing.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Failure::Refused { code: 403, message, .. } if message.contains(" cannot "))
    }

    /// Returns it as what became of `verb` on `key`.
    pub fn of(self, verb: Option<Verb>, key: &ObjectKey) -> ClusterError {
        let key = key.clone();
        if self.is_forbidden() {
            return ClusterError::Forbidden {
                key,
                verb: verb.unwrap_or(Verb::Get),
            };
        }
        match self {
            Failure::Refused {
                code,
                reason,
                message,
            } => {
                let is_webhook = message.contains("admission webhook")
                    || message.contains("failed calling webhook");
                match (code, reason.as_str()) {
                    (400, _) if message.contains("does not support dry run") => {
                        ClusterError::NoDryRun {
                            key,
                            problem: message,
                        }
                    }
                    _ if is_webhook => ClusterError::Denied {
                        key,
                        problem: message,
                    },
                    (404, _) => ClusterError::NotFound(key),
                    (409, "AlreadyExists") => ClusterError::Exists(key),
                    (409, _) => ClusterError::Conflict(key),
                    (403, _) => ClusterError::Denied {
                        key,
                        problem: message,
                    },
                    (429 | 503, _) => ClusterError::Unreachable {
                        problem: format!("it is too busy: {message}"),
                        mend: None,
                    },
                    _ => ClusterError::Invalid {
                        key,
                        problem: message,
                    },
                }
            }
            Failure::Unanswered(problem) if verb.is_some() => {
                ClusterError::Unanswered { key, problem }
            }
            Failure::Unserved(_) => ClusterError::Unserved { kind: key.kind },
            Failure::Unreachable(_)
            | Failure::Unanswered(_)
            | Failure::Credentials { .. }
            | Failure::Unreadable(_) => ClusterError::Unreachable {
                mend: self.mend(),
                problem: self.problem(),
            },
        }
    }
}

impl From<kube::Error> for Failure {
    fn from(error: kube::Error) -> Failure {
        match error {
            kube::Error::Api(status) => {
                let body = serde_json::json!({"reason": status.reason, "message": status.message});
                Failure::refused(status.code, &body)
            }
            kube::Error::Auth(error) => of_credentials(&error),
            kube::Error::SerdeError(error) => Failure::Unreadable(shorten(&error.to_string())),
            kube::Error::FromUtf8(_) => Failure::Unreadable("it is no text".to_owned()),
            kube::Error::BuildRequest(error) => Failure::Refused {
                code: 400,
                reason: "BadRequest".to_owned(),
                message: shorten(&error.to_string()),
            },
            other => of_transport(&other),
        }
    }
}

/// A connection that was never made is another thing than one that broke.
fn of_transport(error: &kube::Error) -> Failure {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut words = String::new();
    let mut is_connect = false;
    while let Some(it) = cause {
        if let Some(auth) = it.downcast_ref::<AuthError>() {
            return of_credentials(auth);
        }
        if let Some(hyper) = it.downcast_ref::<hyper_util::client::legacy::Error>() {
            is_connect |= hyper.is_connect();
        }
        if let Some(io) = it.downcast_ref::<io::Error>() {
            is_connect |= io.kind() == io::ErrorKind::ConnectionRefused;
        }
        // The innermost says most.
        words = it.to_string();
        cause = it.source();
    }
    let words = shorten(&words);
    if is_connect {
        Failure::Unreachable(format!("no connection: {words}"))
    } else {
        Failure::Unanswered(format!("the connection broke: {words}"))
    }
}

/// What a program that brings credentials prints may hold them: only what it says on its error output is passed on.
pub fn of_credentials(error: &AuthError) -> Failure {
    let (problem, mend) = match error {
        AuthError::AuthExecStart(error) if error.kind() == io::ErrorKind::NotFound => (
            "the program that the kubeconfig names for credentials is not installed".to_owned(),
            "install it (kubelogin, for AKS), or make a kubeconfig that does without".to_owned(),
        ),
        AuthError::AuthExecStart(error) => (
            format!(
                "the program that the kubeconfig names for credentials can't be started: {error}"
            ),
            "try it by hand: kubectl get namespaces".to_owned(),
        ),
        AuthError::AuthExecRun { out, .. } => {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.lines().map(str::trim).find(|line| !line.is_empty());
            let said = said
                .map(|line| format!(": {}", shorten(line)))
                .unwrap_or_default();
            (
                format!("the program that the kubeconfig names for credentials failed ({}){said}", out.status),
                "log in with it by hand (for AKS: az login, then kubectl get namespaces); it is asked again".to_owned(),
            )
        }
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => (
            "the program that the kubeconfig names for credentials brought none".to_owned(),
            "try it by hand: kubectl get namespaces".to_owned(),
        ),
        AuthError::ReadTokenFile(error, path) => (
            format!("the token file {} can't be read: {error}", path.display()),
            "look whether it is there and may be read".to_owned(),
        ),
        _ => (
            "the kubeconfig's credentials can't be used".to_owned(),
            "try them by hand: kubectl get namespaces".to_owned(),
        ),
    };
    Failure::Credentials { problem, mend }
}

/// Shortens what another program said, and leaves out what is no text to show.
pub fn shorten(text: &str) -> String {
    let clean: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let clean = clean.trim();
    if clean.chars().count() <= MAX_TEXT {
        return clean.to_owned();
    }
    let kept: String = clean.chars().take(MAX_TEXT).collect();
    format!("{kept}…")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(code: u16, reason: &str, message: &str) -> String {
        let body = json!({"reason": reason, "message": message});
        let key = ObjectKey {
            kind: "VirtualService".to_owned(),
            namespace: "shop".to_owned(),
            name: "a".to_owned(),
        };
        let error = Failure::refused(code, &body).of(Some(Verb::Patch), &key);
        format!("{error:?}")
            .split([' ', '('])
            .next()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn every_no_is_told_apart() {
        for (code, reason, message, expected) in [
            (
                404,
                "NotFound",
                "virtualservices \"a\" not found",
                "NotFound",
            ),
            (
                404,
                "NotFound",
                "the server could not find the requested resource",
                "Unserved",
            ),
            (409, "Conflict", "the object has been modified", "Conflict"),
            (409, "AlreadyExists", "\"a\" already exists", "Exists"),
            (422, "Invalid", "spec.http: Required value", "Invalid"),
            (
                400,
                "BadRequest",
                "strict decoding error: unknown field \"spec.x\"",
                "Invalid",
            ),
            (
                403,
                "Forbidden",
                "User \"x\" cannot patch resource \"virtualservices\"",
                "Forbidden",
            ),
            (
                403,
                "Forbidden",
                "admission webhook \"v.istio.io\" denied the request: no",
                "Denied",
            ),
            (
                400,
                "",
                "admission webhook \"validation.istio.io\" denied the request: weights",
                "Denied",
            ),
            (
                500,
                "InternalError",
                "Internal error occurred: failed calling webhook \"v\"",
                "Denied",
            ),
            (
                400,
                "BadRequest",
                "admission webhook \"x\" does not support dry run",
                "NoDryRun",
            ),
            (403, "Forbidden", "is forbidden: exceeded quota", "Denied"),
            (401, "Unauthorized", "Unauthorized", "Unreachable"),
            (
                503,
                "ServiceUnavailable",
                "apiserver is shutting down",
                "Unreachable",
            ),
            (429, "TooManyRequests", "too many requests", "Unreachable"),
            (
                504,
                "Timeout",
                "request did not complete within the allotted timeout",
                "Unanswered",
            ),
            (
                500,
                "InternalError",
                "etcdserver: request timed out",
                "Unanswered",
            ),
        ] {
            assert_eq!(told(code, reason, message), expected, "{code} {message}");
        }
    }

    #[test]
    fn what_a_program_prints_with_its_token_is_not_passed_on() {
        let out = std::process::Command::new("sh")
            .args([
                "-c",
                "echo secret-token; echo 'AADSTS700082: expired' >&2; exit 3",
            ])
            .output()
            .unwrap();
        let failure = of_credentials(&AuthError::AuthExecRun {
            cmd: "kubelogin --secret".to_owned(),
            out: Box::new(out),
        });
        let Failure::Credentials { problem, .. } = failure else {
            panic!("{failure:?}")
        };
        assert!(problem.ends_with("AADSTS700082: expired"), "{problem}");
        assert!(!problem.contains("secret"), "{problem}");
    }

    #[test]
    fn long_and_strange_texts_are_shortened() {
        assert_eq!(shorten(" a\nb\u{1b}[0m "), "a b [0m");
        assert_eq!(shorten(&"x".repeat(1000)).chars().count(), MAX_TEXT + 1);
    }
}
