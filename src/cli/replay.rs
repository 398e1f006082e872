//! `proofload replay`: judge what `check --capture` kept again, without the endpoint.

use super::check_args::ReplayArgs;
use super::exit::Exit;
use super::{capture, check_options, check_report, folder};
use crate::suite::sheet::{About, Sheet};
use crate::suite::verdict;

pub(super) fn replay(args: &ReplayArgs) -> anyhow::Result<Exit> {
    if let Some(out) = &args.output.out {
        folder::check_free(out)?;
    }
    let captured = capture::read(&args.folder)?;
    let options = check_options::of_capture(&args.selection, &captured.meta)?;
    let target = captured.target()?;
    let run = captured.judge(&target, &options)?;
    // A capture holds no key, and whether there was one cannot be told from it.
    let (verdict, reasons) = verdict::of(&run, args.verdict.strict, true);
    let about = About {
        target: &target,
        name: None,
        seed: options.seed,
        verdict: verdict.name(),
        reasons: &reasons,
        strict: args.verdict.strict,
        bodies: !args.output.no_bodies,
    };
    let sheets = [Sheet::of(&run, &about)];
    check_report::publish(&args.output, &sheets)?;
    Ok(check_report::exit(&sheets, args.verdict.exit_zero))
}
