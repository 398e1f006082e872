//! What several tests need: an endpoint, a plan, a run, the binary.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use jsonschema::json::SerdeJson;
use proofload::check::Depth;
use proofload::plan::Plan;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::reference::delay::Delay;
use proofload::reference::quirk::Quirk;
use proofload::reference::{Settings, serve};
use proofload::run::{Control, run};
use proofload::suite::Options;
use proofload::summary::Summary;
use proofload::wire::schema::{Schema, Violation};
use tokio::sync::oneshot;

use crate::dialect::Dialect;

/// A reference endpoint in this process, on a free loopback port; it ends when dropped.
pub(crate) struct Endpoint {
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Endpoint {
    pub(crate) fn start(settings: Settings) -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                serve(listener, settings, async { _ = stopped.await }).await.expect("serves");
            });
        });
        Endpoint { address, _stop: stop }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// The whole suite, so far into the catalogue.
pub(crate) fn suite(depth: Depth) -> Options {
    Options {
        depth,
        only: None,
        without: BTreeSet::new(),
        require: BTreeSet::new(),
        levels: BTreeMap::new(),
        repeat: 1,
        jobs: 4,
        seed: 1,
        cap: 64,
        context_window: None,
        schema_rate: None,
        fail_fast: false,
        forgiven: BTreeSet::new(),
    }
}

/// Constant delays, so that a test knows what to expect.
pub(crate) fn settings(
    dialect: Dialect,
    first_token_ms: u64,
    token_gap_ms: u64,
    quirks: Vec<&'static Quirk>,
) -> Settings {
    let constant = |ms| Delay::Constant(Duration::from_millis(ms));
    Settings {
        first_token: constant(first_token_ms),
        token_gap: constant(token_gap_ms),
        quirks,
        ..Settings::new(dialect.contract(), 1)
    }
}

/// A profile's text as a plan.
pub(crate) fn plan(text: &str) -> Plan {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("test.toml");
    std::fs::write(&file, text).expect("written");
    plan_of(&file)
}

pub(crate) fn plan_of(file: &Path) -> Plan {
    let world = World { env: &|_| None, today: "2026-11-22".to_owned(), salt: 1 };
    match proofload::profile::load(&file.to_string_lossy(), &Flags::default(), &world) {
        Ok(draft) => draft.plan(7),
        Err(problems) => panic!("{}", problems.draw(false)),
    }
}

/// Carries a plan out in this process.
pub(crate) fn carry_out(plan: &Arc<Plan>) -> Summary {
    let _machine = shared();
    run(plan, &Control::new()).expect("the run")
}

/// Every digest that a test sees is held against the committed schema.
pub(crate) fn assert_digest(digest: &serde_json::Value) {
    assert_valid("schemas/digest.json", digest);
}

/// So is every report of a check: of one run, or of several.
pub(crate) fn assert_conformance(report: &serde_json::Value) {
    match report["runs"].as_array() {
        Some(runs) => runs.iter().for_each(|run| assert_valid("schemas/conformance.json", run)),
        None => assert_valid("schemas/conformance.json", report),
    }
}

fn assert_valid(schema: &str, document: &serde_json::Value) {
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(schema).expect("the schema")).expect("JSON");
    let validator = proofload::wire::schema::offline(&schema).expect("a schema");
    let faults = proofload::wire::schema::violations(&validator, document);
    assert!(faults.is_empty(), "{faults:?}");
}

/// The built program.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// The key that the environment variable `MY_KEY` holds for endpoints.
pub(crate) const MY_KEY: &str = "sk-readme-0123456789";

/// `proofload serve` in a process of its own; it is killed when dropped.
pub(crate) struct Served {
    pub child: Child,
    pub url: String,
    /// The first line it prints.
    pub greeting: String,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Served {
        Served::start_with(arguments, Stdio::inherit())
    }

    /// The same with its standard error elsewhere.
    pub(crate) fn start_with(arguments: &[&str], stderr: Stdio) -> Served {
        use std::io::BufRead as _;
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .env("MY_KEY", MY_KEY)
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .expect("the endpoint starts");
        let mut greeting = String::new();
        let out = child.stdout.take().expect("stdout");
        std::io::BufReader::new(out).read_line(&mut greeting).expect("a line");
        let url = greeting.split_whitespace().nth(2).expect("an address").to_owned();
        Served { child, url, greeting }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A server that says, byte for byte, what a test wants; it ends with the test's process.
pub(crate) struct Raw {
    pub address: SocketAddr,
}

impl Raw {
    /// Calls `answer` for each request of each connection, on a thread for each connection, until it returns false.
    pub(crate) fn start(answer: impl Fn(&mut std::net::TcpStream, &Request) -> bool + Send + Sync + 'static) -> Raw {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || {
                    let mut stream = stream;
                    let _ = stream.set_nodelay(true);
                    while let Some(request) = read_request(&mut stream) {
                        if !answer(&mut stream, &request) {
                            return;
                        }
                    }
                });
            }
        });
        Raw { address }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// A request as it came.
