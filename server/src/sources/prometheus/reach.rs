//! The way to a Prometheus: straight, or through a cluster's API server, which knows the way to its Services.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use reqwest::header::HeaderMap;
use reqwest::{Client, Response, Url};
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout_at};

use super::{Auth, PrometheusError};
use crate::cluster::kube::{Addon, Failure, KubeCluster, Place};

/// The scheme of addresses within a cluster: `kube://namespace/service:port/path`.
pub const SCHEME: &str = "kube";
/// Longer questions go in the body: API servers and proxies bound what stands in an address.
const MAX_QUERY: usize = 16 * 1024;
/// The error of an API server is short.
const MAX_STATUS: usize = 64 * 1024;

/// How questions get there.
pub enum Reach {
    /// By their address.
    Straight(Client, Auth),
    /// To a Service of the cluster.
    Cluster {
        /// The cluster.
        cluster: Arc<KubeCluster>,
        /// Which Service; `None` where it is to be found.
        place: Option<Place>,
        /// For where the Service can be reached by its name: in a pod of the cluster.
        client: Client,
        /// Sent along.
        headers: HeaderMap,
        /// How long one answer may take.
        timeout: Duration,
    },
}

/// One question: the path under the address, and its form.
pub struct Question<'a> {
    /// The whole address.
    pub url: &'a Url,
    /// What is asked.
    pub form: &'a [(&'a str, &'a str)],
    /// What every question carries.
    pub query: &'a [(String, String)],
}

/// Why no answer came.
pub enum Lost {
    /// On the straight way.
    Transport(reqwest::Error),
    /// Anything else.
    Other(PrometheusError),
}

impl Reach {
    /// Sends a question.
    pub async fn send(&self, question: Question<'_>) -> Result<Response, Lost> {
        match self {
            Reach::Straight(client, auth) => straight(client, auth, &question, question.url).await,
            Reach::Cluster {
                cluster,
                place,
                client,
                headers,
                timeout,
            } => {
                let found = place.clone().or_else(|| cluster.find(Addon::Prometheus));
                let place = found.ok_or_else(|| Lost::Other(nowhere(cluster)))?;
                if cluster.is_ours() {
                    let url = within(&place, question.url)
                        .ok_or(Lost::Other(PrometheusError::Interrupted))?;
                    return straight(client, &Auth::None, &question, &url).await;
                }
                let deadline = Instant::now() + *timeout;
                let sent = timeout_at(
                    deadline,
                    proxied(cluster, &place, headers, &question, deadline),
                )
                .await;
                let too_slow = || {
                    Lost::Other(PrometheusError::TooSlow {
                        secs: timeout.as_secs(),
                        why: None,
                    })
                };
                sent.map_err(|_| too_slow())?.map_err(Lost::Other)
            }
        }
    }

    /// Returns the place that questions go to, where it is one of a cluster.
    pub fn place(&self) -> Option<Place> {
        match self {
            Reach::Straight(..) => None,
            Reach::Cluster { cluster, place, .. } => {
                place.clone().or_else(|| cluster.find(Addon::Prometheus))
            }
        }
    }
}

async fn straight(
    client: &Client,
    auth: &Auth,
    question: &Question<'_>,
    url: &Url,
) -> Result<Response, Lost> {
    let mut request = if question.form.is_empty() {
        client.get(url.clone())
    } else {
        client.post(url.clone()).form(question.form)
    };
    if !question.query.is_empty() {
        request = request.query(question.query);
    }
    request = match auth {
        Auth::None => request,
        Auth::Basic { user, password } => request.basic_auth(user, Some(password.expose_secret())),
        Auth::Bearer(token) => request.bearer_auth(token.expose_secret()),
        Auth::BearerFile(path) => {
            let token = tokio::fs::read_to_string(path).await;
            let token = token.map_err(|source| Lost::Other(PrometheusError::Token { source }))?;
            request.bearer_auth(token.trim())
        }
    };
    request.send().await.map_err(Lost::Transport)
}

