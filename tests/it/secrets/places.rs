//! Places where a secret is written, and everything that the commands write.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proofload::report::Format;
use proofload::report::conformance::Kind;

use super::forms::{FORMS, Form, halves, left_of};
use crate::harness::{Raw, Request, program, shared};
use crate::names::commands::{commands as commands_of_help, formats};

/// A secret and where the profile has it.
const KEY: &str = "sk/key+env-0123456789abcdef";
const HEADER: &str = "hd/literal+header-0123456789";
const VARIABLE: &str = "vr/from+variable-0123456789";
const COOKIE: &str = "ck/cookie+value-0123456789";
const USER: &str = "us/user+name-0123456789";
const PASSWORD: &str = "pw/pass+word-0123456789";
const QUERY: &str = "qy/query+para-0123456789";
const PROXY: &str = "px/proxy+pass-0123456789";
const PAGE: &str = "pg/page+token-0123456789";
const PROMPT: &str = "pr/prompt+env-0123456789";

/// What the profile of a test has: a key, or a user and a password in its address, which are a key too.
fn secrets(with_key: bool) -> Vec<&'static str> {
    let own: &[&str] = if with_key { &[KEY] } else { &[USER, PASSWORD] };
    [own, &[HEADER, VARIABLE, COOKIE, QUERY, PROXY, PAGE, PROMPT]].concat()
}

/// A server that repeats every secret in every member that ends up in a report, in one form after another.
fn echoing(with_key: bool) -> Raw {
    let number = AtomicUsize::new(0);
    Raw::start(move |stream, request| {
        let form = FORMS[number.fetch_add(1, Ordering::Relaxed) % FORMS.len()];
        let (kind, body) = if request.head.starts_with("GET") {
            ("text/plain", echo(form, &secrets(with_key)))
        } else if is_streamed(request) {
            ("text/event-stream", streamed(form, &secrets(with_key)))
        } else {
            ("application/json", whole(form, &secrets(with_key)))
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nx-request-id: {}\r\nset-cookie: a={COOKIE}\r\ncontent-length: {}\r\n\r\n",
            secrets(with_key).iter().map(|secret| form.of(secret)).collect::<Vec<_>>().join(" "),
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).is_ok()
    })
}

fn is_streamed(request: &Request) -> bool {
    let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap_or_default();
    body["stream"] == true
}

fn echo(form: Form, secrets: &[&str]) -> String {
    let echoed = secrets.iter().map(|secret| format!("it is {} there", form.of(secret)));
    echoed.collect::<Vec<_>>().join(", and ")
}

fn whole(form: Form, secrets: &[&str]) -> String {
    let e = echo(form, secrets);
    format!(
        r#"{{"id":"{e}","object":"{e}","created":1,"model":"{e}","choices":[{{"index":"{e}","message":{{"role":"user","content":"{e}"}}}}],"metadata":{{"warning":"{e}","app_id":"{e}","error":"{e}"}},"error":{{"message":"{e}"}},"{e}":1}}"#
    )
}

fn streamed(form: Form, secrets: &[&str]) -> String {
    let event = |text: &str| {
        format!(
            "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n"
        )
    };
    let pieces = |secret: &&str| {
        if form == Form::Split { halves(secret).map(str::to_owned).to_vec() } else { vec![form.of(secret)] }
    };
    let texts = secrets.iter().flat_map(pieces);
    texts.map(|text| event(&text)).chain(["data: [DONE]\n\n".to_owned()]).collect()
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat()
}

/// A profile with a secret in every place that there is. The proxy is the server itself.
fn profile(server: &Raw, with_key: bool) -> String {
    let address = server.address;
    let user = if with_key { String::new() } else { format!("{}:{}@", encoded(USER), encoded(PASSWORD)) };
    let key = if with_key { "key_env = \"PROOFLOAD_TEST_KEY\"" } else { "" };
    format!(
        "[target]\nurl = \"http://{user}endpoint.invalid/v1?subscription-key={}\"\ndialect = \"pulze\"\nmodel = \"gpt-4o\"\n{key}\n\
         proxy = \"http://me:{}@{address}\"\nscrape = \"http://{address}/metrics?access_token={}\"\n\
         [target.headers]\nOcp-Apim-Subscription-Key = \"{HEADER}\"\nX-Team = \"${{PROOFLOAD_TEST_VARIABLE}}\"\n\
         X-Session-ID = \"session-is-readable\"\nCookie = \"session=${{PROOFLOAD_TEST_COOKIE}}; theme=dark\"\n\
         [load.closed]\nconcurrency = 2\ncount = 28\n[limits]\nmax_requests = 1000\n\
         [[case]]\nname = \"whole\"\nmessages = [{{ role = \"user\", content = \"hi {{{{env.PROOFLOAD_TEST_TOKEN}}}}\" }}]\n\
         [[case]]\nname = \"streamed\"\nstream = true\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
        encoded(QUERY),
        encoded(PROXY),
        encoded(PAGE),
    )
}

/// All that a folder of the user's holds after commands: files and streams, each with its name.
struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    fn of(command: &str, output: Output) -> Written {
        let name = |stream: &str| format!("{stream} of {command}");
        let mut written = vec![(name("stdout"), output.stdout), (name("stderr"), output.stderr)];
        written.retain(|(_, bytes)| !bytes.is_empty());
        Written(written)
    }

    fn add_files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                self.add_files(&path);
            } else if path.file_name().is_some_and(|name| name != "p.toml") {
                self.0.push((path.display().to_string(), fs::read(&path).expect("readable")));
            }
        }
    }

    /// No secret is in any of it, nor in what is in base64 or compressed in it.
    fn assert_clean(&self, secrets: &[&str]) {
        for (name, bytes) in &self.0 {
            for text in readable(name, bytes) {
                for secret in secrets {
                    let left = left_of(secret, &text);
                    assert_eq!(left, None, "{name} holds a part of {secret}: {}", near(&text, left.as_deref()));
                }
            }
        }
    }
}

