//! The way to a source: straight, or through a cluster's API server, which knows the way to its Services.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::{Instant, timeout_at};

use crate::cluster::kube::{Addon, Failure, KubeCluster, Place};

/// The scheme of addresses within a cluster: `kube://namespace/service:port/path`.
const SCHEME: &str = "kube";
/// Longer questions go in the body: API servers and proxies bound what stands in an address.
const MAX_QUERY: usize = 16 * 1024;
/// The error of an API server is short.
const MAX_STATUS: usize = 64 * 1024;

/// Where a source is and who asks it.
pub struct Way {
    /// What is asked.
    pub addon: Addon,
    /// The address, with any path prefix; a user and password in it are used for basic authentication. Empty where it
    /// is to be found in the cluster.
    pub url: String,
    /// Headers sent along.
    pub headers: Vec<(String, String)>,
    /// Who we are.
    pub auth: Auth,
    /// How long one answer may take.
    pub timeout: Duration,
    /// The cluster that a `kube://` address is in, or that the source is found in where the address is empty.
    pub cluster: Option<Arc<KubeCluster>>,
}

/// Who we are to a source.
pub enum Auth {
    /// Nobody.
    None,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A bearer token.
    Bearer(SecretString),
    /// A file with a bearer token, read for every question.
    BearerFile(PathBuf),
}

/// Why an address and what goes with it can't be used.
#[derive(Debug, thiserror::Error)]
pub enum BadWay {
    /// The address is none.
    #[error("the address is not an http or https address such as http://127.0.0.1:{port}", port = .0.port())]
    Url(Addon),
    /// An address in a cluster is none.
    #[error("write a Service of the cluster as {}", example(*.0))]
    Place(Addon),
    /// There is no cluster for it.
    #[error("there is no cluster to find it in: give an http address, or --kubeconfig")]
    NoCluster,
    /// The API server takes the place of what would tell who asks.
    #[error(
        "a user or token for {name} does not get through the Kubernetes API: give an http address with it", name = .0.name()
    )]
    Credentials(Addon),
    /// A header is none. Its value may be a secret and is not told.
    #[error("the header `{0}` is not valid")]
    Header(String),
    /// The client could not be made.
    #[error("the HTTP client could not be made")]
    Client(#[source] reqwest::Error),
}

/// The way to a source, and the address that its own addresses stand under.
pub struct Reach {
    addon: Addon,
    route: Route,
    base: Url,
}

/// How questions get there.
enum Route {
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
    /// What is asked in a form; a question without one is got.
    pub form: &'a [(&'a str, &'a str)],
    /// What stands in the address.
    pub query: &'a [(String, String)],
}

/// Why no answer came.
pub enum Lost {
    /// On the straight way.
    Transport(reqwest::Error),
    /// No answer in time, so many seconds.
    TooSlow(u64),
    /// The file with the token can't be read.
    Token(std::io::Error),
    /// The cluster has none.
    Nowhere(Detour),
    /// The cluster does not lead there.
    Proxy(Detour),
    /// There is no such address.
    Interrupted,
}

/// What is wrong with the way through a cluster.
#[derive(Clone, Debug)]
pub struct Detour {
    /// Where the source should be.
    pub place: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub mend: Option<String>,
}

