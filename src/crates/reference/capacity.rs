//! How much a batching server can carry: its parameters, their grammar, and the load at which its knee is.
//!
//! The server works in steps, as engines with continuous batching do. In each step every running sequence makes one
//! token; a sequence that joins has its prompt read in that same step. With `b` sequences, of which some have just
//! joined and bring `P` prompt tokens, a step takes
//!
//! ```text
//! base + b * per_sequence + P / prefill
//! ```
//!
//! A sequence holds a slot, and memory for its prompt and its whole output, from the step in which it joins to the step
//! of its last token. So for requests of `p` prompt and `o` output tokens the largest batch is
//! `B = min(slots, kv / (p + o))`. While the batch is full each step makes `B` tokens, ends `B / o` requests and reads
//! `B / o` prompts, whatever the order, so the most that can be served is
//!
//! ```text
//! knee = 1 / (o * (base / B + per_sequence) + p / prefill)     requests per second
//! ```
//!
//! Below it the queue is bounded, above it the queue grows by the difference: slots, memory (through `B`) and prefill
//! (the last term) are the three ways to be at the limit. For lengths that vary, `p` and `o` are their means; that is
//! exact for slots and prefill, and near for memory. The simulation is [`super::batch`].
//!
//! A request for `n` choices is `n` sequences with one prompt ([`Job`]). They join together, so they need `n` slots at
//! once; the prompt is read once and lies in memory once, until the last of them has ended. Where Pulze's `best_of` asks
//! for more, all that are made are sequences, also those that are not returned.

use std::str::FromStr;
use std::time::Duration;

/// What a batching server has.
#[derive(Debug, Clone, PartialEq)]
pub struct Capacity {
    /// The most sequences in the batch.
    pub slots: usize,
    /// How many sequences may be in the house beyond the slots; without a bound, none is turned away.
    pub queue: Option<usize>,
    /// Prompt tokens that are read in a second; without it, prompts cost no time.
    pub prefill_per_s: Option<f64>,
    /// Length of a step, whatever the batch.
    pub step: Duration,
    /// How much longer each sequence of the batch makes a step.
    pub per_sequence: Duration,
    /// Key-value memory in tokens; without it, memory is no limit.
    pub memory: Option<u64>,
    /// Whether a request that finds no memory waits for it, or is turned away.
    pub waits_for_memory: bool,
}

/// What a request with one choice asks of the server, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the output, at least 1.
    pub output: u64,
}

impl Work {
    /// Memory it holds while it runs.
    pub fn memory(self) -> u64 {
        self.prompt.saturating_add(self.output)
    }
}

/// A request: one prompt, and a sequence for each of its choices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Tokens of the prompt.
    pub prompt: u64,
    /// Tokens of the output of each choice, at least 1.
    pub outputs: Vec<u64>,
}

impl From<Work> for Job {
    fn from(work: Work) -> Job {
        Job { prompt: work.prompt, outputs: vec![work.output.max(1)] }
    }
}

impl Job {
    /// Outputs that go on when that many tokens of each are made.
    fn open(&self, made: u64) -> impl Iterator<Item = u64> {
        self.outputs.iter().copied().filter(move |output| *output > made)
    }

    /// Sequences that are then left, each of which holds a slot.
    pub fn sequences(&self, made: u64) -> usize {
        self.open(made).count()
    }

    /// Memory that they hold: the prompt once, and the output of each.
    pub fn memory(&self, made: u64) -> u64 {
        self.open(made).fold(self.prompt, u64::saturating_add)
    }

    /// Tokens until the next of them ends.
    pub fn left(&self, made: u64) -> Option<u64> {
        self.open(made).map(|output| output - made).min()
    }
}

impl Capacity {
    /// How long a step takes with that many sequences, some of which bring so many prompt tokens.
    pub fn step_time(&self, sequences: usize, prompt: u64) -> Duration {
        let sequences = u32::try_from(sequences).unwrap_or(u32::MAX);
        let reading = self.prefill_per_s.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(prompt as f64 / rate));
        self.step + self.per_sequence * sequences + reading
    }

    /// The most sequences of this kind that run side by side; 0 where not even one fits into memory.
    pub fn largest_batch(&self, work: Work) -> usize {
        let fitting = self.memory.map_or(u64::MAX, |memory| memory / work.memory().max(1));
        usize::try_from(fitting).unwrap_or(usize::MAX).min(self.slots)
    }

    /// The knee: the most requests of this kind that are served in a second, by the formula above.
    pub fn most_per_s(&self, work: Work) -> f64 {
        let batch = self.largest_batch(work) as f64;
        if batch < 1.0 {
            return 0.0;
        }
        let per_token = self.step.as_secs_f64() / batch + self.per_sequence.as_secs_f64();
        let reading = self.prefill_per_s.map_or(0.0, |rate| work.prompt as f64 / rate);
        1.0 / (work.output as f64 * per_token + reading)
    }
}

/// The grammar of `--capacity`: `concurrency=16,prefill=8000/s,step=20ms+0.5ms,kv=65536,queue=100,full=429`, of which
/// `concurrency` and `step` are required. `slots` is the old name of `concurrency`.
impl FromStr for Capacity {
    type Err = String;