fn near(text: &str, needle: Option<&str>) -> String {
    let Some(at) = needle.and_then(|needle| text.to_lowercase().find(&needle.to_lowercase())) else {
        return String::new();
    };
    let start = (0..=at.saturating_sub(200)).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    text[start..].chars().take(400).collect()
}

/// The texts of a file: as it is, decompressed, and what its lines have in base64.
fn readable(name: &str, bytes: &[u8]) -> Vec<String> {
    if name.ends_with("exchanges.jsonl.zst") {
        let mut text = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut frame = ruzstd::decoding::StreamingDecoder::new(&mut rest).expect("a frame");
            frame.read_to_end(&mut text).expect("zstd");
        }
        return vec![String::from_utf8(text).expect("UTF-8")];
    }
    let text = String::from_utf8_lossy(bytes).into_owned();
    let mut texts = vec![text.clone()];
    if name.ends_with("exchanges.jsonl") {
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line");
            let members = ["request", "body"].into_iter().filter_map(|name| line[name].as_str());
            texts.extend(
                members.map(|body| String::from_utf8_lossy(&STANDARD.decode(body).expect("base64")).into_owned()),
            );
        }
    }
    texts
}

/// Carries a command out in a folder, with the variables of the profile.
fn carry_out(folder: &Path, arguments: &[&str]) -> Written {
    let output = program()
        .current_dir(folder)
        .env("PROOFLOAD_TEST_KEY", KEY)
        .env("PROOFLOAD_TEST_VARIABLE", VARIABLE)
        .env("PROOFLOAD_TEST_COOKIE", COOKIE)
        .env("PROOFLOAD_TEST_TOKEN", PROMPT)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_STEP_SUMMARY", folder.join("step.md"))
        .args(arguments)
        .output()
        .expect("runs");
    let code = output.status.code();
    assert!(matches!(code, Some(0..=5)), "{arguments:?}: {code:?} {}", String::from_utf8_lossy(&output.stderr));
    Written::of(&arguments.join(" "), output)
}

/// The commands that print or keep something of an endpoint, each with what it needs.
fn commands() -> Vec<Vec<String>> {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let mut run = words("run p.toml --no-preflight --journal=bodies --out run");
    let mut check = words("check p.toml --out check --capture capture");
    for format in Format::ALL {
        run.extend(["--report".to_owned(), format!("{0}=run.{0}", format.name())]);
    }
    for kind in Kind::ALL {
        check.extend(["--report".to_owned(), format!("{0}=check.{0}", kind.name())]);
    }
    let mut commands = vec![
        run,
        words("run p.toml --no-preflight --format json --out run2"),
        words("run p.toml --dry-run"),
        words("run p.toml --repeat 2 --no-preflight --out repeat --count 4"),
        words("run p.toml --sweep concurrency=1,2 --no-preflight --out sweep --count 4"),
        words("capacity p.toml --no-preflight --stage 1s --confirm 1s --max-time 3s --out capacity"),
        words("capacity verify capacity --duration 1s"),
        check,
        words("check p.toml --no-out --baseline known.toml --update-baseline"),
        words("check p.toml --dry-run"),
        words("replay capture --no-out"),
        words("merge run --no-out"),
        words("profile check p.toml"),
    ];
    for (command, line) in [
        ("capacity report", "capacity report capacity"),
        ("capacity plan", "capacity plan capacity --demand 1 --price 1"),
        ("capacity compare", "capacity compare capacity capacity"),
        ("compare", "compare run run2"),
        ("history", "history ."),
    ] {
        commands.extend(formats(command).iter().map(|format| words(&format!("{line} --format {format}"))));
    }
    commands.extend(Format::ALL.map(|format| words(&format!("report run --format {}", format.name()))));
    commands.extend(Kind::ALL.map(|kind| words(&format!("report check --format {}", kind.name()))));
    commands
}

#[test]
fn every_command_is_searched_for_secrets() {
    // The endpoint of ours keeps no secret but its key, which a test of its own looks for; the others know no endpoint.
    let others = ["serve", "profile schema", "profile new"];
    let lines: Vec<String> = commands().into_iter().map(|command| command.join(" ")).collect();
    for command in commands_of_help("") {
        let is_searched = lines.iter().any(|line| line.starts_with(&command)) || others.contains(&command.as_str());
        assert!(is_searched, "{command} is new: it has to be searched for secrets");
    }
}

#[test]
fn nothing_that_any_command_writes_holds_a_secret() {
    let _machine = shared();
    for with_key in [true, false] {
        let server = echoing(with_key);
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("p.toml"), profile(&server, with_key)).expect("written");
        let mut written = Written(Vec::new());
        for command in commands() {
            let arguments: Vec<&str> = command.iter().map(String::as_str).collect();
            written.0.extend(carry_out(folder.path(), &arguments).0);
        }
        written.add_files(folder.path());
        assert!(written.0.len() > 40, "{}", written.0.len());
        written.assert_clean(&secrets(with_key));
        let summary = fs::read_to_string(folder.path().join("run/summary.json")).expect("a summary");
        for shown in
            ["${PROOFLOAD_TEST_VARIABLE}", "session=${PROOFLOAD_TEST_COOKIE}; theme=***", "session-is-readable", "***"]
        {
            assert!(summary.contains(shown), "{shown} is to be readable");
        }
        assert_eq!(summary.contains("Bearer ${PROOFLOAD_TEST_KEY}"), with_key);
    }
}
