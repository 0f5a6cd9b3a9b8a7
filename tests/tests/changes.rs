//! Changing what steers the built-in mesh, through the API: what is written, what is refused, and that
//! nothing is lost or half-done.

use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use support::{Answer, Pidali};

const BACKEND: &str = "routes/default/virtualservice/backend-routing";
const EXTERNAL: &str = "routes/default/virtualservice/app-external";
const STOCK: &str = "routes/inventory/virtualservice/stock";

fn demo() -> Result<Pidali> {
    Pidali::start(&["demo"])
}

fn version(route: &Value) -> String {
    route["resource_version"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

fn weights(route: &Value) -> Vec<u64> {
    let destinations = route["rules"][0]["destinations"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    destinations
        .iter()
        .map(|d| d["weight"].as_u64().unwrap_or(999))
        .collect()
}

/// Sets the weights of a route's first rule, as the page does.
async fn set(pidali: &Pidali, route: &str, to: &[i64], more: Value) -> Result<Answer> {
    let seen = pidali.json(route).await?;
    let mut body = json!({"resource_version": version(&seen), "rule": "http/0", "weights": to});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    pidali
        .send("PUT", &format!("{route}/weights"), &body, &[])
        .await
}

fn error(answer: &Answer) -> (&str, &str) {
    let error = &answer.json["error"];
    (
        error["kind"].as_str().unwrap_or_default(),
        error["message"].as_str().unwrap_or_default(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn weights_are_previewed_set_recorded_and_taken_back() -> Result<()> {
    let pidali = demo()?;
    let before = pidali.json(BACKEND).await?;
    assert_eq!(weights(&before), [90, 10]);

    let preview = set(&pidali, BACKEND, &[70, 30], json!({"dry_run": true})).await?;
    assert_eq!(preview.status, 200, "{}", preview.text);
    let result = &preview.json["results"][0];
    assert_eq!(result["outcome"], "previewed");
    assert_eq!(result["server_checked"], true);
    let lines = result["diff"].as_array().context("a diff")?;
    let of = |op: &str| -> Vec<String> {
        let lines = lines.iter().filter(|l| l["op"] == op);
        lines
            .map(|l| l["text"].as_str().unwrap_or_default().trim().to_owned())
            .collect()
    };
    assert_eq!(of("remove"), ["weight: 90", "weight: 10"]);
    // Weights and our own record, nothing else.
    let added = of("add");
    assert!(
        added.iter().any(|l| l == "weight: 70") && added.iter().any(|l| l == "weight: 30"),
        "{added:?}"
    );
    assert_eq!(
        added
            .iter()
            .filter(|l| !l.starts_with("weight:")
                && !l.contains("annotations")
                && !l.contains("pidali.dev/journal"))
            .count(),
        0,
        "{added:?}"
    );
    let moved = result["predicted"]["message"]
        .as_str()
        .context("a prediction")?;
    assert!(
        moved.contains("requests a minute go from v1 to v2"),
        "{moved}"
    );
    assert_eq!(
        weights(&pidali.json(BACKEND).await?),
        [90, 10],
        "a preview writes nothing"
    );

    let applied = set(&pidali, BACKEND, &[70, 30], json!({"reason": "looks well"})).await?;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let change = applied.json["change"].as_str().context("an id")?.to_owned();
    let after = pidali.json(BACKEND).await?;
    assert_eq!(weights(&after), [70, 30]);
    assert_ne!(version(&after), version(&before));

    let history = pidali.json(&format!("{BACKEND}/history")).await?;
    let recorded = &history["items"][0];
    assert_eq!(recorded["change"], change.as_str());
    assert_eq!(recorded["reason"], "looks well");
    assert_eq!(
        (&recorded["before"], &recorded["after"]),
        (&json!([90, 10]), &json!([70, 30]))
    );
    assert!(recorded["who"].is_string() && recorded["at_ms"].is_i64());

    let body = json!({"change": change, "resource_version": version(&after)});
    let undone = pidali
        .send("POST", &format!("{BACKEND}/undo"), &body, &[])
        .await?;
    assert_eq!(undone.status, 200, "{}", undone.text);
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);
    let history = pidali.json(&format!("{BACKEND}/history")).await?;
    assert_eq!(history["items"][0]["undoes"], change.as_str());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_writes_at_once_exactly_one_wins() -> Result<()> {
    let pidali = demo()?;
    for round in 0..5_i64 {
        let seen = version(&pidali.json(BACKEND).await?);
        let body = |to: i64| json!({"resource_version": seen, "rule": "http/0", "weights": [100 - to, to]});
        let path = format!("{BACKEND}/weights");
        let bodies: Vec<Value> = (0..6).map(|n| body(round * 6 + n + 11)).collect();
        let answers = futures::future::join_all(
            bodies
                .iter()
                .map(|body| pidali.send("PUT", &path, body, &[])),
        )
        .await;
        let mut won = Vec::new();
        for (answer, body) in answers.into_iter().zip(&bodies) {
            let answer = answer?;
            match answer.status {
                200 => won.push(body["weights"][1].as_u64().unwrap_or_default()),
                409 => assert_eq!(error(&answer).0, "conflict", "{}", answer.text),
                other => panic!("{other}: {}", answer.text),
            }
        }
        assert_eq!(won.len(), 1, "round {round}: {won:?}");
        assert_eq!(weights(&pidali.json(BACKEND).await?)[1], won[0]);
    }
    let history = pidali.json(&format!("{BACKEND}/history")).await?;
    assert_eq!(
        history["items"].as_array().map(Vec::len),
        Some(5),
        "one record for each that won"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_refused_in_words_and_changes_nothing() -> Result<()> {
    let pidali = demo()?;
    let route = pidali.json(BACKEND).await?;
    let seen = version(&route);
    let path = format!("{BACKEND}/weights");
    let with = |weights: &str, rule: &str, version: &str| {
        format!(r#"{{"resource_version": "{version}", "rule": "{rule}", "weights": {weights}}}"#)
    };
    let good = &seen;
    for (body, status, kind, words) in [
        (
            with("[-1, 101]", "http/0", good),
            400,
            "bad_body",
            "weights[0]",
        ),
        (with("[0, 0]", "http/0", good), 400, "bad_body", "zero"),
        (
            with("[NaN, 1]", "http/0", good),
            400,
            "bad_body",
            "can't be read",
        ),
        (
            with("[1e400, 1]", "http/0", good),
            400,
            "bad_body",
            "weights[0]",
        ),
        (
            with("[70.5, 29.5]", "http/0", good),
            400,
            "bad_body",
            "weights[0]",
        ),
        (
            with(r#"["70", "30"]"#, "http/0", good),
            400,
            "bad_body",
            "weights[0]",
        ),
        (
            with("[4294967295, 1]", "http/0", good),
            400,
            "bad_body",
            "2147483647",
        ),
        (
            with("[99999999999999999999, 1]", "http/0", good),
            400,
            "bad_body",
            "weights[0]",
        ),
        (
            with("[100]", "http/0", good),
            400,
            "bad_body",
            "2 destinations, but there are 1",
        ),
        (
            with("[1, 2, 3]", "http/0", good),
            400,
            "bad_body",
            "2 destinations, but there are 3",
        ),
        (
            with("[]", "http/0", good),
            400,
            "bad_body",
            "2 destinations",
        ),
        (with("[70, 30]", "http/7", good), 404, "not_found", "http/7"),
        (
            with("[70, 30]", "nonsense", good),
            404,
            "not_found",
            "nonsense",
        ),
        (
            with("[70, 30]", "http/0", "1"),
            409,
            "conflict",
            "changed since",
        ),
        (
            with("[70, 30]", "http/0", ""),
            409,
            "conflict",
            "changed since",
        ),
        ("{".to_owned(), 400, "bad_body", "can't be read"),
        (String::new(), 400, "bad_body", "can't be read"),
        ("[]".to_owned(), 400, "bad_body", "can't be read"),
        (
            with("[70, 30]", "http/0", good).replace("rule", "role"),
            400,
            "bad_body",
            "role",
        ),
        (
            format!("{} {{}}", with("[70, 30]", "http/0", good)),
            400,
            "bad_body",
            "after its end",
        ),
        (
            format!(
                r#"{{"resource_version": "{good}", "rule": "http/0", "weights": [70, 30], "reason": "{}"}}"#,
                "x".repeat(501)
            ),
            400,
            "bad_body",
            "reason",
        ),
    ] {
        let headers = [("content-type", "application/json")];
        let answer = pidali
            .send_text("PUT", &path, body.clone(), &headers)
            .await?;
        let (was, message) = error(&answer);
        assert_eq!(
            (answer.status, was),
            (status, kind),
            "{body}: {}",
            answer.text
        );
        assert!(message.contains(words), "{body}: {message}");
    }
    for (path, status) in [
        ("routes/default/virtualservice/nobody/weights", 404),
        ("routes/default/pod/backend/weights", 400),
        ("routes/nowhere/httproute/x/weights", 404),
    ] {
        let body = json!({"resource_version": "1", "rule": "http/0", "weights": [1, 1]});
        let answer = pidali.send("PUT", path, &body, &[]).await?;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(!error(&answer).1.is_empty());
    }
    for edits in [
        json!([]),
        json!(vec![json!({"kind": "fly"}); 2]),
        json!([{"kind": "set_weights"}]),
    ] {
        let answer = pidali
            .send("POST", "changes", &json!({"edits": edits}), &[])
            .await?;
        assert_eq!(
            (answer.status, error(&answer).0),
            (400, "bad_body"),
            "{}",
            answer.text
        );
    }
    let after = pidali.json(BACKEND).await?;
    assert_eq!((weights(&after), version(&after)), (vec![90, 10], seen));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_a_form_and_a_flood_change_nothing() -> Result<()> {
    let pidali = demo()?;
    let seen = version(&pidali.json(BACKEND).await?);
    let body = json!({"resource_version": seen, "rule": "http/0", "weights": [1, 99]});
    let path = format!("{BACKEND}/weights");
    for headers in [
        [("origin", "http://evil.example"), ("accept", "*/*")],
        [("origin", "null"), ("accept", "*/*")],
        [
            ("sec-fetch-site", "cross-site"),
            ("origin", "http://127.0.0.1"),
        ],
        [("sec-fetch-site", "same-site"), ("accept", "*/*")],
    ] {
        let answer = pidali.send("PUT", &path, &body, &headers).await?;
        assert_eq!(
            (answer.status, error(&answer).0),
            (403, "foreign_origin"),
            "{headers:?}"
        );
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let answer = pidali
            .send_text("PUT", &path, body.to_string(), &[("content-type", kind)])
            .await?;
        assert_eq!(
            (answer.status, error(&answer).0),
            (400, "bad_body"),
            "{kind}: {}",
            answer.text
        );
    }
    let flood =
        json!({"resource_version": "x".repeat(100_000), "rule": "http/0", "weights": [1, 99]});
    let answer = pidali.send("PUT", &path, &flood, &[]).await?;
    assert_eq!(
        (answer.status, error(&answer).0),
        (413, "too_large"),
        "{}",
        answer.text
    );
    // No state changes by GET, whatever the address.
    for address in ["weights", "undo"] {
        let answer = pidali.get(&format!("{BACKEND}/{address}")).await?;
        assert_eq!(answer.status, 405, "{address}: {}", answer.text);
    }
    let own = [("sec-fetch-site", "same-origin"), ("accept", "*/*")];
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);
    let answer = pidali.send("PUT", &path, &body, &own).await?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn w4_traffic_is_never_sent_where_no_pod_is_ready() -> Result<()> {
    let pidali = demo()?;
    let refused = set(&pidali, STOCK, &[50, 50], json!({})).await?;
    assert_eq!(
        (refused.status, error(&refused).0),
        (422, "checks"),
        "{}",
        refused.text
    );
    assert!(
        error(&refused).1.contains("no ready pod"),
        "{}",
        refused.text
    );
    let hint = refused.json["error"]["hint"].as_str().unwrap_or_default();
    assert!(hint.starts_with("kubectl "), "{hint}");
    assert_eq!(refused.json["results"][0]["outcome"], "refused");
    assert_eq!(weights(&pidali.json(STOCK).await?), [97, 3]);
    // Less to what is broken is always right.
    let less = set(&pidali, STOCK, &[100, 0], json!({})).await?;
    assert_eq!(less.status, 200, "{}", less.text);
    assert_eq!(weights(&pidali.json(STOCK).await?), [100, 0]);
    // And taking that back would send calls there again.
    let after = pidali.json(STOCK).await?;
    let body = json!({"change": less.json["change"], "resource_version": version(&after)});
    let undo = pidali
        .send("POST", &format!("{STOCK}/undo"), &body, &[])
        .await?;
    assert_eq!(
        (undo.status, error(&undo).0),
        (422, "checks"),
        "{}",
        undo.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn w7_what_someone_changed_since_is_not_written_over_unasked() -> Result<()> {
    let pidali = demo()?;
    let first = set(&pidali, BACKEND, &[70, 30], json!({})).await?;
    let change = first.json["change"].clone();
    set(&pidali, BACKEND, &[60, 40], json!({})).await?;
    let body = |over: Value, version: String| json!({"change": change, "resource_version": version, "over": over});
    let undo = format!("{BACKEND}/undo");
    let seen = version(&pidali.json(BACKEND).await?);
    let asked = pidali
        .send("POST", &undo, &body(Value::Null, seen.clone()), &[])
        .await?;
    assert_eq!(
        (asked.status, error(&asked).0),
        (409, "changed_since"),
        "{}",
        asked.text
    );
    for part in ["70/30", "90/10", "60/40"] {
        assert!(error(&asked).1.contains(part), "{}", asked.text);
    }
    let wrong = pidali
        .send("POST", &undo, &body(json!([61, 39]), seen.clone()), &[])
        .await?;
    assert_eq!(wrong.status, 409, "{}", wrong.text);
    let meant = pidali
        .send("POST", &undo, &body(json!([60, 40]), seen), &[])
        .await?;
    assert_eq!(meant.status, 200, "{}", meant.text);
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);
    let missing = pidali
        .send(
            "POST",
            &undo,
            &json!({"change": "none", "resource_version": version(&pidali.json(BACKEND).await?)}),
            &[],
        )
        .await?;
    assert_eq!(
        (missing.status, error(&missing).0),
        (404, "not_found"),
        "{}",
        missing.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_splits_of_one_service_are_moved_and_taken_back_together() -> Result<()> {
    let pidali = demo()?;
    let routes = pidali.json("routes?namespaces=default").await?;
    let services = routes["services"].as_array().context("services")?;
    let backend = services
        .iter()
        .find(|s| s["id"] == "default/backend")
        .context("backend")?;
    let splits: Vec<&str> = backend["splits"]
        .as_array()
        .context("splits")?
        .iter()
        .filter_map(|s| s["route"].as_str())
        .collect();
    assert_eq!(
        splits,
        [
            "default/virtualservice/app-external",
            "default/virtualservice/backend-routing"
        ]
    );

    let edit = |name: &str, version: String, weights: [u32; 2]| {
        json!({
            "kind": "set_weights", "rule": "http/0", "weights": weights, "resource_version": version,
            "object": {"namespace": "default", "kind": "virtualservice", "name": name},
        })
    };
    let versions = async || -> Result<(String, String)> {
        Ok((
            version(&pidali.json(BACKEND).await?),
            version(&pidali.json(EXTERNAL).await?),
        ))
    };
    // One is stale: neither is written.
    let (mesh, _) = versions().await?;
    let edits = json!([
        edit("backend-routing", mesh, [70, 30]),
        edit("app-external", "1".to_owned(), [70, 30])
    ]);
    let stale = pidali
        .send("POST", "changes", &json!({"edits": edits}), &[])
        .await?;
    assert_eq!(
        (stale.status, error(&stale).0),
        (409, "conflict"),
        "{}",
        stale.text
    );
    assert_eq!(stale.json["results"][0]["outcome"], "not_tried");
    assert_eq!(stale.json["results"][1]["outcome"], "refused");
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);

    let (mesh, gateway) = versions().await?;
    let edits = json!([
        edit("backend-routing", mesh, [70, 30]),
        edit("app-external", gateway, [70, 30])
    ]);
    let both = pidali
        .send(
            "POST",
            "changes",
            &json!({"edits": edits, "reason": "step one"}),
            &[],
        )
        .await?;
    assert_eq!(both.status, 200, "{}", both.text);
    assert_eq!(weights(&pidali.json(BACKEND).await?), [70, 30]);
    assert_eq!(weights(&pidali.json(EXTERNAL).await?), [70, 30]);
    let history = pidali.json(&format!("{EXTERNAL}/history")).await?;
    assert_eq!(history["items"][0]["change"], both.json["change"]);
    assert_eq!(
        history["items"][0]["together"],
        json!([
            "default/virtualservice/backend-routing",
            "default/virtualservice/app-external"
        ])
    );

    // From either of them, what was written last is taken back first.
    let body = json!({"change": both.json["change"], "resource_version": version(&pidali.json(EXTERNAL).await?)});
    let undone = pidali
        .send("POST", &format!("{EXTERNAL}/undo"), &body, &[])
        .await?;
    assert_eq!(undone.status, 200, "{}", undone.text);
    let results = undone.json["results"].as_array().context("results")?;
    let order: Vec<&str> = results
        .iter()
        .filter_map(|r| r["object"].as_str())
        .collect();
    assert_eq!(
        order,
        [
            "default/virtualservice/app-external",
            "default/virtualservice/backend-routing"
        ]
    );
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);
    assert_eq!(weights(&pidali.json(EXTERNAL).await?), [90, 10]);
    // Once more changes nothing, and says so.
    let body = json!({"change": both.json["change"], "resource_version": version(&pidali.json(BACKEND).await?)});
    let again = pidali
        .send("POST", &format!("{BACKEND}/undo"), &body, &[])
        .await?;
    assert_eq!(again.status, 200, "{}", again.text);
    assert!(again.json["change"].is_null(), "{}", again.text);
    for result in again.json["results"].as_array().context("results")? {
        assert_eq!(result["outcome"], "unchanged");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_splits_are_joined_into_one_and_parted_again() -> Result<()> {
    let pidali = demo()?;
    let reference =
        |name: &str| json!({"namespace": "default", "kind": "virtualservice", "name": name});
    let (mesh, gateway) = (pidali.json(BACKEND).await?, pidali.json(EXTERNAL).await?);
    let edit = json!({
        "kind": "join", "object": reference("backend-routing"), "resource_version": version(&mesh),
        "with": reference("app-external"), "with_resource_version": version(&gateway),
    });
    let preview = pidali
        .send(
            "POST",
            "changes",
            &json!({"edits": [edit], "dry_run": true}),
            &[],
        )
        .await?;
    assert_eq!(preview.status, 200, "{}", preview.text);
    assert_eq!(
        pidali.get(EXTERNAL).await?.status,
        200,
        "a preview deletes nothing"
    );
    let joined = pidali
        .send("POST", "changes", &json!({"edits": [edit]}), &[])
        .await?;
    assert_eq!(joined.status, 200, "{}", joined.text);
    assert_eq!(pidali.get(EXTERNAL).await?.status, 404);
    let one = pidali.json(BACKEND).await?;
    assert_eq!(one["hosts"], json!(["backend", "app.example.com"]));
    assert_eq!(one["gateways"], json!(["mesh", "default/app-gateway"]));
    let callers: Vec<&str> = one["rules"][0]["callers"]
        .as_array()
        .context("callers")?
        .iter()
        .filter_map(|c| c["id"].as_str())
        .collect();
    assert_eq!(callers, ["mesh", "default/app-gateway"]);

    // Both groups of callers follow it.
    let set = set(&pidali, BACKEND, &[0, 100], json!({})).await?;
    assert_eq!(set.status, 200, "{}", set.text);
    tokio::time::sleep(Duration::from_secs(2)).await;
    let traffic = |graph: &Value, from: &str| -> (f64, f64) {
        let to = |to: &str| {
            let edges = graph["edges"].as_array().cloned().unwrap_or_default();
            let edge = edges.into_iter().find(|e| {
                e["from"].as_str().is_some_and(|f| f.ends_with(from))
                    && e["to"].as_str().is_some_and(|t| t.ends_with(to))
            });
            edge.and_then(|e| e["requests"].as_f64()).unwrap_or(0.0)
        };
        (to("backend-v1"), to("backend-v2"))
    };
    tokio::time::sleep(Duration::from_secs(16)).await;
    let graph = pidali.json("graph?window=10s").await?;
    for from in ["/frontend", "/istio-ingressgateway"] {
        let (v1, v2) = traffic(&graph, from);
        assert!(v1 == 0.0 && v2 > 20.0, "{from}: {v1} to v1, {v2} to v2");
    }

    let body = json!({"change": joined.json["change"], "resource_version": version(&pidali.json(BACKEND).await?)});
    let parted = pidali
        .send("POST", &format!("{BACKEND}/undo"), &body, &[])
        .await?;
    assert_eq!(parted.status, 200, "{}", parted.text);
    let (mesh, gateway) = (pidali.json(BACKEND).await?, pidali.json(EXTERNAL).await?);
    assert_eq!(
        (mesh["hosts"].clone(), gateway["hosts"].clone()),
        (json!(["backend"]), json!(["app.example.com"]))
    );
    assert_eq!(
        (weights(&mesh), weights(&gateway)),
        (vec![0, 100], vec![0, 100]),
        "parting moves nobody"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_measured_share_converges_on_the_wanted_one() -> Result<()> {
    let pidali = demo()?;
    let applied = set(&pidali, BACKEND, &[50, 50], json!({})).await?;
    assert_eq!(applied.status, 200, "{}", applied.text);
    let share =
        |route: &Value| route["rules"][0]["destinations"][1]["measured"][0]["share"].as_f64();
    let fresh = pidali.json(BACKEND).await?;
    assert_eq!(
        share(&fresh),
        None,
        "nothing is known of the new weights yet: {fresh}"
    );
    let mut told = None;
    for _ in 0..90 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let route = pidali.json(BACKEND).await?;
        let over = route["rules"][0]["measured_over_s"].as_u64();
        if let (Some(share), Some(over)) = (share(&route), over) {
            assert!(over < 90, "{over} s reach back before the change");
            told = Some(share);
            if (share - 0.5).abs() <= 0.05 {
                return Ok(());
            }
        }
    }
    panic!("not within 5 points in 90 s: {told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_nothing_is_written_and_the_right_is_named() -> Result<()> {
    let pidali = Pidali::start(&["demo", "--read-only"])?;
    let refused = set(&pidali, BACKEND, &[70, 30], json!({})).await?;
    assert_eq!(
        (refused.status, error(&refused).0),
        (403, "forbidden"),
        "{}",
        refused.text
    );
    let hint = refused.json["error"]["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("patch VirtualService"), "{hint}");
    // What it would be is shown all the same, and said to be ours alone.
    assert_eq!(refused.json["results"][0]["server_checked"], false);
    assert!(
        refused.json["results"][0]["diff"]
            .as_array()
            .is_some_and(|d| !d.is_empty())
    );
    assert_eq!(weights(&pidali.json(BACKEND).await?), [90, 10]);
    Ok(())
}
