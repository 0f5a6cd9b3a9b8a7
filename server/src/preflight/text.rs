//! What was found, as a text for a terminal: signs with words, and what is to be pasted flush left, so that it can
//! be copied as it stands.

use mesh::api::preflight::{Counts, Group, Item, Preflight, Status};

/// A sign and its word.
fn sign(status: Status) -> (&'static str, &'static str) {
    match status {
        Status::Fail => ("✗", "fails"),
        Status::Warn => ("!", "could be better"),
        Status::Unknown => ("?", "can't be told"),
        Status::Ok => ("✓", "as it should be"),
    }
}

/// How a terminal is told to begin a colour.
fn colour(status: Status) -> &'static str {
    match status {
        Status::Fail => "\u{1b}[31m",
        Status::Warn => "\u{1b}[33m",
        Status::Unknown => "\u{1b}[36m",
        Status::Ok => "\u{1b}[32m",
    }
}

/// Returns the whole text; colours repeat what the signs say.
pub fn text(found: &Preflight, has_colours: bool) -> String {
    let mut out = String::new();
    for group in &found.groups {
        of_group(&mut out, group, has_colours);
    }
    out += &format!("{}\n", summary(found.counts));
    out
}

fn of_group(out: &mut String, Group { title, items, .. }: &Group, has_colours: bool) {
    out.push_str(&plain(title));
    out.push('\n');
    for item in items {
        of_item(out, item, has_colours);
    }
    if !out.ends_with("\n\n") {
        out.push('\n');
    }
}

fn of_item(out: &mut String, item: &Item, has_colours: bool) {
    let (sign, word) = sign(item.status);
    let marked = match has_colours {
        true => format!("{}{sign} {word}\u{1b}[0m", colour(item.status)),
        false => format!("{sign} {word}"),
    };
    *out += &format!("  {marked}  {}: {}\n", item.title, plain(&item.message));
    if item.status != Status::Ok {
        *out += &format!("      Why it matters: {}\n", plain(&item.why));
    }
    if let Some(mend) = &item.mend {
        *out += &format!("      To do: {}.\n", plain(mend.trim_end_matches('.')));
    }
    if let Some(paste) = &item.paste {
        let lines = paste.trim_end().lines().map(plain);
        *out += &format!("\n{}\n\n", lines.collect::<Vec<_>>().join("\n"));
    }
}

/// Names come from a cluster: what a terminal would obey is left out.
fn plain(text: &str) -> String {
    text.chars().filter(|it| !it.is_control()).collect()
}

fn summary(counts: Counts) -> String {
    let Counts {
        fail,
        warn,
        unknown,
        ok,
    } = counts;
    let end = match (fail, warn) {
        (0, 0) => "Nothing to mend.",
        (0, _) => "Nothing fails; some of it could be better.",
        (1, _) => "One thing to mend first.",
        (_, _) => "Mend what fails first.",
    };
    format!(
        "{} looked at: {fail} ✗ fail, {warn} ! could be better, {unknown} ? can't be told, {ok} ✓ as they should be. {end}",
        fail + warn + unknown + ok
    )
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn found() -> Preflight {
        let item = |id: &str, status, mend: Option<&str>, paste: Option<&str>| Item {
            id: id.to_owned(),
            title: "Control plane".to_owned(),
            status,
            message: "No istiod \u{1b}[2Jruns.".to_owned(),
            why: "New pods get no sidecar.".to_owned(),
            mend: mend.map(str::to_owned),
            paste: paste.map(str::to_owned),
        };
        let items = vec![
            item(
                "a",
                Status::Fail,
                Some("install Istio"),
                Some("a: 1\n---\nb: 2\n"),
            ),
            item("b", Status::Ok, None, None),
        ];
        let counts = Counts {
            fail: 1,
            ok: 1,
            ..Counts::default()
        };
        Preflight {
            status: Status::Fail,
            counts,
            groups: vec![Group {
                id: "istio".to_owned(),
                title: "Istio".to_owned(),
                status: Status::Fail,
                items,
            }],
        }
    }

    #[test]
    fn what_is_pasted_stands_flush_left_and_signs_have_words() {
        expect![[r#"
            Istio
              ✗ fails  Control plane: No istiod [2Jruns.
                  Why it matters: New pods get no sidecar.
                  To do: install Istio.

            a: 1
            ---
            b: 2

              ✓ as it should be  Control plane: No istiod [2Jruns.

            2 looked at: 1 ✗ fail, 0 ! could be better, 0 ? can't be told, 1 ✓ as they should be. One thing to mend first.
        "#]]
        .assert_eq(&text(&found(), false));
    }

    #[test]
    fn colours_are_for_terminals_alone_and_repeat_the_signs() {
        let coloured = text(&found(), true);
        assert!(
            coloured.contains("\u{1b}[31m✗ fails\u{1b}[0m"),
            "{coloured}"
        );
        assert!(!text(&found(), false).contains('\u{1b}'));
    }
}
