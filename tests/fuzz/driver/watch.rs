//! The loop: inputs are made and tried on a thread, which another watches, so that one that never ends is found as well.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::bytes::{self, Words};
use super::random::Random;
use super::smaller::smaller;
use super::{corpus, json};

/// How inputs are made from others.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// As bytes, with words of their language.
    Bytes(Words),
    /// Mostly as JSON.
    #[allow(dead_code, reason = "the targets of another package are no JSON")]
    Json(Words),
}

/// A target: whether it accepts an input; it panics where its property does not hold.
type Property = fn(&[u8]) -> bool;

/// An input takes milliseconds; however busy the machine is, one that takes this long does not end.
const LONGEST: Duration = Duration::from_secs(120);
/// Inputs from which others are made.
const POOL: usize = 256;

/// The input that is tried, and since when.
type Tried = Mutex<(Instant, Vec<u8>)>;

/// Holds a property against the corpus of a target, and then against inputs that are made from it.
///
/// # Panics
/// If it does not hold, or does not end; the input is kept.
pub(crate) fn fuzz(target: &'static str, way: Way, property: Property) {
    let seconds = number("PROOFLOAD_FUZZ_SECONDS").unwrap_or(1.0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |now| now.subsec_nanos());
    let seed = std::env::var("PROOFLOAD_FUZZ_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(u64::from(now));
    let tried: Arc<Tried> = Arc::new(Mutex::new((Instant::now(), Vec::new())));
    let (ended, end) = channel();
    let trying = Arc::clone(&tried);
    std::thread::spawn(move || {
        let _ = ended.send(run(target, way, property, Duration::from_secs_f64(seconds), seed, &trying));
    });
    let made = loop {
        match end.recv_timeout(Duration::from_secs(1)) {
            Ok(made) => break made,
            Err(RecvTimeoutError::Disconnected) => panic!("{target}: the driver itself failed"),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let (since, input) = tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if since.elapsed() > LONGEST {
            break Err(input);
        }
    };
    match made {
        Ok(made) => told(&format!("{target}: seed {seed}, {made} inputs")),
        Err(input) => {
            let file = corpus::keep(target, &input);
            panic!("{target}: seed {seed}: a property is broken by {}", shown(&file, &input));
        }
    }
}

fn number(name: &str) -> Option<f64> {
    std::env::var(name).ok()?.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

#[expect(clippy::print_stderr, reason = "what a run did is shown with --nocapture")]
fn told(text: &str) {
    eprintln!("{text}");
}

fn shown(file: &Path, input: &[u8]) -> String {
    let text = String::from_utf8_lossy(&input[..input.len().min(2000)]).escape_debug().to_string();
    format!("{} bytes, kept as {}:\n{text}", input.len(), file.display())
}

/// Returns how many inputs were tried, or one that breaks the property.
fn run(target: &str, way: Way, property: Property, length: Duration, seed: u64, tried: &Tried) -> Result<u64, Vec<u8>> {
    let (mut pool, mut random, mut made) = (corpus::of(target), Random::new(seed), 0);
    let corpus = pool.len();
    let attempt = |input: &[u8]| {
        *tried.lock().unwrap_or_else(PoisonError::into_inner) = (Instant::now(), input.to_vec());
        catch_unwind(AssertUnwindSafe(|| property(input))).ok()
    };
    let failed = |input: Vec<u8>| {
        // Its fault was told; that of each smaller one is the same.
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let smaller = smaller(&input, |input| attempt(input).is_none());
        std::panic::set_hook(hook);
        smaller
    };
    for input in &pool {
        attempt(input).ok_or_else(|| failed(input.clone()))?;
    }
    let began = Instant::now();
    while began.elapsed() < length {
        let (base, other) = (random.below(pool.len()), random.below(pool.len()));
        let input = make(&pool[base], &pool[other], way, &mut random);
        let accepted = attempt(&input).ok_or_else(|| failed(input.clone()))?;
        made += 1;
        // Of those that are accepted others are made in turn; the corpus itself stays.
        if accepted && pool.len() < POOL + corpus {
            pool.push(input);
        } else if accepted && random.once_in(4) {
            let place = corpus + random.below(POOL);
            pool[place] = input;
        }
    }
    Ok(made)
}

fn make(input: &[u8], other: &[u8], way: Way, random: &mut Random) -> Vec<u8> {
    let (Way::Bytes(words) | Way::Json(words)) = way;
    let changed = match way {
        Way::Json(_) if !random.once_in(10) => json::changed(input, other, words, random),
        Way::Json(_) | Way::Bytes(_) => None,
    };
    changed.unwrap_or_else(|| bytes::changed(input, other, words, random))
}