    fn from_str(text: &str) -> Result<Capacity, String> {
        let (mut slots, mut step) = (None, None);
        let mut named: Option<&str> = None;
        let mut capacity = Capacity {
            slots: 0,
            queue: None,
            prefill_per_s: None,
            step: Duration::ZERO,
            per_sequence: Duration::ZERO,
            memory: None,
            waits_for_memory: true,
        };
        for pair in text.split(',') {
            let (key, value) = pair.split_once('=').ok_or_else(|| format!("{pair:?} is not KEY=VALUE"))?;
            match key {
                "concurrency" | "slots" if named.is_some_and(|name| name != key) => {
                    return Err("both slots and concurrency, which are one key".to_owned());
                }
                "concurrency" | "slots" => (slots, named) = (Some(whole(value, 1)?), Some(key)),
                "queue" => capacity.queue = Some(whole(value, 0)?),
                "prefill" => capacity.prefill_per_s = Some(rate(value)?),
                "step" => step = Some(step_of(value)?),
                "kv" => capacity.memory = Some(whole(value, 1)? as u64),
                "full" if ["wait", "429"].contains(&value) => capacity.waits_for_memory = value == "wait",
                "full" => return Err(format!("full is wait or 429, not {value:?}")),
                _ => return Err(format!("{key:?} is none of concurrency, queue, prefill, step, kv, full")),
            }
        }
        capacity.slots = slots.ok_or("concurrency is missing, as in concurrency=16")?;
        (capacity.step, capacity.per_sequence) = step.ok_or("step is missing, as in step=20ms+0.5ms")?;
        Ok(capacity)
    }
}

fn whole(value: &str, least: usize) -> Result<usize, String> {
    let number = value.parse::<usize>().ok().filter(|number| (least..=1_000_000_000).contains(number));
    number.ok_or_else(|| format!("{value:?} is not a whole number from {least} to 1000000000"))
}

fn rate(value: &str) -> Result<f64, String> {
    let number = value.strip_suffix("/s").unwrap_or(value).parse::<f64>().ok();
    number
        .filter(|rate| (1e-3..=1e12).contains(rate))
        .ok_or_else(|| format!("{value:?} is not a rate in tokens per second, such as 8000/s"))
}

/// `20ms`, or `20ms+0.5ms` where each sequence adds something.
fn step_of(value: &str) -> Result<(Duration, Duration), String> {
    let (base, each) = value.split_once('+').unwrap_or((value, "0s"));
    Ok((time(base)?, time(each)?))
}

/// A time with a unit; unlike elsewhere it may have a fraction, since a sequence adds less than a millisecond.
fn time(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time, such as 20ms or 0.5ms");
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
    let seconds = match &text[unit..] {
        "s" => 1.0,
        "ms" => 1e-3,
        "us" => 1e-6,
        "ns" => 1e-9,
        _ => return Err(wrong()),
    };
    let number = text[..unit].parse::<f64>().ok().filter(|number| (0.0..1e12).contains(number)).ok_or_else(wrong)?;
    // In whole nanoseconds: 0.5 ms is 500,000 of them and not one less.
    let nanoseconds = (number * seconds * 1e9).round();
    if nanoseconds > 3.6e12 {
        Err(format!("{text:?} is longer than an hour"))
    } else {
        Ok(Duration::from_secs_f64(nanoseconds / 1e9))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_reads_all_of_it_and_says_what_is_wrong() {
        let all: Capacity =
            "concurrency=16,prefill=8000/s,step=20ms+0.5ms,kv=65536,queue=100,full=429".parse().expect("valid");
        let expected = Capacity {
            slots: 16,
            queue: Some(100),
            prefill_per_s: Some(8000.0),
            step: Duration::from_millis(20),
            per_sequence: Duration::from_micros(500),
            memory: Some(65_536),
            waits_for_memory: false,
        };
        assert_eq!(all, expected);
        let old: Capacity =
            "slots=16,prefill=8000/s,step=20ms+0.5ms,kv=65536,queue=100,full=429".parse().expect("valid");
        assert_eq!(old, expected, "by its old name");
        for (text, said) in [
            ("step=20ms", "concurrency is missing"),
            ("slots=2", "step is missing"),
            ("slots=0,step=1ms", "\"0\" is not a whole number from 1"),
            ("slots=2,step=20", "not a time"),
            ("slots=2,step=2h", "not a time"),
            ("slots=2,step=9999s", "longer than an hour"),
            ("slots=2,step=1ms,full=maybe", "full is wait or 429"),
            ("slots=2,step=1ms,prefill=-1/s", "not a rate"),
            ("slots=2,step=1ms,speed=3", "\"speed\" is none of"),
            ("slots", "not KEY=VALUE"),
            ("slots=2,concurrency=2,step=1ms", "both slots and concurrency"),
        ] {
            let error = text.parse::<Capacity>().expect_err(text);
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn the_knee_follows_from_the_parameters() {
        let knee =
            |text: &str, prompt, output| text.parse::<Capacity>().expect(text).most_per_s(Work { prompt, output });
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9 * b;
        // 10 slots, 100 tokens of 20 ms each: 10 requests every 2 s.
        assert!(near(knee("slots=10,step=20ms", 50, 100), 5.0));
        // Each sequence adds 1 ms: a step of 10 takes 30 ms.
        assert!(near(knee("slots=10,step=20ms+1ms", 50, 100), 10.0 / 3.0));
        // Prompts of 1,000 tokens at 2,000 a second take half a second each, and 0.2 s goes into tokens.
        assert!(near(knee("slots=10,step=20ms,prefill=2000/s", 1000, 100), 1.0 / 0.7));
        // Memory for four of them.
        assert!(near(knee("slots=10,step=20ms,kv=600", 50, 100), 2.0));
        assert!(knee("slots=10,step=20ms,kv=100", 50, 100) == 0.0);
    }
}
