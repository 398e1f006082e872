//! A light client for `serve-gaps.sh`: opens streams, stamps each read, and says how far the token gaps are from what
//! was asked. It parses nothing but counts `data:`, on one thread.
//!
//! `gaps ADDRESS STREAMS GAP_MS TOKENS`

use std::io::{self, Write as _};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Streams begin evenly within this time, as they would under load, and not in one burst.
const SPREAD: Duration = Duration::from_secs(1);

/// The instants of the reads that carried events between the role and the finish.
async fn stream(address: String, body: String, wait: Duration) -> io::Result<Vec<Instant>> {
    tokio::time::sleep(wait).await;
    let mut socket = TcpStream::connect(&address).await?;
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer bench\r\n\
         content-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    socket.write_all((head + &body).as_bytes()).await?;
    let (mut buffer, mut reads) = (vec![0; 16_384], Vec::new());
    loop {
        match socket.read(&mut buffer).await? {
            0 => return Ok(reads),
            read if buffer[..read].windows(11).any(|bytes| bytes == b"\"content\":\"") => reads.push(Instant::now()),
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, streams, gap_ms, tokens] = arguments.as_slice() else {
        return Err("gaps ADDRESS STREAMS GAP_MS TOKENS".into());
    };
    let (streams, gap_ms, tokens): (u32, f64, usize) = (streams.parse()?, gap_ms.parse()?, tokens.parse()?);
    let body = format!(
        "{{\"model\":\"gpt-4o\",\"stream\":true,\"max_tokens\":{tokens},\"messages\":[{{\"role\":\"user\",\"content\":\"hello\"}}]}}"
    );
    let mut open = JoinSet::new();
    for number in 0..streams {
        open.spawn(stream(address.clone(), body.clone(), SPREAD * number / streams));
    }
    let (mut off, mut reads) = (Vec::new(), 0);
    while let Some(ended) = open.join_next().await {
        let instants = ended??;
        reads += instants.len();
        off.extend(instants.windows(2).map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1000.0 - gap_ms).map(f64::abs));
    }
    off.sort_by(f64::total_cmp);
    let at = |per_mille: usize| off.get(off.len() * per_mille / 1000).copied().unwrap_or(f64::INFINITY);
    writeln!(
        io::stdout(),
        "{streams} streams, {gap_ms} ms gaps, {reads} of {} tokens in reads of their own: \
         gap off by p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms",
        streams as usize * tokens,
        at(500),
        at(990),
        at(999)
    )?;
    Ok(())
}
