//! `proofload replay`: judge what `check --capture` kept again, without the endpoint.

use std::sync::Arc;

use super::check_args::ReplayArgs;
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::{args, capture, check_options, check_profile, check_report, folder, say};
use crate::profile::flags::Flags;
use crate::profile::{Draft, Problems, contracts, load};
use crate::suite::capture::Meta;
use crate::suite::recall::Memory;
use crate::suite::sheet::{About, Sheet};
use crate::suite::verdict;

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<Exit> {
    if let Some(out) = &args.output.out {
        folder::check_free(out)?;
    }
    let captured = capture::captured(&args.folder)?;
    let draft = match read(args, &captured.meta) {
        Ok(draft) => draft,
        Err(problems) => return Ok(check_profile::draw(&problems)),
    };
    let contract = &draft.target.contract;
    if args.dialect.is_none() && contract.name() != captured.meta.dialect {
        anyhow::bail!("{}", elsewhere(&captured.meta));
    }
    let options = check_options::of_capture(&args.selection, &captured.meta, contract, &draft.terms)?;
    let mut places = Places::default();
    let folder = check_report::place(&args.output, &mut places)?;
    let target = captured.target(Arc::clone(contract))?;
    let masked = captured.masked();
    if !masked.is_empty() {
        say(&format!(
            "warning: not judged, since the key had to be masked in their replies: {}\n",
            masked.into_iter().collect::<Vec<_>>().join(", ")
        ));
    }
    let mut run = captured.judge(&target, &options)?;
    let name = draft.target_name.as_deref();
    if run.obstacle.is_none() {
        Memory { baseline: &draft.baseline, target: name }.hold(&mut run.rows, &options);
    }
    let (verdict, reasons) = verdict::of(&run, args.verdict.strict);
    let about = About {
        target: &target,
        name,
        seed: options.seed,
        verdict: verdict.name(),
        reasons: &reasons,
        strict: args.verdict.strict,
        bodies: !args.output.no_bodies,
    };
    let sheets = [Sheet::of(&run, &about)];
    let mut keeping = Keeping::default();
    check_report::publish(&args.output, &sheets, folder, &mut keeping);
    Ok(keeping.exit(check_report::exit(&sheets, args.verdict.exit_zero)))
}

/// What to say of a capture whose contract is neither built in nor that of the profile.
fn elsewhere(meta: &Meta) -> String {
    let parents = if meta.parents.is_empty() { String::new() } else { format!(" (of {})", meta.parents.join(", ")) };
    format!(
        "the capture was judged by the dialect {:?}{parents}, which is not built in: name its folder with --dialect ./FOLDER",
        meta.dialect
    )
}

/// The profile, which says on what terms the capture is judged; what was judged and by which contract, the capture says.
fn read(args: &ReplayArgs, meta: &Meta) -> Result<Draft, Problems> {
    let builtin = contracts::find(&meta.dialect);
    let flags = Flags {
        url: Some("http://replayed.invalid".to_owned()),
        dialect: args
            .dialect
            .as_deref()
            .map(args::dialect)
            .or_else(|| builtin.map(|contract| contract.name().to_owned())),
        model: meta.model.clone(),
        target_name: args.target_name.clone(),
        baseline: args.baseline.as_ref().map(|file| args::absolute(file)),
        ..Flags::default()
    };
    // Nothing is sent, so a key that the profile names need not be there.
    let env = |name: &str| check_profile::env(name).or_else(|| Some("unset".to_owned()));
    load(args.profile.as_deref().unwrap_or("smoke"), &flags, &check_profile::world(&env))
}
