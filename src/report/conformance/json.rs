//! For scripts: what is kept of a run, as it is; several runs stand in a list under `runs`.

use serde_json::json;

use crate::suite::sheet::Sheet;

pub(super) fn write(sheets: &[Sheet]) -> String {
    let document = match sheets {
        [sheet] => json!(sheet),
        sheets => json!({ "runs": sheets }),
    };
    format!("{document:#}\n")
}
