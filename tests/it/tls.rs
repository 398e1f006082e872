//! TLS: verified by default, other authorities and a client certificate by option, HTTP/2 where it is negotiated.

use std::convert::Infallible;
use std::fs;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ServerConfig, WebPkiClientVerifier};
use tokio_rustls::TlsAcceptor;

use crate::harness::{completion, program, run_json};

/// A certificate, its key, and both as one PEM text.
type Signed = (CertificateDer<'static>, PrivateKeyDer<'static>, String);

/// An authority, and what it has signed, as PEM files in a folder.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("written");
        Authority { issuer, folder }
    }

    /// A certificate for a name, its key, and both as one PEM text.
    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Signed {
        self.sign_for(name, usage, [2020, 2100])
    }

    /// The same for the time from the beginning of one year to that of another.
    fn sign_for(&self, name: &str, usage: ExtendedKeyUsagePurpose, [from, to]: [i32; 2]) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
        params.extended_key_usages = vec![usage];
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(to, 1, 1);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let pem = format!("{}{}", certificate.pem(), key.serialize_pem());
        (certificate.der().clone(), PrivateKeyDer::try_from(key.serialize_der()).expect("a key"), pem)
    }

    /// A certificate for `localhost` and its key, as files.
    pub(crate) fn server_files(&self) -> (String, String) {
        let (_, _, pem) = self.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let key = pem.find("-----BEGIN PRIVATE KEY").expect("a key");
        fs::write(self.folder.path().join("server.pem"), &pem[..key]).expect("written");
        fs::write(self.folder.path().join("server.key"), &pem[key..]).expect("written");
        (self.path("server.pem"), self.path("server.key"))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }
}

/// A server with a certificate of the authority, and the HTTP versions it was spoken to in.
fn start(authority: &Authority, wants_client: bool) -> (String, Arc<Mutex<Vec<Version>>>) {
    start_with(authority, authority.sign("localhost", ExtendedKeyUsagePurpose::ServerAuth), wants_client)
}

/// The same with a certificate that may be wrong.
fn start_with(
    authority: &Authority,
    (certificate, key, _): Signed,
    wants_client: bool,
) -> (String, Arc<Mutex<Vec<Version>>>) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .expect("versions");
    let builder = if wants_client {
        let mut roots = RootCertStore::empty();
        roots.add(authority.issuer.der().clone()).expect("a root");
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().expect("a verifier");
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let mut config = builder.with_single_cert(vec![certificate], key).expect("a configuration");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    listener.set_nonblocking(true).expect("non-blocking");
    let url = format!("https://localhost:{}/v1", listener.local_addr().expect("an address").port());
    let versions = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&versions);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(serve(listener, TlsAcceptor::from(Arc::new(config)), seen));
    });
    (url, versions)
}

