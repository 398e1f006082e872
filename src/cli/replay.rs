//! `proofload replay`: judge what `check --capture` kept again, without the endpoint.

use super::check_args::ReplayArgs;
use super::exit::Exit;
use super::keeping::Keeping;
use super::places::Places;
use super::{args, capture, check_options, check_profile, check_report, folder, say};
use crate::profile::flags::Flags;
use crate::profile::{Draft, Problems, load};
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
    draft.tighten().map_err(anyhow::Error::msg)?;
    let options = check_options::of_capture(&args.selection, &captured.meta, &draft.terms)?;
    let mut places = Places::default();
    let folder = check_report::place(&args.output, &mut places)?;
    let target = captured.target()?;
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

/// The profile, which says on what terms the capture is judged; what was judged and by which contract, the capture says.
fn read(args: &ReplayArgs, meta: &Meta) -> Result<Draft, Problems> {
    let flags = Flags {
        url: Some("http://replayed.invalid".to_owned()),
        dialect: Some(meta.dialect.clone()),
        model: meta.model.clone(),
        target_name: args.target_name.clone(),
        baseline: args.baseline.as_ref().map(|file| args::absolute(file)),
        ..Flags::default()
    };
    // Nothing is sent, so a key that the profile names need not be there.
    let env = |name: &str| check_profile::env(name).or_else(|| Some("unset".to_owned()));
    load(args.profile.as_deref().unwrap_or("smoke"), &flags, &check_profile::world(&env))
}
