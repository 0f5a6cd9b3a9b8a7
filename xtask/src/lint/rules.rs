//! The rules of ARCHITECTURE.md that can be read off one file.

/// A rule: where it holds, what may not be there, and why.
struct Rule {
    /// Files it holds for, by how their path starts; all but `except`.
    under: &'static [&'static str],
    except: &'static [&'static str],
    /// Words that break it, in code; what stands behind `//` is not code.
    never: &'static [&'static str],
    /// Whether tests may: those that read what the program writes for others.
    tests_may: bool,
    why: &'static str,
}

const RULES: [Rule; 9] = [
    Rule {
        under: &["mesh/src/", "demo/src/", "jaeger/src/"],
        except: &[],
        never: &[
            "SystemTime::now",
            "Instant::now",
            "std::env",
            "std::fs",
            "std::net",
            "std::process",
            "std::thread",
            "std::time::Instant",
            "tokio::",
            "reqwest::",
            "web_sys::",
        ],
        tests_may: false,
        why: "mesh, demo and jaeger are pure: what they need of the world is an argument",
    },
    Rule {
        under: &["mesh/", "demo/", "server/", "app/"],
        except: &[
            "server/src/sources/prometheus",
            "demo/src/expose",
            "demo/objects/",
        ],
        never: &[
            "istio_requests_total",
            "istio_request_duration",
            "source_workload",
            "destination_workload",
            "destination_service_name",
            "response_flags=",
            "connection_security_policy",
            "histogram_quantile",
        ],
        tests_may: true,
        why: "PromQL and Istio's labels are spoken in server/src/sources/prometheus and demo/src/expose alone",
    },
    Rule {
        under: &["mesh/src/", "demo/src/", "server/src/", "app/src/"],
        except: &["mesh/src/trace/hop.rs", "demo/src/expose"],
        never: &[
            "\"upstream_cluster",
            "\"node_id",
            "\"istio.canonical_",
            "\"istio.namespace",
            "\"k8s.pod.name",
        ],
        tests_may: true,
        why: "what Envoy writes into a span's tags is known in mesh/src/trace/hop and demo/src/expose alone",
    },
    Rule {
        under: &["mesh/src/", "demo/src/", "server/src/", "app/src/"],
        except: &[],
        never: &["traceID", "spanID", "processID", "query.service_name"],
        tests_may: true,
        why: "Jaeger's JSON is spoken in the crate jaeger alone",
    },
    Rule {
        under: &["mesh/src/"],
        except: &["mesh/src/api"],
        never: &["derive(Serialize", ", Serialize", "Deserialize)]"],
        tests_may: false,
        why: "wire types live in mesh::api alone",
    },
    Rule {
        under: &["server/src/", "app/src/", "demo/src/"],
        except: &[],
        never: &["petgraph::"],
        tests_may: false,
        why: "petgraph's indices never leave mesh::graph",
    },
    Rule {
        under: &["app/src/", "index.html"],
        except: &[],
        never: &[
            "style=\"",
            "style=move",
            "inner_html",
            "set_inner_html",
            "dangerously",
        ],
        tests_may: false,
        why: "the page's CSP forbids inline styles, and markup never comes from a string: use style:prop=",
    },
    Rule {
        under: &[
            "server/src/",
            "app/src/",
            "mesh/src/",
            "demo/src/",
            "jaeger/src/",
        ],
        except: &["server/src/main.rs"],
        never: &["println!(", "eprintln!(", "process::exit"],
        tests_may: false,
        why: "only the program's own main speaks to the terminal",
    },
    Rule {
        under: &[
            "tests/tests/",
            "tests/support/",
            "mesh/",
            "jaeger/",
            "server/",
            "demo/",
            "app/",
        ],
        except: &[],
        never: &["#[ignore"],
        tests_may: false,
        why: "nothing passes by being skipped",
    },
];

/// Folders that say nothing of what the program does.
const VAGUE: [&str; 7] = [
    "utils", "util", "helpers", "models", "handlers", "services", "types",
];

/// One line for every rule the file breaks, with its line number.
pub fn check(name: &str, text: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut parts = name
        .split('/')
        .flat_map(|part| part.strip_suffix(".rs").or(Some(part)));
    if name.contains("/src/")
        && let Some(vague) = parts.find(|part| VAGUE.contains(part))
    {
        broken.push(format!(
            "{name}: `{vague}` says nothing; name it after the feature"
        ));
    }
    for rule in RULES.iter().filter(|rule| rule.holds(name)) {
        for (at, line) in text.lines().enumerate() {
            let code = code(line);
            if let Some(word) = rule.never.iter().find(|word| code.contains(**word)) {
                broken.push(format!("{name}:{}: `{word}`: {}", at + 1, rule.why));
            }
        }
    }
    if !name.ends_with(".lock") {
        broken.extend(machine_paths(name, text));
    }
    broken
}