async fn serve(listener: std::net::TcpListener, acceptor: TlsAcceptor, seen: Arc<Mutex<Vec<Version>>>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request: Request<Incoming>| {
                seen.lock().expect("no panic").push(request.version());
                async move {
                    let _ = request.into_body().collect().await;
                    let mut response = Response::new(Full::new(Bytes::from(completion().to_string())));
                    response.headers_mut().insert("content-type", "application/json".parse().expect("a value"));
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

/// A run of whole replies, with these keys of the target set.
fn run(url: &str, set: &[(&str, &str)]) -> (i32, serde_json::Value) {
    let set: Vec<String> = set.iter().map(|(key, value)| format!("target.{key}={value}")).collect();
    let mut arguments = vec!["smoke", "--url", url, "--model", "m", "--concurrency", "2", "--count", "6"];
    arguments.extend(["--set", "case.1.stream=false", "--set", "case.2.stream=false"]);
    arguments.extend(set.iter().flat_map(|set| ["--set", set.as_str()]));
    let (code, digest, _) = run_json(&arguments);
    (code, digest["outcomes"].clone())
}

#[test]
fn certificates_are_verified_unless_told_otherwise() {
    let authority = Authority::new();
    let (url, versions) = start(&authority, false);
    assert_eq!(run(&url, &[]), (3, serde_json::json!({"tls": 6})), "an unknown authority");
    assert!(versions.lock().expect("no panic").is_empty(), "no request, and no key, reached the server");
    let ca = authority.path("ca.pem");
    assert_eq!(run(&url, &[("ca", &ca)]), (0, serde_json::json!({"ok": 6})));
    let by_address = url.replace("localhost", "127.0.0.1");
    assert_eq!(run(&by_address, &[("ca", &ca)]).0, 3, "the certificate is not for this name");
    assert_eq!(run(&by_address, &[("insecure", "true")]), (0, serde_json::json!({"ok": 6})));
}

#[test]
fn a_certificate_that_is_not_for_now_or_not_for_servers_is_refused() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    let server = ExtendedKeyUsagePurpose::ServerAuth;
    for signed in [
        authority.sign_for("localhost", server.clone(), [2010, 2011]),
        authority.sign_for("localhost", server, [2090, 2100]),
        authority.sign("localhost", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let (url, versions) = start_with(&authority, signed, false);
        assert_eq!(run(&url, &[("ca", &ca)]), (3, serde_json::json!({"tls": 6})));
        assert!(versions.lock().expect("no panic").is_empty(), "no request reached the server");
    }
}

/// What a server says to a first record of TLS, whether it then closes the connection, and what comes of it.
const HANDSHAKES: [(&str, &[u8], bool, &str); 9] = [
    ("plain HTTP", b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", true, "tls"),
    ("another protocol", b"SSH-2.0-OpenSSH_9.9\r\n", true, "tls"),
    ("no cipher in common", &[21, 3, 1, 0, 2, 2, 40], true, "tls"),
    ("no version in common", &[21, 3, 1, 0, 2, 2, 70], true, "tls"),
    ("half a record", &[22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3], true, "tls"),
    ("a record too long", &[22, 3, 3, 255, 255, 2, 0], true, "tls"),
    ("a message out of turn", &[22, 3, 3, 0, 4, 14, 0, 0, 0], true, "tls"),
    ("nothing at all", b"", true, "tls"),
    ("silence", b"", false, "timeout"),
];

#[test]
fn each_handshake_that_fails_gives_exactly_its_outcome() {
    std::thread::scope(|scope| {
        for (name, answer, closes, outcome) in HANDSHAKES {
            scope.spawn(move || {
                let limit = if closes { "30s" } else { "1s" };
                let limits = [("timeouts.connect", limit), ("timeouts.first_byte", limit), ("timeouts.total", limit)];
                let (code, outcomes) = run(&raw(answer, closes), &limits);
                assert_eq!((code, outcomes), (3, serde_json::json!({outcome: 6})), "{name}");
            });
        }
    });
}

/// A server that says one thing, whatever it is told.
fn raw(answer: &'static [u8], closes: bool) -> String {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let url = format!("https://{}/v1", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(answer);
                // What it does not close, the client has to.
                while !closes && stream.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

#[test]
fn http_2_is_spoken_where_it_is_negotiated_and_not_where_it_is_not_wanted() {
    let authority = Authority::new();
    let ca = authority.path("ca.pem");
    for (http, version) in [("auto", Version::HTTP_2), ("2", Version::HTTP_2), ("1.1", Version::HTTP_11)] {
        let (url, versions) = start(&authority, false);
        assert_eq!(run(&url, &[("ca", &ca), ("http", &format!("\"{http}\""))]).0, 0, "{http}");
        let seen = versions.lock().expect("no panic").clone();
        // A run that could not be believed, since the machine was busy, is repeated.
        assert!(seen.len() >= 6 && seen.iter().all(|seen| *seen == version), "{http}: {seen:?}");
    }
}

#[test]
fn a_client_certificate_is_shown_when_there_is_one() {
    let authority = Authority::new();
    let (_, _, pem) = authority.sign("me", ExtendedKeyUsagePurpose::ClientAuth);
    fs::write(authority.folder.path().join("me.pem"), pem).expect("written");
    let (url, _) = start(&authority, true);
    let ca = authority.path("ca.pem");
    let (code, outcomes) = run(&url, &[("ca", &ca)]);
    assert!(code == 3 && outcomes["ok"].is_null(), "{outcomes}");
    assert_eq!(
        run(&url, &[("ca", &ca), ("client_cert", &authority.path("me.pem"))]),
        (0, serde_json::json!({"ok": 6}))
    );
}

#[test]
fn the_version_that_tls_negotiates_is_noted() {
    let authority = Authority::new();
    let (url, _) = start(&authority, false);
    let profile = authority.path("check.toml");
    let ca = authority.path("ca.pem");
    let text = format!(
        "[target]\nurl = \"{url}\"\nmodel = \"m\"\nca = \"{ca}\"\n[load.closed]\nconcurrency = 1\ncount = 1\n[[case]]\n"
    );
    fs::write(&profile, text + "messages = [{ role = \"user\", content = \"hi\" }]\n").expect("written");
    let only = ["--only", "http-http2,http-tls-valid", "--format", "json", "--no-out"];
    let output = program().args(["check", &profile]).args(only).output().expect("runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let row = |id: &str| report["checks"][id].clone();
    assert_eq!(row("http-tls-valid")["status"], "PASS", "{report}");
    let noted = row("http-http2");
    assert!(noted["status"] == "INFO" && noted["reason"].as_str().is_some_and(|text| text.contains('2')), "{noted}");
}

/// What a run of an endpoint fails with, and what a check says of two rules, with these keys of the target.
fn failure(url: &str, keys: &str) -> (String, Vec<String>) {
    let text = format!(
        "[target]\nurl = \"{url}\"\nmodel = \"m\"\ndialect = \"openai\"\n{keys}\n[load.closed]\nconcurrency = 1\ncount = 2\n\
         [[case]]\nmessages = [{{ role = \"user\", content = \"hi\" }}]\n"
    );
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("own.toml");
    fs::write(&file, text).expect("written");
    let file = file.to_string_lossy().into_owned();
    let (_, digest, stderr) = run_json(&[&file]);
    let said = digest["failures"][0]["text"].as_str().unwrap_or_else(|| panic!("{stderr}")).to_owned();
    let arguments = ["check", &file, "--only", "auth-valid-accepted,http-tls-valid", "--format", "json", "-q"];
    let output = program().args(arguments).output().expect("runs");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a report");
    let status = |id: &str| report["checks"][id]["status"].as_str().unwrap_or_default().to_owned();
    (said, vec![status("auth-valid-accepted"), status("http-tls-valid")])
}

#[test]
fn a_fault_of_our_own_terms_is_not_held_against_the_endpoint() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (url, _) = start(&authority, false);
    let (said, statuses) = failure(&url, &format!("ca = \"{}\"", other.path("ca.pem")));
    assert!(said.starts_with("tls: no authority in the CA file of the profile has issued"), "{said}");
    assert!(statuses.iter().all(|status| ["ERROR", "BLOCKED"].contains(&status.as_str())), "{statuses:?}");
    let (said, statuses) = failure(&url, "");
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(statuses[1], "FAIL", "a certificate that nobody knows is the endpoint's");
}
