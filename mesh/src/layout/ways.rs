//! Ways of lines between cards that stand in columns.

use std::collections::BTreeMap;

use super::line::{Card, line};

/// Between a line and a card that it passes.
const CLEAR: i32 = 12;
/// Between lines that pass through the same gap.
const LANE: i32 = 5;

/// Finds ways between cards that stand in columns, as [`banded`](super::bands::banded) places them.
pub struct Ways {
    /// Centre of the column → its cards, from top to bottom.
    columns: BTreeMap<i32, Vec<Card>>,
    /// How many lines go through each gap, by column and the card below it.
    taken: BTreeMap<(i32, i32), i32>,
}

impl Ways {
    /// Takes the cards that no line may cross.
    pub fn new(cards: impl Iterator<Item = Card>) -> Ways {
        let mut columns: BTreeMap<i32, Vec<Card>> = BTreeMap::new();
        for card in cards {
            columns.entry(card.x).or_default().push(card);
        }
        for cards in columns.values_mut() {
            cards.sort_by_key(|card| card.y);
        }
        Ways {
            columns,
            taken: BTreeMap::new(),
        }
    }

    /// Returns the control points of a curve from caller to callee that passes between the cards of
    /// the columns on its way.
    pub fn line(&mut self, from: Card, to: Card, lane: i32) -> Vec<[i32; 2]> {
        let (start, end) = (from.x + from.w / 2, to.x - to.w / 2);
        let passes = |cards: &Vec<Card>| {
            let (left, right) = sides(cards);
            left > start && right < end
        };
        let between: Vec<i32> = self
            .columns
            .range(from.x..to.x.max(from.x))
            .filter(|(_, cards)| passes(cards))
            .map(|(x, _)| *x)
            .collect();
        if between.is_empty() {
            return line(from, to, lane);
        }
        let mut points = vec![[start, from.y + lane], [start + 2 * CLEAR, from.y + lane]];
        let mut y = from.y + lane;
        let mut x_before = start;
        for x in between {
            let Some(cards) = self.columns.get(&x) else {
                continue;
            };
            // Straight on to the callee, from where the line has come to.
            let share = f64::from(x - x_before) / f64::from((end - x_before).max(1));
            let wanted = y + (f64::from(to.y + lane - y) * share).round() as i32;
            let (free, gap) = free_near(cards, wanted);
            let (left, right) = sides(cards);
            y = free;
            if free != wanted {
                let nth = self.taken.entry((x, gap)).or_default();
                // Away from the card that is passed.
                let away = if free > wanted { 1 } else { -1 };
                y += away * (*nth % 4) * LANE;
                *nth += 1;
                points.extend([[left - CLEAR, y], [right + CLEAR, y]]);
            } else {
                points.push([x, y]);
            }
            x_before = x;
        }
        points.extend([[end - 2 * CLEAR, to.y + lane], [end, to.y + lane]]);
        points
    }
}

fn sides(cards: &[Card]) -> (i32, i32) {
    let left = cards
        .iter()
        .map(|c| c.x - c.w / 2)
        .min()
        .unwrap_or_default();
    let right = cards
        .iter()
        .map(|c| c.x + c.w / 2)
        .max()
        .unwrap_or_default();
    (left, right)
}

/// The height nearest to `wanted` at which a line passes all of `cards`, and which gap that is.
fn free_near(cards: &[Card], wanted: i32) -> (i32, i32) {
    let hit = |y: i32| {
        let near = |c: &&Card| y > c.y - c.h / 2 - CLEAR && y < c.y + c.h / 2 + CLEAR;
        cards.iter().find(near)
    };
    let edges = cards
        .iter()
        .flat_map(|c| [c.y - c.h / 2 - CLEAR, c.y + c.h / 2 + CLEAR]);
    let free = std::iter::once(wanted)
        .chain(edges)
        .filter(|y| hit(*y).is_none());
    let y = free.min_by_key(|y| (y - wanted).abs()).unwrap_or(wanted);
    let below = cards.iter().position(|c| c.y > y).unwrap_or(cards.len());
    (y, i32::try_from(below).unwrap_or(i32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn card(x: i32, y: i32) -> Card {
        Card {
            x,
            y,
            w: 120,
            h: 44,
        }
    }

    #[test]
    fn a_long_line_passes_between_the_cards_on_its_way() {
        let (from, to) = (card(0, 0), card(600, 0));
        let way = card(300, 4);
        let mut ways = Ways::new([from, to, way].into_iter());
        let first = ways.line(from, to, 0);
        let over = |points: &[[i32; 2]]| {
            points
                .iter()
                .any(|[x, y]| (x - 300).abs() <= 60 && (y - 4).abs() < 22 + CLEAR)
        };
        assert!(!over(&first), "{first:?}");
        assert_eq!(
            (first.first(), first.last()),
            (Some(&[60, 0]), Some(&[540, 0]))
        );
        let second = ways.line(from, to, 0);
        assert_ne!(first, second, "two lines do not lie on each other");
        assert!(!over(&second), "{second:?}");
    }

    #[test]
    fn a_line_to_the_next_column_is_the_plain_one() {
        let (from, to) = (card(0, 0), card(300, 90));
        let mut ways = Ways::new([from, to].into_iter());
        assert_eq!(ways.line(from, to, 0), line(from, to, 0));
        assert_eq!(ways.line(to, from, 0), line(to, from, 0));
    }
}
