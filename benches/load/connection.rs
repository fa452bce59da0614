//! One keep-alive HTTP/1.1 connection with as little parsing as will do: the generator shares its cores with everything
//! that it measures.

use std::{
    io::{self, ErrorKind},
    net::SocketAddr,
    time::Duration,
};

use tokio::net::TcpStream;

/// An answer that takes longer counts as none.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// Room for an answer; it grows when one is longer.
const BUFFER_BYTES: usize = 4_096;

pub struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
}

/// What came back.
pub struct Answer<'a> {
    pub status: u16,
    /// The status line and the headers.
    pub head: &'a [u8],
    pub body: &'a [u8],
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, answer: vec![0; BUFFER_BYTES] })
    }

    /// Sends a request and reads its answer.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer<'_>> {
        let (head, whole) = tokio::time::timeout(RESPONSE_TIMEOUT, async {
            self.send(request).await?;
            self.receive().await
        })
        .await
        .map_err(|_| io::Error::from(ErrorKind::TimedOut))??;
        let status = self.answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        let status = status.ok_or_else(unreadable)?;
        Ok(Answer { status, head: &self.answer[..head], body: &self.answer[head..whole] })
    }

    async fn send(&mut self, mut request: &[u8]) -> io::Result<()> {
        while !request.is_empty() {
            match self.stream.try_write(request) {
                Ok(sent) => request = &request[sent..],
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.stream.writable().await?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads one answer; gives the length of its head and its whole length.
    async fn receive(&mut self) -> io::Result<(usize, usize)> {
        let (mut filled, mut lengths) = (0, None);
        loop {
            // The answer takes its time: waiting first saves the call that would find nothing.
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.answer[filled..]) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            }
            if lengths.is_none() {
                lengths = lengths_of(&self.answer[..filled])?;
            }
            match lengths {
                Some((head, whole)) if filled >= whole => return Ok((head, whole)),
                Some((_, whole)) if self.answer.len() < whole => self.answer.resize(whole, 0),
                None if filled == self.answer.len() => self.answer.resize(2 * filled, 0),
                _ => {}
            }
        }
    }
}

/// The length of the head and of the whole answer, once the head is there.
fn lengths_of(answer: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    let body = header(&answer[..end], b"content-length")
        .and_then(|value| value.parse::<usize>().ok())
        .ok_or_else(unreadable)?;
    Ok(Some((end + 4, end + 4 + body)))
}

/// The value of a header, if it is there; `name` in small letters.
pub fn header<'a>(head: &'a [u8], name: &[u8]) -> Option<&'a str> {
    head.split(|byte| *byte == b'\n').find_map(|line| {
        let (start, rest) = line.split_at_checked(name.len())?;
        if !start.eq_ignore_ascii_case(name) {
            return None;
        }
        Some(std::str::from_utf8(rest.strip_prefix(b":")?).ok()?.trim())
    })
}

fn unreadable() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "an answer without a status or a content-length")
}