impl Reach {
    /// Returns the way; nothing is asked yet.
    pub fn new(way: Way) -> Result<Reach, BadWay> {
        let addon = way.addon;
        let url = way.url.trim();
        // Where it is to be found, what is asked stands under an address of the same form.
        let is_to_be_found = url.is_empty();
        let found = format!("kube://cluster/{}:{}/", addon.service(), addon.port());
        let url = if is_to_be_found { &found } else { url };
        let mut base = Url::parse(url).map_err(|_| BadWay::Url(addon))?;
        let is_in_cluster = base.scheme() == SCHEME;
        if !(is_in_cluster || matches!(base.scheme(), "http" | "https"))
            || base.host_str().is_none()
        {
            return Err(BadWay::Url(addon));
        }
        let mut auth = way.auth;
        if !base.username().is_empty() {
            // Credentials in an address end up in logs: they are moved into the header.
            let decode = |text: &str| {
                form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned())
                    .unwrap_or_default()
            };
            auth = Auth::Basic {
                user: decode(base.username()),
                password: SecretString::from(decode(base.password().unwrap_or_default())),
            };
        }
        let cleared = base.set_username("").and_then(|()| base.set_password(None));
        cleared.map_err(|()| BadWay::Url(addon))?;
        base.set_query(None);
        base.set_fragment(None);
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &way.headers {
            let bad = || BadWay::Header(name.clone());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad())?;
            let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        let place = if is_in_cluster {
            Some(parse(&base).ok_or(BadWay::Place(addon))?).filter(|_| !is_to_be_found)
        } else {
            None
        };
        // Within one machine, packing costs both sides more than it saves.
        let is_far = !is_loopback(&base);
        let client = Client::builder()
            .gzip(is_far)
            .zstd(is_far)
            .default_headers(headers.clone())
            .user_agent(concat!("pidali/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(way.timeout.min(Duration::from_secs(5)))
            .timeout(way.timeout)
            // A redirect to another host would take the credentials along.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(BadWay::Client)?;
        let route = if is_in_cluster {
            if !matches!(auth, Auth::None) {
                return Err(BadWay::Credentials(addon));
            }
            Route::Cluster {
                cluster: way.cluster.ok_or(BadWay::NoCluster)?,
                place,
                client,
                headers,
                timeout: way.timeout,
            }
        } else {
            Route::Straight(client, auth)
        };
        Ok(Reach { addon, route, base })
    }

    /// Returns the address that the source's own addresses stand under; it ends with a slash.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Returns the address as it is shown, without credentials.
    pub fn shown(&self) -> String {
        match self.place() {
            Some(place) => shown(&place),
            None => self.base.to_string(),
        }
    }

    /// Sends a question.
    pub async fn send(&self, question: Question<'_>) -> Result<Response, Lost> {
        match &self.route {
            Route::Straight(client, auth) => straight(client, auth, &question, question.url).await,
            Route::Cluster {
                cluster,
                place,
                client,
                headers,
                timeout,
            } => {
                let found = place.clone().or_else(|| cluster.find(self.addon));
                let place = found.ok_or_else(|| Lost::Nowhere(nowhere(self.addon, cluster)))?;
                if cluster.is_ours() {
                    let url = within(&place, question.url).ok_or(Lost::Interrupted)?;
                    return straight(client, &Auth::None, &question, &url).await;
                }
                let deadline = Instant::now() + *timeout;
                let sent = timeout_at(
                    deadline,
                    proxied(cluster, &place, headers, &question, deadline),
                )
                .await;
                sent.map_err(|_| Lost::TooSlow(timeout.as_secs()))?
                    .map_err(Lost::Proxy)
            }
        }
    }

    /// Returns the place that questions go to, where it is one of a cluster.
    pub fn place(&self) -> Option<Place> {
        match &self.route {
            Route::Straight(..) => None,
            Route::Cluster { cluster, place, .. } => {
                place.clone().or_else(|| cluster.find(self.addon))
            }
        }
    }

    /// Returns the Service that questions go to through the API server of its cluster.
    pub fn through_cluster(&self) -> Option<Place> {
        match &self.route {
            // In a pod of the cluster they go straight.
            Route::Cluster { cluster, .. } if !cluster.is_ours() => self.place(),
            _ => None,
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
            let token = token.map_err(Lost::Token)?;
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
    let (in_query, body) = match (is_short, query.is_empty(), form.is_empty()) {
        (_, _, true) => (query, Vec::new()),
        (true, true, false) => (form, Vec::new()),
        (true, false, false) => (format!("{query}&{form}"), Vec::new()),
        (false, _, false) => (query, form.into_bytes()),
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
) -> Result<Response, Detour> {
    let refused = |problem: String, mend: Option<String>| Detour {
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
        "whoever runs Pidali needs the right to get and create services/proxy: kubectl create role pidali-{name} -n {namespace} \
         --verb=get,create --resource=services/proxy --resource-name={name}:{}, and a RoleBinding to it",
        place.port
    )
}

fn nowhere(addon: Addon, cluster: &KubeCluster) -> Detour {
    let (name, flag, port) = (addon.name(), addon.flag(), addon.port());
    let problem = match cluster.describe().problem {
        Some(problem) => problem,
        None if cluster.is_being_read() => "the cluster's Services are still being read".to_owned(),
        None => format!(
            "the cluster has no Service that looks like {name} (by name, label app.kubernetes.io/name and port {port})"
        ),
    };
    Detour {
        place: "the cluster".to_owned(),
        problem,
        mend: Some(format!(
            "give its address: {flag} kube://NAMESPACE/SERVICE:PORT, or http://…"
        )),
    }
}

/// Returns the address of a Service as its cluster has it with Istio's add-ons.
fn example(addon: Addon) -> String {
    format!("kube://istio-system/{}:{}", addon.service(), addon.port())
}

/// Reads `kube://namespace/service:port/path`: the Service, and the address of what is asked under.
fn parse(url: &Url) -> Option<Place> {
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
fn shown(place: &Place) -> String {
    let Place {
        namespace,
        name,
        port,
    } = place;
    format!("kube://{namespace}/{name}:{port}")
}

/// Returns the start of a foreign text, on one line.
pub fn shorten(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(300)
        .collect()
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|it| it.is_loopback())
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
