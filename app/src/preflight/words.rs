//! What was found, in words.

use mesh::api::preflight::{Counts, Group, Status};

/// Returns the word for how something stands.
pub fn status(status: Status) -> &'static str {
    match status {
        Status::Fail => "fails",
        Status::Warn => "could be better",
        Status::Unknown => "can’t be told",
        Status::Ok => "as it should be",
    }
}

/// Returns `24 looked at: 1 fails, 2 could be better, 1 can’t be told`.
pub fn tally(counts: Counts) -> String {
    let Counts {
        fail,
        warn,
        unknown,
        ok,
    } = counts;
    let of = [
        (fail, Status::Fail),
        (warn, Status::Warn),
        (unknown, Status::Unknown),
    ];
    let parts = of.into_iter().filter(|(n, _)| *n > 0);
    let parts: Vec<String> = parts
        .map(|(n, it)| format!("{n} {}", word(n, it)))
        .collect();
    let whole = format!("{} looked at", fail + warn + unknown + ok);
    match parts.is_empty() {
        true => format!("{whole}, all as they should be"),
        false => format!("{whole}: {}", parts.join(", ")),
    }
}

fn word(n: u32, it: Status) -> &'static str {
    match it {
        Status::Fail if n > 1 => "fail",
        it => status(it),
    }
}

/// Returns how a group stands: "all 5 as they should be", "1 of 5 fails".
pub fn of_group(group: &Group) -> String {
    let n = group.items.len();
    let worst = group.items.iter().filter(|it| it.status == group.status);
    let n_worst = u32::try_from(worst.count()).unwrap_or(u32::MAX);
    match group.status {
        Status::Ok => "as it should be".to_owned(),
        it if n == 1 => status(it).to_owned(),
        it => format!("{n_worst} of {n} {}", word(n_worst, it)),
    }
}

#[cfg(test)]
mod tests {
    use mesh::api::preflight::Item;

    use super::*;

    #[test]
    fn the_tally_names_what_is_not_as_it_should_be() {
        let counts = Counts {
            fail: 2,
            warn: 1,
            unknown: 0,
            ok: 3,
        };
        assert_eq!(tally(counts), "6 looked at: 2 fail, 1 could be better");
        let sound = Counts {
            ok: 3,
            ..Counts::default()
        };
        assert_eq!(tally(sound), "3 looked at, all as they should be");
    }

    #[test]
    fn a_group_says_how_many_of_it_are_as_bad_as_it_is() {
        let group = |statuses: &[Status]| {
            let items: Vec<Item> = statuses
                .iter()
                .map(|status| Item {
                    id: String::new(),
                    title: String::new(),
                    status: *status,
                    message: String::new(),
                    why: String::new(),
                    mend: None,
                    paste: None,
                })
                .collect();
            of_group(&Group {
                id: String::new(),
                title: String::new(),
                status: statuses.iter().min().copied().unwrap_or(Status::Ok),
                items,
            })
        };
        assert_eq!(group(&[Status::Ok, Status::Fail]), "1 of 2 fails");
        assert_eq!(group(&[Status::Fail, Status::Fail]), "2 of 2 fail");
        assert_eq!(group(&[Status::Unknown]), "can’t be told");
        assert_eq!(group(&[Status::Ok, Status::Ok]), "as it should be");
    }
}
