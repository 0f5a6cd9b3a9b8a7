//! What is asked of the server again and again: the answer held, how it stands, and the hints that there
//! is a newer one. All pages share it.

mod answer;
mod once;
mod series;
mod stream;

mod failed;
mod strip;

pub use answer::{Live, Phase, Question, Standing};
pub use failed::{BadLink, Failure};
pub use once::once;
pub use series::series;
pub use stream::{Hears, listen};
pub use strip::{Progress, Strip};