pub(crate) struct Request {
    /// Request line and headers.
    pub head: String,
    pub body: Vec<u8>,
}

/// Reads one request: its head, and as much body as it announces.
fn read_request(stream: &mut std::net::TcpStream) -> Option<Request> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            break end + 4;
        }
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let lower = head.to_lowercase();
    let length =
        lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok()).unwrap_or(0);
    while bytes.len() < end + length {
        let read = stream.read(&mut buffer).ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&buffer[..read]);
    }
    Some(Request { head, body: bytes.split_off(end) })
}

/// Writes a whole reply with its length.
pub(crate) fn reply(stream: &mut std::net::TcpStream, status: &str, content_type: &str, body: &[u8]) -> bool {
    use std::io::Write as _;
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
}

/// Begins a chunked reply.
pub(crate) fn begin(stream: &mut std::net::TcpStream, content_type: &str) {
    use std::io::Write as _;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ntransfer-encoding: chunked\r\n\r\n");
    let _ = stream.write_all(head.as_bytes());
}

/// Writes one chunk of it; an empty one ends it.
pub(crate) fn chunk(stream: &mut std::net::TcpStream, bytes: &[u8]) {
    use std::io::Write as _;
    let framed = [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
    let _ = stream.write_all(&framed);
    let _ = stream.flush();
}

/// A completion that the openai dialect accepts.
pub(crate) fn completion() -> serde_json::Value {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    serde_json::json!({"id": format!("chatcmpl-{number}"), "object": "chat.completion", "created": now, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "all is well here"}}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}})
}

/// Tests that measure time hold it alone; the others that load an endpoint share it.
static MACHINE: RwLock<()> = RwLock::new(());

/// The machine to itself, for a test that compares clocks.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// The machine, shared with other tests.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Runs the program and takes its digest.
pub(crate) fn run_json(arguments: &[&str]) -> (i32, serde_json::Value, String) {
    let _machine = shared();
    measure(arguments)
}

/// The same without sharing the machine. A measurement that the program itself says cannot be believed, since the
/// machine was too busy to send in time, is repeated.
pub(crate) fn measure(arguments: &[&str]) -> (i32, serde_json::Value, String) {
    let believed = |(_, digest, _): &(i32, serde_json::Value, String)| digest["trust"]["verdict"] != "invalid";
    (0..3).map(|_| measure_once(arguments)).find(believed).unwrap_or_else(|| measure_once(arguments))
}

/// One run, its digest held against the schema.
fn measure_once(arguments: &[&str]) -> (i32, serde_json::Value, String) {
    // Tests count requests at their servers; `preflight.rs` has those of the first request alone.
    let always = ["--no-preflight", "--format", "json", "--no-out"];
    let output = program().args(["run"]).args(arguments).args(always).output().expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let digest = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}\n{stderr}", String::from_utf8_lossy(&output.stdout)));
    assert_digest(&digest);
    let planned = digest["requests"]["planned"].as_u64().expect("planned");
    let outcomes: u64 =
        digest["outcomes"].as_object().expect("outcomes").values().filter_map(serde_json::Value::as_u64).sum();
    assert_eq!(planned, outcomes, "planned is the sum of the outcomes");
    (output.status.code().expect("an exit code"), digest, stderr)
}

/// A schema of requests or of replies, asked about documents as `serde_json` has them.
pub(crate) trait Contract {
    /// The schema file.
    fn text(&self) -> &serde_json::Value;
    /// What a document breaks.
    fn faults(&self, document: &serde_json::Value) -> Vec<Violation>;
}

impl Contract for Schema {
    fn text(&self) -> &serde_json::Value {
        self.document()
    }

    fn faults(&self, document: &serde_json::Value) -> Vec<Violation> {
        let document = proofload::wire::json::Value::from(document.clone());
        let faults = self.violations(&document);
        assert_eq!(self.is_valid(&document), faults.is_empty(), "{document}");
        faults
    }
}

impl Contract for Schema<SerdeJson> {
    fn text(&self) -> &serde_json::Value {
        self.document()
    }

    fn faults(&self, document: &serde_json::Value) -> Vec<Violation> {
        let faults = self.violations(document);
        assert_eq!(self.is_valid(document), faults.is_empty(), "{document}");
        faults
    }
}
