//! What several tests need: an endpoint, a plan, a run, the binary.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proofload::plan::Plan;
use proofload::profile::flags::Flags;
use proofload::profile::load::World;
use proofload::reference::quirk::Quirk;
use proofload::reference::{Delay, Settings, serve};
use proofload::run::{Control, run};
use proofload::summary::Summary;
use proofload::summary::digest::Digest;
use proofload::wire::Dialect;
use tokio::sync::oneshot;

/// A reference endpoint in this process, on a free loopback port; it ends when dropped.
pub struct Endpoint {
    pub address: SocketAddr,
    _stop: oneshot::Sender<()>,
}

impl Endpoint {
    pub fn start(settings: Settings) -> Endpoint {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a loopback port");
        listener.set_nonblocking(true).expect("non-blocking");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                serve(listener, settings, async { _ = stopped.await }).await;
            });
        });
        Endpoint { address, _stop: stop }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }
}

/// Constant delays, so that a test knows what to expect.
pub fn settings(dialect: Dialect, first_token_ms: u64, token_gap_ms: u64, quirks: Vec<&'static Quirk>) -> Settings {
    let constant = |ms| Delay { median: Duration::from_millis(ms), spread: 0.0 };
    Settings {
        first_token: constant(first_token_ms),
        token_gap: constant(token_gap_ms),
        quirks,
        ..Settings::new(dialect, 1)
    }
}

/// A profile's text as a plan.
pub fn plan(text: &str) -> Plan {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("test.toml");
    std::fs::write(&file, text).expect("written");
    plan_of(&file)
}

pub fn plan_of(file: &Path) -> Plan {
    let world = World { env: &|_| None, today: "2026-11-22".to_owned() };
    match proofload::profile::load(&file.to_string_lossy(), &Flags::default(), &world) {
        Ok(draft) => draft.plan(7),
        Err(problems) => panic!("{}", problems.draw(false)),
    }
}

/// Carries a plan out in this process.
pub fn carry_out(plan: Plan) -> Summary {
    run(&Arc::new(plan), &Control::new()).expect("the run")
}

/// A digest as JSON, held against its committed schema.
pub fn digest(summary: &Summary) -> serde_json::Value {
    let digest = serde_json::to_value(Digest::of(summary)).expect("JSON");
    assert_digest(&digest);
    digest
}

/// Every digest that a test sees is held against the committed schema.
pub fn assert_digest(digest: &serde_json::Value) {
    let schema: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string("schemas/digest.json").expect("the schema")).expect("JSON");
    let validator = proofload::wire::dialect::offline(&schema).expect("a schema");
    let faults = proofload::wire::dialect::violations(&validator, digest);
    assert!(faults.is_empty(), "{faults:?}");
}

/// The built program.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_proofload"));
    command.env_remove("NO_COLOR").stdin(Stdio::null());
    command
}

/// `proofload serve` in a process of its own; it is killed when dropped.
pub struct Served {
    pub child: Child,
    pub url: String,
}

impl Served {
    pub fn start(arguments: &[&str]) -> Served {
        use std::io::BufRead as _;
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .expect("the endpoint starts");
        let mut line = String::new();
        let out = child.stdout.take().expect("stdout");
        std::io::BufReader::new(out).read_line(&mut line).expect("a line");
        let url = line.split_whitespace().nth(2).expect("an address").to_owned();
        Served { child, url }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