/// Returns the request that brings a question through the API server. Most who may ask there may only get, so
/// questions are sent that way as long as they are short.
fn through(
    place: &Place,
    headers: &HeaderMap,
    question: &Question<'_>,
) -> Result<http::Request<Vec<u8>>, http::Error> {
    let encoded = |pairs: &mut dyn Iterator<Item = (&str, &str)>| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            form.append_pair(name, value);
        }
        form.finish()
    };
    let form = encoded(&mut question.form.iter().copied());
    let query = encoded(
        &mut question
            .query
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let is_short = form.len() + query.len() <= MAX_QUERY;
    let (in_query, body) = match (is_short, query.is_empty()) {
        (true, true) => (form, Vec::new()),
        (true, false) => (format!("{query}&{form}"), Vec::new()),
        (false, _) => (query, form.into_bytes()),
    };
    let mut uri = format!(
        "/api/v1/namespaces/{}/services/{}:{}/proxy/{}",
        place.namespace,
        place.name,
        place.port,
        path_of(question.url)
    );
    if !in_query.is_empty() {
        uri = format!("{uri}?{in_query}");
    }
    let mut request = http::Request::builder().uri(uri);
    if !body.is_empty() {
        request = request.method(http::Method::POST).header(
            http::header::CONTENT_TYPE,
            "application/x-www-form-urlencoded",
        );
    }
    let mut request = request.body(body)?;
    request.headers_mut().extend(headers.clone());
    Ok(request)
}

/// Sends a question through the API server.
async fn proxied(
    cluster: &KubeCluster,
    place: &Place,
    headers: &HeaderMap,
    question: &Question<'_>,
    deadline: Instant,
) -> Result<Response, PrometheusError> {
    let refused = |problem: String, mend: Option<String>| PrometheusError::Proxy {
        place: shown(place),
        problem,
        mend,
    };
    let request =
        through(place, headers, question).map_err(|error| refused(error.to_string(), None))?;
    let response = cluster.proxied(request).await;
    let response = response.map_err(|failure| refused(failure.problem(), failure.mend()))?;
    let (parts, body) = response.into_parts();
    let may_be_the_servers = matches!(parts.status.as_u16(), 401 | 403 | 404 | 500..=599);
    if may_be_the_servers {
        let body = http_body_util::Limited::new(body, MAX_STATUS)
            .collect()
            .await;
        let body = body.map(|it| it.to_bytes()).unwrap_or_default();
        let told: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        if told.get("kind").and_then(serde_json::Value::as_str) == Some("Status") {
            let failure = Failure::refused(parts.status.as_u16(), &told);
            let mend = failure
                .mend()
                .or_else(|| failure.is_forbidden().then(|| rights(place)));
            return Err(refused(failure.problem(), mend));
        }
        return Ok(http::Response::from_parts(parts, body).into());
    }
    let chunks = body.into_data_stream().map_err(std::io::Error::other);
    let chunks = futures::stream::unfold(Box::pin(chunks), move |mut chunks| async move {
        let next = timeout_at(deadline, chunks.next()).await;
        let next = next.unwrap_or_else(|_| Some(Err(std::io::ErrorKind::TimedOut.into())));
        next.map(|chunk| (chunk, chunks))
    });
    let body = reqwest::Body::wrap_stream(chunks);
    Ok(http::Response::from_parts(parts, body).into())
}

/// Returns the right to paste that lets questions through.
fn rights(place: &Place) -> String {
    let Place {
        namespace, name, ..
    } = place;
    format!(
        "whoever runs Pidali needs the right to get and create services/proxy: kubectl create role pidali-metrics -n {namespace} \
         --verb=get,create --resource=services/proxy --resource-name={name}:{}, and a RoleBinding to it",
        place.port
    )
}

