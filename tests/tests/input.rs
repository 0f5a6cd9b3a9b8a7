//! What people and other programs send: flags, parameters, headers. Everything can be wrong.

use std::io::{Read, Write};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, Result};
use support::{Pidali, pidali};

static DEMO: LazyLock<Pidali> = LazyLock::new(|| Pidali::start(&["demo"]).expect("pidali demo"));

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_parameter_is_named_with_its_mend() -> Result<()> {
    for (query, name) in [
        ("window=0", "window"),
        ("window=0s", "window"),
        ("window=10y", "window"),
        ("window=3650d", "window"),
        ("window=-5m", "window"),
        ("window=99999999999999999999s", "window"),
        ("window=", "window"),
        ("window=5m&window=6m", "window"),
        ("wndow=5m", "wndow"),
        ("by=pod", "by"),
        ("include=everything", "include"),
        ("at=yesterday", "at"),
        ("at=2026-02-31T00:00:00Z", "at"),
        ("namespaces=%FF", "namespaces"),
    ] {
        let answer = DEMO.get(&format!("graph?{query}")).await?;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        let error = &answer.json["error"];
        let message = error["message"]
            .as_str()
            .with_context(|| answer.text.clone())?;
        assert!(message.contains(name), "{query}: {message}");
        assert!(
            error["hint"].is_string(),
            "{query}: no mend: {}",
            answer.text
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_namespace_of_any_name_is_only_a_name() -> Result<()> {
    for name in [
        r#"a"b\c"#,
        "}) or vector(1) #",
        "默认",
        "'; drop",
        "{{",
        "%00",
    ] {
        let encoded: String = name.bytes().map(|b| format!("%{b:02X}")).collect();
        let answer = DEMO.get(&format!("graph?namespaces={encoded}")).await?;
        let said = answer.status == 400 || answer.json["notices"].to_string().contains("not_found");
        assert!(said && answer.status < 500, "{name}: {}", answer.text);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_longer_than_any_is_refused() -> Result<()> {
    let many: Vec<String> = (0..10_000).map(|n| format!("n{n}")).collect();
    let answer = DEMO
        .get(&format!("graph?namespaces={}", many.join(",")))
        .await?;
    assert_eq!(answer.status, 400, "{}", answer.text);
    assert!(answer.text.contains("names 10000 things") && answer.json["error"]["hint"].is_string());
    // Longer than any client library lets one ask: by hand.
    let host = DEMO.url.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(host)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let names = "n".repeat(1 << 20);
    let question = format!("GET /api/v1/graph?namespaces={names} HTTP/1.1\r\nhost: {host}\r\n\r\n");
    // It may hang up before it has heard all of it.
    stream.write_all(question.as_bytes()).ok();
    let mut answer = [0; 12];
    let n = stream.read(&mut answer).unwrap_or(0);
    let status = String::from_utf8_lossy(answer.get(..n).unwrap_or_default());
    assert!(n == 0 || status.starts_with("HTTP/1.1 4"), "{status}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_host_or_origin_gets_nothing() -> Result<()> {
    let address = format!("{}api/v1/graph", DEMO.url);
    for headers in [
        [("host", "evil.example"), ("accept", "*/*")],
        [("host", "127.0.0.1.evil.example"), ("accept", "*/*")],
    ] {
        let answer = DEMO.fetch(&address, &headers).await?;
        assert!(
            (400..500).contains(&answer.status),
            "{headers:?}: {}",
            answer.status
        );
        assert!(!answer.text.contains("nodes"), "{headers:?}");
        assert!(
            answer.json["error"]["message"].is_string(),
            "{}",
            answer.text
        );
    }
    let page = DEMO.fetch(&DEMO.url, &[("host", "evil.example")]).await?;
    assert!((400..500).contains(&page.status), "{}", page.status);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_under_api_falls_through_to_the_page() -> Result<()> {
    for path in ["api/v1/none", "api/v2/graph", "api/", "api/v1/graph/x"] {
        let answer = DEMO.fetch(&format!("{}{path}", DEMO.url), &[]).await?;
        assert_eq!(answer.status, 404, "{path}");
        assert!(
            answer.json["error"]["message"].is_string(),
            "{path}: {}",
            answer.text
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_comes_with_its_policy() -> Result<()> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let page = client.get(format!("{}graph", DEMO.url)).send().await?;
    assert_eq!(page.status(), 200);
    let header = |name: &str| {
        page.headers()
            .get(name)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default()
            .to_owned()
    };
    let policy = header("content-security-policy");
    for part in [
        "default-src 'none'",
        "script-src 'self' 'wasm-unsafe-eval'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe-inline"), "{policy}");
    assert_eq!(header("x-content-type-options"), "nosniff");
    let html = page.text().await?;
    assert!(
        html.contains("boot.js") && !html.contains("<script>") && !html.contains("style="),
        "{html}"
    );
    Ok(())
}

fn refused(args: &[&str]) -> Result<String> {
    let output = Command::new(pidali()?).args(args).output()?;
    assert!(!output.status.success(), "{args:?} was taken");
    Ok(String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_bad_flag_is_refused_at_the_start_by_its_name() -> Result<()> {
    for (args, name) in [
        (&["serve"][..], "--prometheus"),
        (&["serve", "--prometheus", "not a url"], "prometheus"),
        (&["serve", "--prometheus", "ftp://127.0.0.1/"], "prometheus"),
        (&["demo", "--listen", "nowhere"], "--listen"),
        (&["demo", "--seed", "x"], "--seed"),
        (&["demo", "--base-path", "../up"], "--base-path"),
        (&["demo", "--nonsense"], "--nonsense"),
    ] {
        let said = refused(args)?;
        assert!(said.contains(name), "{args:?}: {said}");
    }
    Ok(())
}

#[test]
fn a_port_in_use_is_said_to_be() -> Result<()> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0")?;
    let at = taken.local_addr()?.to_string();
    let said = refused(&["demo", "--listen", &at])?;
    assert!(said.contains(&at), "{said}");
    Ok(())
}
