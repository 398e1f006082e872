//! A profile: it makes a plan, or every fault has words and a place in the text.

use std::cell::RefCell;
use std::fs;

use proofload::profile::flags::Flags;
use proofload::profile::load;
use proofload::profile::load::World;
use proofload::report::preview::preview;

use super::kept::assert_plain;
use crate::driver::{Way, fuzz};

#[test]
fn profile() {
    let words = &[
        "[target]\n",
        "url = \"builtin\"\n",
        "[load.open]\n",
        "[load.closed]\n",
        "[[case]]\n",
        "rate = ",
        "duration = \"1s\"\n",
        "slots = ",
        "count = ",
        "messages = [{ role = \"user\", content = \"{{unique}}\" }]\n",
        "goals = [\"ttft.p95 < 1s\"]\n",
        "\"\"\"",
        "[[",
        "]]",
        "= ",
        "{ ",
        " }",
        "\u{feff}",
        "stages = ",
        "\"0s\"",
        "inf",
        "nan",
        "1979-05-27T07:32:00Z",
        "0x10",
        "input_tokens = \"uniform:1:9\"\n",
        "{{env.X}}",
        "${X}",
        "::error::",
    ];
    fuzz("profile", Way::Bytes(words), run);
}

/// More requests than this take a while to be listed, and no plan of a test has them.
const SHOWN: usize = 3;

thread_local! {
    static FOLDER: RefCell<tempfile::TempDir> = RefCell::new(tempfile::tempdir().expect("a folder"));
}

pub(crate) fn run(input: &[u8]) -> bool {
    let file = FOLDER.with_borrow(|folder| folder.path().join("p.toml"));
    fs::write(&file, input).expect("written");
    let world =
        World { env: &|name| (name == "X").then(|| "a value".to_owned()), today: "2026-11-22".to_owned(), salt: 1 };
    match load(&file.to_string_lossy(), &Flags::default(), &world) {
        Ok(draft) => {
            let plan = draft.plan(7);
            assert!(!plan.loads.is_empty() && !plan.cases.is_empty());
            assert_plain("a plan", &proofload::wire::plain::lines(&preview(&plan, SHOWN)));
            true
        }
        Err(problems) => {
            assert!(problems.count() > 0, "a profile is refused for a reason");
            let drawn = problems.draw(false);
            assert_plain("a fault", &drawn);
            let lines = String::from_utf8_lossy(input).matches('\n').count() + 1;
            for place in drawn.lines().filter_map(|line| line.trim_start().strip_prefix("--> ")) {
                let number = place.rsplit(':').nth(1).and_then(|number| number.parse::<usize>().ok());
                assert!(number.is_some_and(|number| (1..=lines).contains(&number)), "{place} is not in the text");
            }
            let _ = problems.draw(true);
            false
        }
    }
}