fn nowhere(cluster: &KubeCluster) -> PrometheusError {
    let problem = match cluster.describe().problem {
        Some(problem) => problem,
        None if cluster.is_being_read() => "the cluster's Services are still being read".to_owned(),
        None => "the cluster has no Service that looks like Prometheus (by name, label app.kubernetes.io/name and port 9090)".to_owned(),
    };
    PrometheusError::Proxy {
        place: "the cluster".to_owned(),
        problem,
        mend: Some(
            "give its address: --prometheus kube://NAMESPACE/SERVICE:PORT, or http://…".to_owned(),
        ),
    }
}

/// Reads `kube://namespace/service:port/path`: the Service, and the address of what is asked under.
pub fn parse(url: &Url) -> Option<Place> {
    let namespace = url.host_str()?.to_owned();
    let service = url.path_segments()?.next()?;
    let (name, port) = service.rsplit_once(':')?;
    let is_name = |text: &str| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
        !text.is_empty() && text.chars().all(plain)
    };
    (is_name(&namespace) && is_name(name)).then_some(())?;
    Some(Place {
        namespace,
        name: name.to_owned(),
        port: port.parse().ok()?,
    })
}

/// Returns what stands behind the Service in an address.
fn path_of(url: &Url) -> &str {
    let path = url.path().trim_start_matches('/');
    path.split_once('/').map_or("", |(_, rest)| rest)
}

/// Returns the address of a Service for those who are in its cluster.
fn within(place: &Place, url: &Url) -> Option<Url> {
    let Place {
        namespace,
        name,
        port,
    } = place;
    let base = Url::parse(&format!("http://{name}.{namespace}:{port}/")).ok()?;
    base.join(path_of(url)).ok()
}

/// Returns a place as people write it.
pub fn shown(place: &Place) -> String {
    let Place {
        namespace,
        name,
        port,
    } = place;
    format!("kube://{namespace}/{name}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_within_a_cluster_names_a_service() {
        let read = |text: &str| {
            let url = Url::parse(text).unwrap();
            parse(&url).map(|place| format!("{} {}", shown(&place), path_of(&url)))
        };
        assert_eq!(
            read("kube://istio-system/prometheus:9090/").as_deref(),
            Some("kube://istio-system/prometheus:9090 ")
        );
        assert_eq!(
            read("kube://monitoring/thanos:10902/select/0/api/v1/query").as_deref(),
            Some("kube://monitoring/thanos:10902 select/0/api/v1/query")
        );
        for bad in [
            "kube://istio-system/",
            "kube://istio-system/prometheus/",
            "kube://a/b%2fc:1/",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn short_questions_are_got_and_long_ones_posted() {
        let url = Url::parse("kube://istio-system/prometheus:9090/api/v1/query").unwrap();
        let place = parse(&url).unwrap();
        let query = [("tenant".to_owned(), "a&b".to_owned())];
        let sent = |text: &str| {
            let form = [("query", text)];
            let question = Question {
                url: &url,
                form: &form,
                query: &query,
            };
            let request = through(&place, &HeaderMap::new(), &question).unwrap();
            (
                request.method().clone(),
                request.uri().to_string(),
                request.body().len(),
            )
        };
        let base = "/api/v1/namespaces/istio-system/services/prometheus:9090/proxy/api/v1/query";
        assert_eq!(
            sent("up == 1"),
            (
                http::Method::GET,
                format!("{base}?tenant=a%26b&query=up+%3D%3D+1"),
                0
            )
        );
        let (method, uri, n_bytes) = sent(&"x".repeat(MAX_QUERY));
        assert_eq!(
            (method, uri),
            (http::Method::POST, format!("{base}?tenant=a%26b"))
        );
        assert!(n_bytes > MAX_QUERY);
    }

    #[test]
    fn a_pod_of_the_cluster_takes_the_short_way() {
        let url = Url::parse("kube://istio-system/prometheus:9090/x/api/v1/query").unwrap();
        let place = parse(&url).unwrap();
        let within = within(&place, &url).unwrap();
        assert_eq!(
            within.as_str(),
            "http://prometheus.istio-system:9090/x/api/v1/query"
        );
    }
}
