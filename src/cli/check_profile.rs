//! `proofload profile`: check, describe or start a profile.

use std::io::{IsTerminal as _, Write as _};
use std::path::Path;

use anyhow::Context as _;

use super::exit::Exit;
use super::{print, say, say_as_it_is, secrets};
use crate::profile::flags::Flags;
use crate::profile::load::World;
use crate::profile::{Draft, Problems, load, preset, schema};

/// What the loader may ask of this process.
pub(super) fn world(env: &dyn Fn(&str) -> Option<String>) -> World<'_> {
    World { env, today: crate::run::today(), salt: super::run::fresh_seed() }
}

pub(super) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a profile, whose secrets are taken out of all that goes to stderr from now on. Those that cannot be looked for are
/// warned of, once.
///
/// # Errors
/// If the profile has faults.
pub(super) fn read(profile: &str, flags: &Flags) -> Result<Draft, Problems> {
    let draft = load(profile, flags, &world(&env))?;
    if secrets::know(&draft.target.redactor()) {
        draft.warnings.iter().for_each(|warning| say(&format!("warning: {warning}\n")));
    }
    Ok(draft)
}

/// Draws faults on stderr, coloured on a terminal.
pub(super) fn draw(problems: &Problems) -> Exit {
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let plural = if problems.count() == 1 { "" } else { "s" };
    say_as_it_is(&problems.draw(colour));
    say(&format!("\nerror: {} fault{plural} in the profile; nothing was sent\n", problems.count()));
    Exit::Usage
}

pub(super) fn check(profile: &str) -> anyhow::Result<Exit> {
    match read(profile, &Flags::default()) {
        Ok(draft) => {
            let notes: Vec<String> = draft.notes.iter().map(|note| format!("note: {note}\n")).collect();
            print(&format!("{profile}: no fault found\n{}", notes.concat()))?;
            Ok(Exit::Pass)
        }
        Err(problems) => Ok(draw(&problems)),
    }
}

pub(super) fn schema() -> anyhow::Result<Exit> {
    print(&(serde_json::to_string_pretty(schema::document())? + "\n"))?;
    Ok(Exit::Pass)
}

pub(super) fn new(file: Option<&Path>) -> anyhow::Result<Exit> {
    let Some(file) = file else {
        print(preset::STARTER)?;
        return Ok(Exit::Pass);
    };
    let mut created = std::fs::File::create_new(file).with_context(|| format!("writing {}", file.display()))?;
    created.write_all(preset::STARTER.as_bytes()).with_context(|| format!("writing {}", file.display()))?;
    say(&format!("wrote {}; try: proofload run {}\n", file.display(), file.display()));
    Ok(Exit::Pass)
}
