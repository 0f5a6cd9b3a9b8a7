//! The colour of a service within a trace. Its name stands beside it always.

/// How many colours there are; more services than that share them.
const COLOURS: u32 = 8;

/// Returns the class of a service's colour, by its place among the services of its trace.
pub fn hue(service: u32) -> &'static str {
    match service % COLOURS {
        0 => "hue--1",
        1 => "hue--2",
        2 => "hue--3",
        3 => "hue--4",
        4 => "hue--5",
        5 => "hue--6",
        6 => "hue--7",
        _ => "hue--8",
    }
}
