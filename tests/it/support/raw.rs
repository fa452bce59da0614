//! HTTP by hand, over a connection that the test holds.

use std::time::Duration;

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// Far beyond every limit of a connection.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// All that still comes until the other side ends the connection.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset is an end, too.
    let _ = timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("the connection ends");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// One answer, of the length that it announces.
pub async fn answer(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let whole = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n")?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
        (body.len() >= length.parse().ok()?).then_some(text.clone())
    };
    loop {
        if let Some(text) = whole(&bytes) {
            return text;
        }
        let read = timeout(PATIENCE, stream.read_buf(&mut bytes)).await.expect("an answer in time");
        assert!(read.expect("to read") > 0, "the connection ended in the middle of an answer: {bytes:?}");
    }
}
