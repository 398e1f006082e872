//! `proofload report`: the report of an earlier run again.

use super::args::ReportArgs;
use super::exit::Exit;
use super::{folder, print, say};

pub(super) fn report(args: &ReportArgs) -> anyhow::Result<Exit> {
    match folder::read(&args.run)? {
        Ok(summary) => {
            print(&crate::report::write(&summary, args.format.into()))?;
            Ok(Exit::Pass)
        }
        Err(unusable) => {
            say(&format!("error: {unusable}\n"));
            Ok(Exit::Mismatch)
        }
    }
}