impl Rule {
    fn holds(&self, name: &str) -> bool {
        let starts = |list: &[&str]| list.iter().any(|start| name.starts_with(start));
        let is_test = name.contains("/tests/") || name.ends_with("/tests.rs");
        starts(self.under) && !starts(self.except) && !(is_test && self.tests_may)
    }
}

/// A line without its comment. A `//` inside a string hides what follows it; addresses stand behind a colon.
fn code(line: &str) -> &str {
    let mut from = 0;
    while let Some(at) = line[from..].find("//") {
        let at = from + at;
        if !line[..at].ends_with(':') {
            return &line[..at];
        }
        from = at + 2;
    }
    line
}

/// Paths of one person's machine, which tell others nothing.
fn machine_paths<'a>(name: &'a str, text: &'a str) -> impl Iterator<Item = String> + 'a {
    // Put together here, so that this file does not break its own rule.
    let paths = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    text.lines().enumerate().filter_map(move |(at, line)| {
        let path = paths.iter().find(|path| {
            line.match_indices(path.as_str()).any(|(i, _)| {
                // In the middle of a longer path it is somebody's folder name, not a machine's.
                let before = line[..i].chars().next_back();
                !before.is_some_and(|c| {
                    c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '*')
                })
            })
        })?;
        Some(format!(
            "{name}:{}: `{path}`: a path of one machine",
            at + 1
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaks(name: &str, text: &str) -> usize {
        check(name, text).len()
    }

    #[test]
    fn the_pure_crates_have_no_clock() {
        let line = "let now = SystemTime::now();";
        assert_eq!(breaks("mesh/src/graph.rs", line), 1);
        assert_eq!(breaks("server/src/clock.rs", line), 0);
        assert_eq!(breaks("demo/src/world.rs", "// never SystemTime::now"), 0);
    }

    #[test]
    fn istios_words_have_one_home() {
        let line = r#"let metric = "istio_requests_total";"#;
        assert_eq!(breaks("server/src/graph.rs", line), 1);
        assert_eq!(breaks("app/src/graph.rs", line), 1);
        assert_eq!(breaks("server/src/sources/prometheus/promql.rs", line), 0);
        assert_eq!(breaks("demo/src/expose.rs", line), 0);
    }

    #[test]
    fn what_spans_say_has_one_home() {
        let tag = r#"span.tag(&["upstream_cluster"])"#;
        assert_eq!(breaks("mesh/src/trace/path.rs", tag), 1);
        assert_eq!(breaks("mesh/src/trace/hop.rs", tag), 0);
        let json = r#"#[serde(rename = "spanID")]"#;
        assert_eq!(breaks("server/src/trace.rs", json), 1);
        assert_eq!(breaks("jaeger/src/legacy.rs", json), 0);
    }

    #[test]
    fn wire_types_have_one_home() {
        assert_eq!(
            breaks("mesh/src/graph.rs", "#[derive(Clone, Serialize)]"),
            1
        );
        assert_eq!(
            breaks("mesh/src/api/graph.rs", "#[derive(Clone, Serialize)]"),
            0
        );
    }

    #[test]
    fn the_page_has_no_inline_style() {
        assert_eq!(breaks("app/src/ui.rs", r#"<div style="width: 3px">"#), 1);
        assert_eq!(breaks("app/src/ui.rs", "<div style:width=\"3px\">"), 0);
    }

    #[test]
    fn vague_folders_are_refused() {
        assert_eq!(breaks("server/src/utils.rs", ""), 1);
        assert_eq!(breaks("server/src/handlers/graph.rs", ""), 1);
        assert_eq!(breaks("server/src/graph.rs", ""), 0);
    }

    #[test]
    fn a_skipped_test_is_refused() {
        assert_eq!(
            breaks("tests/tests/behaviour.rs", "#[ignore = \"slow\"]"),
            1
        );
    }

    #[test]
    fn a_machines_path_is_refused() {
        let path = format!("see /{}/x", "home");
        assert_eq!(breaks("README.md", &path), 1);
        assert_eq!(breaks("README.md", "https://example.org/home/x"), 0);
    }

    #[test]
    fn comments_end_where_code_begins() {
        assert_eq!(code("let x = 1; // SystemTime"), "let x = 1; ");
        assert_eq!(code("let x = \"http://a\"; y"), "let x = \"http://a\"; y");
    }
}
