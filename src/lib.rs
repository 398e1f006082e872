//! proofload loads a chat-completions endpoint, judges every reply against the written contract while it does so, and
//! says in one verdict whether the endpoint is fast enough, correct enough, and whether the measurement can be believed.
//!
//! # The line
//!
//! Everything is one line, and data flows along it one way:
//!
//! ```text
//! profile.toml -load-> Draft -plan-> Plan -schedule-> Ticket -send-> Exchange -read-> Reading -judge-> Verdicts -record-> Summary -write-> text | json | html | ...
//!              [profile]           [plan]                    [run]          [exchange]       [check]            [summary]         [report]
//! threads:      caller               pacer                workers                            judges                          caller
//! ```
//!
//! One edge runs back, *exchange ended -> pacer*: a slot is free, the next turn of a session is due, or the run is to
//! stop. When to send and when to stop
//! are data ([`plan::schedule::Load`]), not variants of a loop, and [`plan::schedule::Schedule`] knows no clock.
//!
//! # The layers
//!
//! A folder is a stage of the line and uses strictly lower layers only. Crates are cut by meaning, so that Cargo draws
//! the lines between them; `tests/it/layers.rs` draws those between the folders of one crate.
//!
//! | layer | crate | folder | what it is |
//! |---|---|---|---|
//! | 0 | `json` | [`json`](wire::json) | JSON values that cost little to make, to look into and to judge |
//! | 1 | `wire` | [`wire`] | the contract on the wire: what chat completions is, server-sent events, contracts with their compiled schemas |
//! | 2 | `check` | [`exchange`] | what happened: bytes and instants, and the same with the JSON parsed once |
//! | 3 | | [`check`] | the rules, an area a folder with its [probes](check::probe): requests chosen so that rules apply. No I/O |
//! | 4 | `engine` | [`plan`] | what is meant: target, load, cases, goals, with nothing left to decide |
//! | 5 | | [`summary`] | what is recorded: only what adds up; percentiles, trust and the digest are worked out by readers |
//! | 6 | | [`run`] | the engine at work: pacer with a lane for each load, HTTP client, judges, health; the only client-side code that reads the clock |
//! | - | `reference` | [`mod@reference`] | the reference endpoint; it may use [`wire`] only, so that two faults cannot cancel out |
//! | 5 | `proofload` | [`profile`] | what the user wrote, and all of its faults at once, until it is a plan |
//! | 7 | | [`suite`] | the conformance suite: sends probes, and judges every rule of the catalogue on their replies |
//! | 7 | | [`compare`] | runs side by side: what changed, how sure that is, and whether it is better or worse |
//! | 7 | | [`capacity`] | the search for the highest load that holds the goals, and plans from its record |
//! | 8 | | [`report`] | pure functions from a summary to what people and scripts read |
//! | 9 | | [`cli`] | arguments, the terminal, folders and exit codes |
//!
//! # The ideas that hold it together
//!
//! * **A request is due when the plan says**, never "now plus an interval". A plain thread waits for it
//!   (`run/pacer.rs`), the request is built before, and response time counts from due, so neither a slow endpoint nor a
//!   slow client hides behind requests that were not sent. What we were late is a figure of its own, and trust reads it.
//! * **A load is a course**: rates and slots over time are straight pieces ([`plan::schedule::course`]), and requests are
//!   a process of rate one that the course stretches, so one mechanism serves every spacing on every shape. Prompts of a
//!   wanted length ([`plan::prompt`]) are drawn from the seed and the ticket's number, as everything random is; their
//!   words and tags also from the run's salt, so that a seed repeats the plan and no text.
//! * **A session is a conversation whose next turn is due when the last answer has ended** and its user has thought. The
//!   judge that has read the answer hands it to the pacer (`run/lane.rs`), and what that takes is lateness, as all that is
//!   ours. A request that stands alone is a session of one turn.
//! * **Between due and the last byte nothing is parsed** but HTTP's own head and framing. The client keeps bytes with the
//!   instants at which they came (`run/client/`); the HTTP libraries hand the frames of one read over one by one, so
//!   bytes within 100 us of the first are one [`exchange::Arrival`]. Judges parse later, on threads of their own, behind
//!   a queue that is capped in bytes and never delays a sender.
//! * **Nothing that happens to a request wakes another thread needlessly**: each worker (`run/workers.rs`) has a runtime
//!   and connections of its own, a slot stays with one of them, and judges are woken for batches. Where all loads are
//!   closed, the worker on which a request has ended does what the pacer would be woken for (`run/dispatch.rs`): the
//!   slot's next request goes out from the same task. What is HTTP/1.1 over plain TCP is written and read by the task of
//!   its request (`run/client/direct.rs`), and a reader of our own takes the reply apart (`run/http1.rs`), which a test
//!   holds against hyper's: of thousands of streams a library keeps more than they bring. TLS, HTTP/2, proxies and
//!   compression are reqwest's.
//! * **Replies are read into values of our own** ([`wire::json`]), with the methods of `serde_json`'s: objects are lists,
//!   and the names of a contract, which come again in every reply, cost nothing. Schemas of replies judge these values;
//!   those of requests judge what users write, as `serde_json` has it.
//! * **A chunk that is the one before with another text is not parsed** (`exchange/repeat.rs`); rules on chunks look at
//!   the distinct ones. [`exchange::Reading::in_full`] parses all, and a test holds the two against each other.
//! * **Every ticket ends in one [`exchange::Outcome`]**, and `run` checks that they add up. What the server does wrong
//!   is data, never a Rust error; what the user wrote wrong is [`profile::Problems`]; what we could not do is a small
//!   error type of the module that raises it.
//! * **A contract is a value** ([`wire::Contract`]): name, parent, facts, schemas and levels, read from a folder of `schemas/` or
//!   of a user, and carried by the plan. Rules, plan and reference endpoint ask its facts and never its name.
//! * **What is chat completions is in one place** ([`wire::api`]): what a request asks, what a reply's outputs are, what an
//!   event brings, how a stream ends, how an answer becomes history. `tests/it/chat_in_one_place.rs` says who else may name
//!   its members.
//! * **A [`check::Check`] is a constant**: id, rule, level in each root contract, sources, and how it is judged
//!   ([`check::Judge`]): on any reply, by the load run and the suite alike; on the replies to the probes it needs; or on
//!   the figures of a load run. (Not a trait: hundreds of rules without state need no objects.) A rule that spans the run
//!   also says what to remember of each exchange; the summary keeps that in bounded sets in which the lowest hashes win.
//! * **One fault is told once**: a table says which rules follow from which ([`check::follows`]). A rule that is broken
//!   only on exchanges that show its root's fault is said to follow, and counts for nothing; one that is broken on any
//!   other exchange stands for itself, so that no fault hides behind another.
//! * **The suite is the same line with another front**: a [`check::probe::Probe`] makes requests, which may be wrong on
//!   purpose ([`plan::order::Order`]), `run::probing` sends each on its own clock, on a bare socket where no HTTP library
//!   would, and what comes back are exchanges. Sending and judging are apart, so that `replay` judges what `--capture` kept.
//! * **A quirk is the correct endpoint with one thing wrong**: it acts on the request or its head, on the JSON of the reply,
//!   on its bytes, or on the connection ([`mod@reference`]). Two matrices, of load runs and of the suite, say what each must
//!   break, and `tests/it/self_proof.rs` that no rule of the catalogue is left which nothing breaks.
//! * **A search is a function of its stages** ([`capacity::search`]): it knows no clock and no endpoint. So it is proved in
//!   virtual time, goes on from its folder by reading what it kept, and is estimated by playing it against an endpoint
//!   that is made up. Every stage is an ordinary run of the plan with another load and another seed, and so is the longer
//!   run that verifies an answer ([`capacity::verification`]).
//! * **A fault is told by its signature**: rule, place without array positions, and kind ([`check::Fault`]), which the rule
//!   names or which is what came. Tallies, rows of a check and baselines tell faults apart by it, so that none hides
//!   another; what shows one is cut out of the reply when it is kept ([`summary::excerpt`]).
//! * **A [`summary::Summary`] merges in any order**: integers, histograms, lowest examples. Judges each fill one, and
//!   machines can. Every ratio and percentile is worked out from it when it is read, so a report printed again from its
//!   folder is the same to the letter.
//! * **What happened belongs to its own second** ([`summary::seconds`]): a request to the one in which it was due, with
//!   its outcome, a token to the one in which it arrived, a token gap to those that it lasted through. Windows of goals
//!   ([`summary::windows`]), rates of tokens and the certainty of a percentile ([`summary::dependence`]) are read off that
//!   one axis.
//! * **Failures are infinitely slow** in the population `all`, which goals read ([`summary::timing`]); otherwise an
//!   endpoint that fails fast would look fast.
//! * **What is measured is kept while it comes** (`run/checkpoint.rs`): a run hands over what it has come to every nine
//!   seconds, as that of a run that is cut off now, and its end takes the place of that. A process that is killed loses the
//!   seconds since; [`summary::Ending::is_whole`] tells what is left of it from a run that ended. Places are tried before
//!   the first request (`cli/places.rs`), and what fails later costs nothing else (`cli/keeping.rs`).
//! * **A measurement can be wrong, and says so**: [`summary::trust`] has every threshold in one place, and an invalid
//!   run never passes.
//! * **One validation of profiles**: the tables of [`profile`] give the JSON Schema that editors use, and the same
//!   schema finds the faults, which the tree of places draws where they stand, flags included.
//! * **Every file that a user names is read by [`profile::files`]**, within the limit of its kind; of what is not as it
//!   should be, the cause is told, and what follows from it is not.
//! * **No name drives a terminal or the log of a CI job**: [`wire::plain`] says what is taken out, where a text enters what is
//!   kept, where a file of ours is read, and where anything is printed. `tests/it/names.rs` holds every command to it.
//! * **Secrets** live in [`plan::secret::Secret`] and reach only the wire, and no other origin by themselves. Names say what
//!   is one ([`plan::secret::is_secret`]); a target's [`plan::secret::Redactor`] knows them all and finds them in whatever form
//!   a server repeats them, and all that is kept or printed passes it: texts of replies in [`summary::evidence`], bodies in
//!   journals and captures byte for byte, profiles where they are drawn (`profile/written.rs`), stderr (`cli/secrets.rs`). A
//!   secret that is a word of the protocol is masked where it is sent only, so that masking changes no verdict.
//! * **Every ending is an ending**: signals move one state ([`run::Halt`]) from sending to stopping to cutting,
//!   and each command reports what has come (`cli/ending.rs`, `cli/run_handle.rs`). What several runs share is in their
//!   folder (`cli/series.rs`), so that the same command goes on with them.

pub mod capacity;
pub mod cli;
pub mod compare;
pub mod profile;
pub mod report;
pub mod suite;

pub use proofload_check as check;
pub use proofload_check::exchange;
pub use proofload_engine::{plan, run, summary};
pub use proofload_reference as reference;
pub use proofload_wire as wire;
