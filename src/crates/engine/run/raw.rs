//! Requests that no HTTP library would send: step by step on a socket of their own, over plain HTTP/1.1.

use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::clock::Clock;
use super::failure::{Stage, causes, classify_chain};
use super::http1::{Lines, Malformed, Piece, Reader};
use crate::check::probe::Step;
use crate::exchange::{Arrival, Body, Cut, Dial, Exchange, Head, Outcome, Transfer};
use crate::plan::order::Order;
use crate::plan::target::Target;

/// Carries out the steps on a new connection and takes in what comes back.
pub(super) async fn exchange(target: &Target, order: Order, steps: &[Step], clock: Clock) -> Exchange {
    let sent = clock.now();
    let limit = target.timeouts.total;
    let url = order.address(target);
    let head = head(&url, target, order.method);
    let mut received = Received::default();
    let longest = target.max_reply;
    let talk = talk(&url, &head, steps, clock, longest, &mut received);
    let (outcome, cause) = match tokio::time::timeout(limit, talk).await {
        Ok(Ok(())) if received.body.bytes.len() > longest => {
            (Outcome::TooLarge, Some(format!("the reply is longer than {longest} bytes")))
        }
        Ok(Ok(())) => (received.outcome(), None),
        Ok(Err(lost)) => (lost.outcome(received.head.is_some()), Some(lost.error.to_string())),
        Err(_) => (Outcome::Timeout, Some(format!("no end within {limit:?}"))),
    };
    Exchange {
        ticket: order.ticket,
        asked: order.asked,
        epoch: clock.epoch(),
        eligible: order.ticket.due,
        sent: Some(sent),
        dial: received.dial,
        head: received.head,
        body: received.body,
        ended: clock.now(),
        outcome,
        cause,
        transfer: Transfer { folded: received.folded, ..Transfer::default() },
        unjudged: false,
    }
}

/// Why there is no reply, or no end of it.
#[derive(Debug)]
struct Lost {
    error: io::Error,
    /// Whether a connection was being opened.
    connecting: bool,
}

