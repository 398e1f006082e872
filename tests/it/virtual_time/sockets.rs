//! The same on real sockets: the program searches its built-in endpoint, and the truth comes from virtual time.
//!
//! It wants a quiet machine: a measurement that the program itself does not believe proves nothing, so it fails.

use std::fs;

use proofload::plan::schedule::Spacing;
use proofload::reference::capacity::Work;
use serde_json::Value;

use super::{FAST, Set, World, set, truth, world};
use crate::harness::{program, shared};

/// A search over a real socket: what the endpoint is, the words of the prompt, and the same in virtual time.
struct Real {
    name: &'static str,
    builtin: &'static str,
    words: usize,
    output: u64,
    set: Set,
}

fn even(world: World) -> World {
    World { spacing: Spacing::Even, ..world }
}

fn sets() -> Vec<Real> {
    let slots = "concurrency=8,step=20ms+1ms";
    let prefill = "concurrency=32,step=10ms,prefill=4000/s";
    let real = |name, builtin, words, output, set| Real { name, builtin, words, output, set };
    vec![
        real(
            "slots",
            "capacity = \"concurrency=8,step=20ms+1ms\"",
            10,
            16,
            set("slots", FAST, 4.0, even(world(slots, 20, 16))),
        ),
        real(
            "prefill",
            "capacity = \"concurrency=32,step=10ms,prefill=4000/s\"",
            150,
            4,
            set("prefill", FAST, 4.0, even(world(prefill, 150, 4))),
        ),
        real(
            "quota",
            "rate_limit = \"12/s\"",
            10,
            8,
            set("quota", FAST, 4.0, even(World { quota: Some(12.0), ..world("concurrency=1000,step=5ms", 10, 8) })),
        ),
    ]
}

fn profile(real: &Real) -> String {
    let text = "river ".repeat(real.words);
    format!(
        "goals = {FAST:?}\n[target]\nurl = \"builtin\"\n[target.builtin]\n{}\n[load.open]\nrate = 4\nduration = \"3s\"\n\
         [capacity]\nstage = \"3s\"\nconfirm = \"8s\"\ncooldown = \"200ms\"\n[[case]]\nstream = true\nmax_tokens = {}\n\
         messages = [{{ role = \"user\", content = \"{{{{unique}}}} {text}\" }}]\n",
        real.builtin, real.output
    )
}

fn search(real: &Real) -> (Option<i32>, Value, String) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("real.toml");
    fs::write(&file, profile(real)).expect("written");
    let out = folder.path().join("search");
    let output = program()
        .args(["capacity", &file.to_string_lossy(), "--format", "json", "--seed", "3", "--out", &out.to_string_lossy()])
        .output()
        .expect("runs");
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), stderr)
}

/// What is wrong with what the program found, and what it found.
fn judge(real: &Real) -> (Option<String>, String) {
    let (code, record, stderr) = search(real);
    let answer = &record["answer"];
    let [rate, low, high, prompt] =
        ["rate_per_s", "low", "high", "input_tokens"].map(|key| answer[key].as_f64().unwrap_or_default());
    let mut own = Set {
        name: real.name,
        goals: real.set.goals,
        cases: &[],
        from: 4.0,
        limit: real.set.limit,
        world: real.set.world.clone(),
    };
    own.world.mix = vec![(Work { prompt: prompt.round() as u64, output: real.output }, 1.0)];
    let truth = truth(&own);
    let off = rate / truth - 1.0;
    let found =
        format!("{}: truth {truth:.2}, found {rate:.2} ({low:.2}-{high:.2}), {:.1} % off", real.name, off * 100.0);
    let near = off.abs() <= 0.05 || (low <= truth && truth <= high);
    let fine = near && code == Some(0) && answer["confirmed"] == true;
    ((!fine).then(|| format!("{found}\n{answer}\n{stderr}")), found)
}

#[test]
#[ignore = "minutes, and a quiet machine: cargo test --test it -- --ignored --nocapture on_real_sockets"]
fn three_endpoints_on_real_sockets_are_found_as_in_virtual_time() {
    let _machine = shared();
    let sets = sets();
    // One after the other, so that none has another's load beside it.
    let shown = |judged: &(Option<String>, String)| println!("{}", judged.1);
    let judged: Vec<(Option<String>, String)> = sets.iter().map(judge).inspect(shown).collect();
    let faults: Vec<&str> = judged.iter().filter_map(|(fault, _)| fault.as_deref()).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}
