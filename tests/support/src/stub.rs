//! An upstream that answers whatever a test wants: only for faults that a real part cannot be made to show.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::Result;

/// A listening upstream. It ends with the test process.
pub struct Stub {
    /// Where it answers, without a slash at its end.
    pub url: String,
}

impl Stub {
    /// Answers every request with the bytes that `answer` makes of its head and body; nothing closes
    /// the connection without a word.
    pub fn raw(answer: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Result<Stub> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    // A caller that went away is a caller's business.
                    serve(stream, &*answer).ok();
                });
            }
        });
        Ok(Stub { url })
    }

    /// Answers every request with this status, type and body.
    pub fn says(status: u16, kind: &'static str, body: impl Into<String>) -> Result<Stub> {
        let body = body.into();
        Stub::raw(move |_| Some(response(status, kind, &body)))
    }

    /// Takes every request and never answers.
    pub fn silent() -> Result<Stub> {
        Stub::raw(|_| {
            thread::sleep(Duration::from_secs(600));
            None
        })
    }
}

/// Returns the question in a request to Prometheus's API; nothing where it holds none.
pub fn question_of(request: &str) -> String {
    let body = request.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let mut pairs = form_urlencoded::parse(body.as_bytes());
    let question = pairs.find(|(name, _)| name == "query");
    question
        .map(|(_, text)| text.into_owned())
        .unwrap_or_default()
}

/// Returns whether a question is which targets told new series or ended, or how those began.
pub fn is_about_targets(question: &str) -> bool {
    question.starts_with("sum_over_time(scrape_series_added") || question.starts_with("(up")
}

/// A whole response.
pub fn response(status: u16, kind: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} Stub\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn serve(
    mut stream: TcpStream,
    answer: &(dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync),
) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut request = Vec::new();
    let mut chunk = [0; 8192];
    loop {
        let n = stream.read(&mut chunk)?;
        request.extend_from_slice(chunk.get(..n).unwrap_or_default());
        if n == 0 || is_whole(&request) {
            break;
        }
    }
    let request = String::from_utf8_lossy(&request);
    if let Some(bytes) = answer(&request) {
        stream.write_all(&bytes)?;
    }
    stream.shutdown(Shutdown::Both)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or(0)
}