impl Lost {
    fn outcome(&self, has_head: bool) -> Outcome {
        let stage = if has_head { Stage::Body } else { Stage::Head };
        classify_chain(&causes(&self.error), stage, self.connecting, false).unwrap_or(Outcome::Reset)
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Lost {
        Lost { error, connecting: false }
    }
}

/// The request line and the target's headers, each line with its end. The order's own changes of headers are steps.
fn head(url: &Url, target: &Target, method: &str) -> String {
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut head = format!("{method} {}{query} HTTP/1.1\r\n", url.path());
    // A request has one (RFC 9112, section 3.2): the target's, where it says which.
    if !target.headers.iter().any(|header| header.name.eq_ignore_ascii_case("host")) {
        let _ = write!(head, "host: {}\r\n", &url[url::Position::BeforeHost..url::Position::AfterPort]);
    }
    for header in &target.headers {
        let _ = write!(head, "{}: {}\r\n", header.name, header.value.expose());
    }
    head
}

async fn talk(
    url: &Url,
    head: &str,
    steps: &[Step],
    clock: Clock,
    longest: usize,
    received: &mut Received,
) -> Result<(), Lost> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let began = clock.now();
    let connecting = TcpStream::connect((host, url.port_or_known_default().unwrap_or(80)));
    let mut stream = connecting.await.map_err(|error| Lost { error, connecting: true })?;
    received.dial = Some(Dial { began, ended: clock.now() });
    stream.set_nodelay(true)?;
    let (mut reader, mut writer) = stream.split();
    // An endpoint may answer, and close, before it has read all: that is an answer, and no failure of ours to write.
    let write = async {
        for step in steps {
            if act(&mut writer, head, step).await.is_err() {
                break;
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        read = read(&mut reader, clock, longest, received) => Ok(read?),
        () = write => Ok(()),
    }
}

async fn act(writer: &mut (impl AsyncWrite + Unpin), head: &str, step: &Step) -> io::Result<()> {
    match step {
        Step::Head(lines) => writer.write_all(format!("{head}{lines}\r\n").as_bytes()).await,
        Step::Send(bytes) => writer.write_all(bytes).await,
        Step::Drip(bytes, gap) => {
            for byte in bytes {
                writer.write_all(&[*byte]).await?;
                tokio::time::sleep(*gap).await;
            }
            Ok(())
        }
        Step::Wait(pause) => {
            tokio::time::sleep(*pause).await;
            Ok(())
        }
        Step::Close => writer.shutdown().await,
    }
}

async fn read(
    reader: &mut (impl AsyncRead + Unpin),
    clock: Clock,
    longest: usize,
    received: &mut Received,
) -> io::Result<()> {
    let mut buffer = vec![0; 16_384];
    loop {
        let count = reader.read(&mut buffer).await?;
        if count == 0 {
            return received.end();
        }
        received
            .take(clock.now(), &buffer[..count])
            .map_err(|fault| io::Error::new(io::ErrorKind::InvalidData, fault))?;
        if received.reader.is_over() || received.body.bytes.len() > longest {
            return Ok(());
        }
    }
}

/// What came so far.
#[derive(Default)]
struct Received {
    reader: Reader,
    dial: Option<Dial>,
    head: Option<Head>,
    folded: bool,
    body: Body,
}

impl Received {
    fn take(&mut self, at: Duration, bytes: &[u8]) -> Result<(), Malformed> {
        let Received { reader, head, folded, body, .. } = self;
        let before = body.bytes.len();
        let taken = reader.push(at, bytes, |piece| match piece {
            Piece::Head(came, lines) => {
                *head = Some(came);
                *folded = lines == Lines::Folded;
            }
            Piece::Body(bytes) => body.bytes.extend_from_slice(bytes),
        });
        if body.bytes.len() > before {
            body.arrivals.push(Arrival { at, end: body.bytes.len() });
        }
        taken
    }

    /// The connection was closed.
    fn end(&mut self) -> io::Result<()> {
        // A reply that was cut off is an answer, and its outcome says so.
        let _ = self.reader.end();
        if self.head.is_some() { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn outcome(&self) -> Outcome {
        let Some(head) = &self.head else { return Outcome::Reset };
        if self.reader.is_over() { Outcome::of_status(head.status) } else { Outcome::Truncated(Cut::ShortBody) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_read_however_it_is_cut() {
        let reply = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n";
        for cut in 0..reply.len() {
            let mut received = Received::default();
            received.take(Duration::ZERO, &reply[..cut]).expect("HTTP");
            received.take(Duration::ZERO, &reply[cut..]).expect("HTTP");
            assert_eq!(
                (received.body.bytes.as_slice(), received.reader.is_over()),
                (&b"abcde"[..], true),
                "cut at {cut}"
            );
            assert_eq!(received.outcome(), Outcome::Ok);
        }
    }

    #[test]
    fn what_went_wrong_has_the_outcome_that_a_load_gives_it() {
        let lost = |kind: io::ErrorKind, connecting| Lost { error: kind.into(), connecting };
        assert_eq!(lost(io::ErrorKind::HostUnreachable, true).outcome(false), Outcome::Connect);
        assert_eq!(lost(io::ErrorKind::ConnectionReset, false).outcome(true), Outcome::Reset);
        assert_eq!(lost(io::ErrorKind::UnexpectedEof, false).outcome(false), Outcome::Reset);
        let malformed = io::Error::new(io::ErrorKind::InvalidData, Malformed::LongHead);
        assert_eq!(Lost::from(malformed).outcome(false), Outcome::Protocol);
    }

    #[test]
    fn what_is_no_http_or_ends_early_is_told() {
        let mut received = Received::default();
        assert!(received.take(Duration::ZERO, b"SSH-2.0-OpenSSH\r\n\r\n").is_err());
        let mut received = Received::default();
        received.take(Duration::ZERO, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 5\r\n\r\nab").expect("HTTP");
        assert!(received.end().is_ok());
        assert_eq!((received.reader.is_over(), received.outcome()), (false, Outcome::Truncated(Cut::ShortBody)));
    }
}
