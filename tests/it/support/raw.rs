//! HTTP by hand, over a connection that the test holds.

use std::time::Duration;

use tokio::{io::AsyncReadExt, net::TcpStream, time::timeout};

/// Timeout of a wait, beyond every limit of a connection.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(20);

/// All bytes until the peer closes the connection.
pub async fn rest(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset ends the connection, too.
    let _ = timeout(WAIT_TIMEOUT, stream.read_to_end(&mut bytes)).await.expect("the connection ends");
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
        let read = timeout(WAIT_TIMEOUT, stream.read_buf(&mut bytes)).await.expect("an answer in time");
        assert!(read.expect("to read") > 0, "the connection ended in the middle of an answer: {bytes:?}");
    }
}
