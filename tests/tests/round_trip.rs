//! What is changed and taken back on a real Kubernetes API is what it was: every route of `objects/routes`, which
//! are written as people write them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use mesh::changes::journal::JOURNAL;
use serde_json::{Map, Value, json};
use support::{ApiServer, Pidali};
use tokio::sync::OnceCell;

/// Where the routes of `objects/routes` are, and what they point at.
const NAMESPACES: [&str; 5] = ["data", "edge", "payments", "platform", "shop"];

/// All objects of a cluster by their ids.
type Objects = BTreeMap<String, Value>;

#[tokio::test(flavor = "multi_thread")]
async fn weights_that_are_set_and_taken_back_leave_every_route_as_it_was() -> Result<()> {
    let cluster = cluster().await?;
    let before = cluster.objects(&NAMESPACES)?;
    let without_choice = names_in("routes/nothing-to-steer.yaml")?;
    let (mut n_changed, mut n_rules, mut n_single) = (0, 0, 0);
    let mut left_alone = BTreeSet::new();
    let routes = cluster.routes(&NAMESPACES.join(",")).await?;
    for route in &routes {
        let mut is_changed = false;
        let mut object = cluster.object(route)?;
        for rule in list(&route["rules"]) {
            if rule["is_split"] == true {
                let there_and_back = cluster.there_and_back(route, rule, &object).await;
                object =
                    there_and_back.with_context(|| format!("{} {}", route["id"], rule["rule"]))?;
                is_changed = true;
                n_rules += 1;
            } else {
                cluster.has_no_choice(route, rule).await?;
                n_single += 1;
            }
        }
        if is_changed {
            n_changed += 1;
        } else {
            left_alone.insert(text(&route["name"]).to_owned());
        }
    }
    println!(
        "{n_changed} routes changed and undone in {n_rules} rules, {} left alone, {n_single} rules without a choice",
        left_alone.len()
    );
    assert_eq!(left_alone, without_choice);
    assert_eq!(n_changed + left_alone.len(), n_written()?);
    assert!(n_changed >= 40, "{n_changed} routes are too few");

    // Nothing else moved, and what nobody may touch has not even a new version.
    let after = cluster.objects(&NAMESPACES)?;
    assert_eq!(ids(&after), ids(&before));
    for (id, was) in &before {
        let now = &after[id];
        if routes.iter().any(|route| is_of(route, now)) && !left_alone.contains(name(now)) {
            assert_ne!(annotation(now, JOURNAL), annotation(was, JOURNAL), "{id}");
            assert_eq!(as_written(now), as_written(was), "{id}");
        } else {
            assert_eq!(now, was, "{id}");
        }
    }
    // Who keeps these files in Git sees no drift; kubectl fails where it finds any.
    let files = folder().join("routes").display().to_string();
    let diff =
        cluster
            .server
            .kubectl(&["diff", "--server-side", "--force-conflicts", "-f", &files])?;
    assert_eq!(diff, "");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_routes_that_were_joined_are_both_there_again_after_undo() -> Result<()> {
    let cluster = cluster().await?;
    let before = cluster.objects(&["tickets"])?;
    let [stays, goes] = ["tickets", "tickets-public"];
    let path = |name: &str| format!("routes/tickets/virtualservice/{name}");
    let (first, second) = (
        cluster.pidali.json(&path(stays)).await?,
        cluster.pidali.json(&path(goes)).await?,
    );
    let place =
        |name: &str| json!({"namespace": "tickets", "kind": "virtualservice", "name": name});
    let join = json!({"edits": [{
        "kind": "join",
        "object": place(stays),
        "resource_version": first["resource_version"],
        "with": place(goes),
        "with_resource_version": second["resource_version"],
    }]});
    let joined = cluster.pidali.send("POST", "changes", &join, &[]).await?;
    assert_eq!(joined.status, 200, "{}", joined.text);
    let between = cluster.objects(&["tickets"])?;
    let one = between
        .get("tickets/VirtualService/tickets")
        .context("the one that stays")?;
    assert_eq!(
        one["spec"]["hosts"],
        json!(["tickets", "tickets.shop.example"])
    );
    assert!(!between.contains_key("tickets/VirtualService/tickets-public"));

    let undone = cluster
        .pidali
        .undo(&path(stays), &joined.json["change"])
        .await?;
    assert_eq!(undone.status, 200, "{}", undone.text);
    let mut after = cluster.objects(&["tickets"])?;
    // The copies are kept, for whoever looks for them.
    let copies: Vec<String> = ids(&after).difference(&ids(&before)).cloned().collect();
    assert_eq!(copies.len(), 2, "{copies:?}");
    after.retain(|id, _| !id.contains("/ControllerRevision/pidali-"));
    assert_eq!(ids(&after), ids(&before));
    for (id, was) in &before {
        let (mut was, mut now) = (as_written(was), as_written(&after[id]));
        if id.ends_with("/tickets-public") {
            // A new object of the old name.
            for object in [&mut was, &mut now] {
                remove(&mut object["metadata"], &["uid", "creationTimestamp"]);
            }
        }
        assert_eq!(now, was, "{id}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_back_to_where_calls_fail_is_refused_with_the_reason() -> Result<()> {
    let cluster = cluster().await?;
    for (route, to, reason) in [
        (
            "routes/leftovers/virtualservice/parcels",
            [1, 0],
            "No DestinationRule of leftovers/parcels has a subset `v2`.",
        ),
        (
            "routes/leftovers/httproute/parcels-by-post",
            [1, 1],
            "All weights would be zero, so the rule would send its calls nowhere.",
        ),
    ] {
        let away = cluster
            .pidali
            .set_weights(route, "http/0", &to, json!({}))
            .await?;
        assert_eq!(away.status, 200, "{}", away.text);
        let there = cluster.objects(&["leftovers"])?;
        let back = cluster.pidali.undo(route, &away.json["change"]).await?;
        assert_eq!(
            (back.status, back.refusal()),
            (422, ("checks", reason)),
            "{}",
            back.text
        );
        assert_eq!(cluster.objects(&["leftovers"])?, there, "{route}");
    }
    Ok(())
}

/// A real API server with all of `objects`, and a Pidali on it.
struct Cluster {
    server: ApiServer,
    pidali: Pidali,
}

/// The one that all tests share.
async fn cluster() -> Result<&'static Cluster> {
    static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();
    CLUSTER.get_or_try_init(Cluster::start).await
}

impl Cluster {
    async fn start() -> Result<Cluster> {
        let server = ApiServer::start()?;
        let mut files = vec![
            read("world.yaml")?,
            read("joined.yaml")?,
            read("one-way.yaml")?,
        ];
        files.extend(route_files()?);
        for yaml in &files {
            server.apply(yaml)?;
        }
        let documents = files.iter().flat_map(|yaml| yaml.split("\n---\n"));
        let told: Vec<&str> = documents
            .filter(|it| it.contains("status: {") || it.contains("\nstatus:"))
            .collect();
        server.apply_status(&told.join("\n---\n"))?;
        let kubeconfig = server.kubeconfig().display().to_string();
        let pidali = Pidali::on_cluster(&kubeconfig, &NAMESPACES.join(",")).await?;
        Ok(Cluster { server, pidali })
    }

    /// Returns all that is there in some namespaces, but for the events that tell of changes.
    fn objects(&self, namespaces: &[&str]) -> Result<Objects> {
        let kinds = self.server.kubectl(&[
            "api-resources",
            "--namespaced",
            "--verbs=list",
            "-o",
            "name",
        ])?;
        let kinds: Vec<&str> = kinds
            .lines()
            .filter(|kind| !kind.starts_with("events"))
            .collect();
        let all = self
            .server
            .kubectl(&["get", &kinds.join(","), "-A", "-o", "json"])?;
        let all: Value = serde_json::from_str(&all)?;
        let of = list(&all["items"])
            .iter()
            .filter(|it| namespaces.contains(&text(&it["metadata"]["namespace"])));
        Ok(of.map(|it| (id(it), it.clone())).collect())
    }

    /// Returns the object of a route as it is there.
    fn object(&self, route: &Value) -> Result<Value> {
        let text = self.server.kubectl(&[
            "-n",
            text(&route["namespace"]),
            "get",
            text(&route["kind"]),
            text(&route["name"]),
            "-o",
            "json",
        ])?;
        Ok(serde_json::from_str(&text)?)
    }

    /// Returns the routes as Pidali shows them, sorted.
    async fn routes(&self, namespaces: &str) -> Result<Vec<Value>> {
        let routes = self
            .pidali
            .json(&format!("routes?namespaces={namespaces}"))
            .await?;
        Ok(list(&routes["items"]).to_vec())
    }

    /// Gives a rule of an object other weights, takes them back, and compares on the way; returns what is there
    /// then.
    async fn there_and_back(&self, route: &Value, rule: &Value, was: &Value) -> Result<Value> {
        let path = format!("routes/{}", text(&route["id"]));
        let place = text(&rule["rule"]);
        let to = other_weights(route, rule);
        let set = self
            .pidali
            .set_weights(&path, place, &to, json!({"reason": "there"}))
            .await?;
        if set.status != 200 {
            bail!("{to:?} was refused: {} {}", set.status, set.text);
        }
        let there = self.object(route)?;
        assert_eq!(
            as_written(&there),
            with_weights(&as_written(was), place, &to)?,
            "more than weights changed"
        );
        assert_ne!(
            there["metadata"]["generation"],
            was["metadata"]["generation"]
        );
        // The record has one entry more, and those that it had.
        let record = journal(&there)?;
        let (entry, earlier) = record.split_last().context("no record")?;
        assert_eq!(earlier, journal(was)?);
        assert_eq!(
            (&entry["change"], &entry["rule"]),
            (&set.json["change"], &rule["rule"])
        );

        let undone = self.pidali.undo(&path, &set.json["change"]).await?;
        if undone.status != 200 {
            bail!(
                "the way back was refused: {} {}",
                undone.status,
                undone.text
            );
        }
        let back = self.object(route)?;
        assert_eq!(as_written(&back), as_written(was), "it is not what it was");
        Ok(back)
    }

    /// Tries to steer what has no choice: that is refused, saying why.
    async fn has_no_choice(&self, route: &Value, rule: &Value) -> Result<()> {
        let path = format!("routes/{}", text(&route["id"]));
        let set = self
            .pidali
            .set_weights(&path, text(&rule["rule"]), &[50, 50], json!({}))
            .await?;
        let (kind, message) = set.refusal();
        assert_eq!(
            (set.status, kind),
            (400, "bad_body"),
            "{path}: {}",
            set.text
        );
        let why = match list(&rule["destinations"]) {
            [] => match list(&rule["also"]).first() {
                Some(also) => format!("has no destination: it {}", text(also)),
                None => "has no destination: it sends its calls nowhere".to_owned(),
            },
            _ => "has one destination, which takes all of its calls".to_owned(),
        };
        let why = format!("rule {} {why}", text(&rule["rule"]));
        assert!(
            message.contains(&why),
            "{path}: {message}\ninstead of: {why}"
        );
        Ok(())
    }
}

/// Returns other weights for a rule, which give no more to a subset that is not there.
fn other_weights(route: &Value, rule: &Value) -> Vec<i64> {
    let place = text(&rule["rule"]).replacen('/', "[", 1) + "]";
    let is_missing = |idx: usize| {
        let path = format!("spec.{place}.route[{idx}].destination.subset");
        let mut checks = list(&route["checks"]).iter();
        checks.any(|it| it["code"] == "subset_missing" && it["path"] == path.as_str())
    };
    let now: Vec<i64> = list(&rule["destinations"])
        .iter()
        .map(|it| it["weight"].as_i64().unwrap_or(0))
        .collect();
    let there: Vec<usize> = (0..now.len()).filter(|idx| !is_missing(*idx)).collect();
    if there.len() == now.len() {
        return (0..).take(now.len()).map(|idx| 17 + 10 * idx).collect();
    }
    let mut to: Vec<i64> = now.iter().map(|weight| 10 * weight).collect();
    if let [from, other, ..] = there[..] {
        let part = to[from] / 2;
        to[from] -= part;
        to[other] += part;
    }
    to
}

/// Returns an object with other weights in one rule.
fn with_weights(object: &Value, rule: &str, weights: &[i64]) -> Result<Value> {
    let mut object = object.clone();
    let (rule, destinations) = if object["kind"] == "VirtualService" {
        (format!("/spec/{rule}"), "route")
    } else {
        (rule.replace("http/", "/spec/rules/"), "backendRefs")
    };
    let rule = object.pointer_mut(&rule).context("no such rule")?;
    let destinations = rule[destinations]
        .as_array_mut()
        .context("no destinations")?;
    assert_eq!(destinations.len(), weights.len());
    for (destination, weight) in destinations.iter_mut().zip(weights) {
        destination["weight"] = json!(weight);
    }
    Ok(object)
}

/// Returns an object without what the server counts, and without our record.
fn as_written(object: &Value) -> Value {
    let mut object = object.clone();
    let metadata = &mut object["metadata"];
    remove(
        metadata,
        &["managedFields", "resourceVersion", "generation"],
    );
    remove(&mut metadata["annotations"], &[JOURNAL]);
    if metadata["annotations"]
        .as_object()
        .is_none_or(Map::is_empty)
    {
        remove(metadata, &["annotations"]);
    }
    object
}

fn remove(object: &mut Value, fields: &[&str]) {
    if let Some(object) = object.as_object_mut() {
        object.retain(|field, _| !fields.contains(&field.as_str()));
    }
}

/// Returns the record of changes that an object carries.
fn journal(object: &Value) -> Result<Vec<Value>> {
    let text = annotation(object, JOURNAL).unwrap_or("[]");
    Ok(serde_json::from_str(text)?)
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["annotations"][name].as_str()
}

/// Returns an object's `namespace/Kind/name`, with its group where two have the kind.
fn id(object: &Value) -> String {
    let kind = text(&object["kind"]);
    let group = match kind {
        "Gateway" => text(&object["apiVersion"]).split('.').next(),
        _ => None,
    };
    let group = group.map(|it| format!(".{it}")).unwrap_or_default();
    format!(
        "{}/{kind}{group}/{}",
        text(&object["metadata"]["namespace"]),
        name(object)
    )
}

fn ids(objects: &Objects) -> BTreeSet<String> {
    objects.keys().cloned().collect()
}

fn is_of(route: &Value, object: &Value) -> bool {
    let kind = text(&object["kind"]).to_ascii_lowercase();
    route["id"]
        == format!(
            "{}/{kind}/{}",
            text(&object["metadata"]["namespace"]),
            name(object)
        )
        .as_str()
}

fn name(object: &Value) -> &str {
    text(&object["metadata"]["name"])
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("objects")
}

fn read(file: &str) -> Result<String> {
    std::fs::read_to_string(folder().join(file)).with_context(|| format!("cannot read {file}"))
}

fn route_files() -> Result<Vec<String>> {
    let files = std::fs::read_dir(folder().join("routes"))?;
    files
        .map(|file| Ok(std::fs::read_to_string(file?.path())?))
        .collect()
}

/// How many routes are written down.
fn n_written() -> Result<usize> {
    let files = route_files()?;
    let lines = files.iter().flat_map(|yaml| yaml.lines());
    Ok(lines.filter(|line| line.starts_with("kind: ")).count())
}

/// The names that a file gives.
fn names_in(file: &str) -> Result<BTreeSet<String>> {
    let yaml = read(file)?;
    let names = yaml
        .lines()
        .filter_map(|line| line.strip_prefix("  name: "));
    Ok(names.map(str::to_owned).collect())
}
