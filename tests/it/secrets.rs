//! No secret in any output anywhere: everything a run writes is searched for every secret it knew.

use std::fs;
use std::path::Path;

use crate::harness::{Raw, program, reply};

const SECRETS: [&str; 6] = [
    "sk-bearer-0123456789abcdef",
    "azure-key-9876543210",
    "literal-api-key-5555",
    "session=cookie-7777",
    "url-password-3333",
    "query-token-1111",
];

fn everything_below(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            everything_below(&entry.path(), found);
        } else {
            found.push((entry.path().display().to_string(), fs::read(entry.path()).expect("readable")));
        }
    }
}

#[test]
fn nothing_that_a_run_writes_holds_a_secret() {
    // A server that echoes every header and the whole request line, in every member that ends up in a report.
    for (status, user, key) in [
        ("200 OK", String::new(), "key_env = \"PROOFLOAD_SECRET_KEY\""),
        ("200 OK", format!("me:{}@", SECRETS[4]), ""),
        ("401 Unauthorized", format!("me:{}@", SECRETS[4]), ""),
    ] {
        let server = Raw::start(move |stream, request| {
            let echo = serde_json::Value::String(request.head.clone()).to_string();
            let body = format!(
                "{{\"id\":{echo},\"object\":{echo},\"created\":1,\"model\":{echo},\"choices\":[{{\"index\":{echo},\"message\":{{\"role\":\"user\",\"content\":{echo}}}}}],\
                 \"metadata\":{{\"warning\":{echo},\"app_id\":{echo},\"error\":{echo}}},\"error\":{{\"message\":{echo}}},{echo}:1}}"
            );
            reply(stream, status, "application/json", body.as_bytes())
        });
        let folder = tempfile::tempdir().expect("a folder");
        let url = format!("http://{user}{}/v1?api-key={}", server.address, SECRETS[5]);
        let profile = format!(
            "[target]\nurl = \"{url}\"\ndialect = \"pulze\"\nmodel = \"gpt-4o\"\n{key}\n\
             headers = {{ \"api-key\" = \"${{PROOFLOAD_AZURE_KEY}}\", \"x-api-key\" = \"{}\", Cookie = \"{}\" }}\n\
             [load.closed]\nslots = 2\ncount = 8\n\
             [[case]]\nname = \"whole\"\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n\
             [[case]]\nname = \"streamed\"\nstream = true\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n",
            SECRETS[2], SECRETS[3]
        );
        fs::write(folder.path().join("p.toml"), profile).expect("written");
        let mut written = Vec::new();
        for format in ["text", "json"] {
            let output = program()
                .current_dir(folder.path())
                .env("PROOFLOAD_SECRET_KEY", SECRETS[0])
                .env("PROOFLOAD_AZURE_KEY", SECRETS[1])
                .args(["run", "p.toml", "--no-preflight", "--wait", "5s", "--format", format])
                .output()
                .expect("runs");
            assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
            written.push((format!("{status} stdout {format}"), output.stdout));
            written.push((format!("{status} stderr {format}"), output.stderr));
        }
        let report = String::from_utf8_lossy(&written[0].1).into_owned();
        let shown = if key.is_empty() { "authorization: ***" } else { "authorization: Bearer ${PROOFLOAD_SECRET_KEY}" };
        let broken = status == "200 OK";
        assert!(!broken || report.contains(shown) && report.contains("api-key: ${PROOFLOAD_AZURE_KEY}"), "{report}");
        everything_below(&folder.path().join("runs"), &mut written);
        assert!(written.len() >= 6);
        for (place, bytes) in &written {
            let text = String::from_utf8_lossy(bytes);
            for secret in SECRETS {
                // Basic authorization is made of the address's user and password.
                for form in [secret.to_owned(), base64_of(&format!("me:{}", SECRETS[4]))] {
                    assert!(!text.contains(&form), "{place} holds {form}: {text}");
                }
            }
        }
    }
}

fn base64_of(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

#[test]
fn the_drawing_of_a_fault_holds_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let profile = format!(
        "[target]\nurl = \"ftp://me:{}@h/v1?api-key={}\"\nheaders = {{ \"x-api-key\" = \"{}\", \"bad name\" = \"1\" }}\n",
        SECRETS[4], SECRETS[5], SECRETS[2]
    );
    fs::write(folder.path().join("p.toml"), profile).expect("written");
    let bearer = format!("authorization=Bearer {}\u{1}", SECRETS[0]);
    let output = program()
        .current_dir(folder.path())
        .args([
            "run",
            "p.toml",
            "--header",
            &bearer,
            "--set",
            &format!("target.headers.cookie=\"{}\\u0001\"", SECRETS[3]),
        ])
        .output()
        .expect("runs");
    let drawn = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2));
    for part in ["ftp://me:", "x-api-key\" = ****", "--header authorization=****", "target.headers.cookie="] {
        assert!(drawn.contains(part), "{part} is not in {drawn}");
    }
    for secret in SECRETS {
        assert!(!drawn.contains(secret), "{secret} in {drawn}");
    }
}
