//! The line of a call between two cards, where no layout has drawn one.

/// A node's rectangle, by its centre, in whole pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Card {
    /// The centre.
    pub x: i32,
    /// The centre.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

/// Returns the control points of a curve from the right border of the caller to the left border of the
/// callee, or around where the callee stands further left. Lines between the same two cards differ in
/// their `lane`, in pixels.
pub fn line(from: Card, to: Card, lane: i32) -> Vec<[i32; 2]> {
    let (Card { x: ax, y: ay, .. }, Card { x: bx, y: by, .. }) = (from, to);
    let (a, b) = (from, to);
    let to_itself = a == b;
    let (a_right, a_left) = (ax + a.w / 2, ax - a.w / 2);
    let (b_right, b_left) = (bx + b.w / 2, bx - b.w / 2);
    if to_itself {
        let top = ay - a.h / 2;
        return vec![
            [ax + 18, top],
            [ax + 24, top - 24 - lane],
            [ax - 24, top - 24 - lane],
            [ax - 18, top],
        ];
    }
    if b_left >= a_right + 16 {
        let mid = (a_right + b_left) / 2;
        vec![
            [a_right, ay + lane],
            [mid - (mid - a_right) / 3, ay + lane + (by - ay) / 8],
            [mid + (b_left - mid) / 3, by + lane - (by - ay) / 8],
            [b_left, by + lane],
        ]
    } else if b_right + 16 <= a_left {
        // Back to an earlier layer: over or under, so that it does not hide the way there.
        let lift = if by >= ay { 26 } else { -26 };
        let mid = (a_left + b_right) / 2;
        vec![
            [a_left, ay + lane],
            [mid + (a_left - mid) / 3, ay + lane + lift],
            [mid - (mid - b_right) / 3, by + lane + lift / 2],
            [b_right, by + lane],
        ]
    } else {
        // One above the other.
        let (from_y, to_y) = if by >= ay {
            (ay + a.h / 2, by - b.h / 2)
        } else {
            (ay - a.h / 2, by + b.h / 2)
        };
        let bulge = if lane == 0 { 14 } else { -14 };
        vec![
            [ax + lane, from_y],
            [ax + lane + bulge, (from_y * 2 + to_y) / 3],
            [bx + lane + bulge, (from_y + to_y * 2) / 3],
            [bx + lane, to_y],
        ]
    }
}
