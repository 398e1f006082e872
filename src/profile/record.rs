//! The same file as it is written: what a run found is put into the text, and the comments of people stay.

use std::collections::BTreeSet;

use toml_edit::{Array, ArrayOfTables, DocumentMut, Item, Table, Value, value};

/// What a conformance run found, as far as a baseline keeps it.
#[derive(Debug)]
pub struct Record<'r> {
    /// The name of the endpoint, where it has one.
    pub target: Option<&'r str>,
    /// The version of this program.
    pub version: &'r str,
    /// Today.
    pub today: &'r str,
    /// Rules that were judged, so that what is recorded of them is replaced.
    pub judged: BTreeSet<&'static str>,
    /// Rules that held.
    pub passed: BTreeSet<&'static str>,
    /// Faults that are not known: the rule and the signature of each.
    pub failed: Vec<(&'static str, String)>,
    /// Entries of an older form, with what they come to now.
    pub refined: Vec<Refined>,
}

/// A fault that an entry with a signature of an older form covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refined {
    /// The rule.
    pub check: &'static str,
    /// The signature of the entry.
    pub old: String,
    /// The signature of the fault.
    pub new: String,
}

/// A baseline that cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is no TOML.
    #[error("the baseline is not TOML: {0}")]
    Toml(#[from] toml_edit::TomlError),
    /// It is TOML of another shape.
    #[error("{0} in the baseline is not a list of tables; write it as [[{0}]]")]
    Shape(&'static str),
}

/// The text of a baseline with what was found in it.
///
/// # Errors
/// If the text is no baseline.
pub fn update(text: &str, record: &Record<'_>) -> Result<String, RecordError> {
    let mut document: DocumentMut = text.parse()?;
    let known = tables(&mut document, "known")?;
    refine(known, record);
    for (check, signature) in &record.failed {
        known.push(entry(check, signature, record));
    }
    let passed = tables(&mut document, "passed")?;
    let is_ours = |table: &Table| table.get("target").and_then(Item::as_str) == record.target;
    if !passed.iter().any(is_ours) {
        passed.push(Table::new());
    }
    // A new table has no target yet, and stands last.
    let at = passed.iter().position(is_ours).unwrap_or(passed.len() - 1);
    if let Some(table) = passed.get_mut(at) {
        write_passed(table, record);
    }
    Ok(document.to_string())
}

/// Gives entries of an older form the signature of the fault that they cover; one that covers several becomes as many.
fn refine(known: &mut ArrayOfTables, record: &Record<'_>) {
    let is_ours = |table: &Table| {
        let target = table.get("target").and_then(Item::as_str);
        target.is_none() || target == record.target
    };
    let mut more = Vec::new();
    for table in known.iter_mut() {
        let of = |name: &str| table.get(name).and_then(Item::as_str);
        let covers = |refined: &&Refined| of("check") == Some(refined.check) && of("signature") == Some(&refined.old);
        let new: Vec<&Refined> = record.refined.iter().filter(covers).filter(|_| is_ours(table)).collect();
        let Some((first, rest)) = new.split_first() else { continue };
        let others = rest.iter().map(|refined| {
            let mut other = table.clone();
            other["signature"] = value(&refined.new);
            other
        });
        more.extend(others);
        table["signature"] = value(&first.new);
    }
    for table in more {
        known.push(table);
    }
}

/// The text of a baseline without the entries that have expired, and without those that the rules in `held` no longer
/// need for this endpoint.
///
/// # Errors
/// If the text is no baseline.
pub fn prune(
    text: &str,
    target: Option<&str>,
    held: &BTreeSet<&'static str>,
    today: &str,
) -> Result<String, RecordError> {
    let (header, entries) = text.split_at(header(text));
    let mut document: DocumentMut = entries.parse()?;
    let known = tables(&mut document, "known")?;
    known.retain(|table| {
        let of = |name: &str| table.get(name).and_then(Item::as_str);
        let expired = of("expires").is_some_and(|day| day < today);
        let is_ours = of("target").is_none() || of("target") == target;
        let holds = of("check").is_some_and(|check| held.contains(check));
        !(expired || is_ours && holds)
    });
    Ok(format!("{header}{document}"))
}

/// Where the comment at the head of a file ends: at its first empty line. A comment right above an entry is the entry's,
/// and goes with it.
fn header(text: &str) -> usize {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        end += line.len();
        match line.trim() {
            "" => return end,
            line if line.starts_with('#') => {}
            _ => return 0,
        }
    }
    0
}

fn tables<'d>(document: &'d mut DocumentMut, name: &'static str) -> Result<&'d mut ArrayOfTables, RecordError> {
    let item = document.entry(name).or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    item.as_array_of_tables_mut().ok_or(RecordError::Shape(name))
}

fn entry(check: &str, signature: &str, record: &Record<'_>) -> Table {
    let mut table = Table::new();
    table["check"] = value(check);
    table["signature"] = value(signature);
    if let Some(target) = record.target {
        table["target"] = value(target);
    }
    table["reason"] = value(format!("recorded on {}; say why it is accepted", record.today));
    table
}

/// What held, with what held before of the rules that were not judged now.
fn write_passed(table: &mut Table, record: &Record<'_>) {
    let before = table.get("checks").and_then(Item::as_array).into_iter().flatten().filter_map(Value::as_str);
    let kept = before.filter(|check| !record.judged.contains(check)).map(str::to_owned);
    let checks: BTreeSet<String> = kept.chain(record.passed.iter().map(|check| (*check).to_owned())).collect();
    let mut list = Array::new();
    for check in checks {
        let mut item = Value::from(check);
        item.decor_mut().set_prefix("\n    ");
        list.push_formatted(item);
    }
    list.set_trailing_comma(true);
    list.set_trailing("\n");
    if let Some(target) = record.target {
        table["target"] = value(target);
    }
    table["version"] = value(record.version);
    table["checks"] = value(list);
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = "# Agreed on with the platform team.\n[[known]]\ncheck = \"resp-schema\" # ours\nreason = \"old\"\nexpires = \"2026-01-01\"\n";

    fn record() -> Record<'static> {
        Record {
            target: Some("staging"),
            version: "0.1.0",
            today: "2026-11-25",
            judged: BTreeSet::from(["resp-status-200", "stream-status-200"]),
            passed: BTreeSet::from(["resp-status-200"]),
            failed: vec![("stream-status-200", "missing-0badcafe".to_owned())],
            refined: Vec::new(),
        }
    }

    #[test]
    fn an_entry_of_the_older_form_becomes_one_for_each_fault_and_keeps_its_reason() {
        let old = "[[known]]\ncheck = \"resp-schema\"\nsignature = \"0badcafe\" # old\nreason = \"ours\"\n";
        let of = |new: &str| Refined { check: "resp-schema", old: "0badcafe".to_owned(), new: new.to_owned() };
        let record = Record { failed: Vec::new(), refined: vec![of("missing-1"), of("repeated-2")], ..record() };
        let text = update(old, &record).expect("a baseline");
        assert!(!text.contains("0badcafe") && text.matches("reason = \"ours\"").count() == 2, "{text}");
        assert!(text.contains("\"missing-1\"") && text.contains("\"repeated-2\""), "{text}");
    }

    #[test]
    fn what_people_wrote_stays_and_what_was_judged_is_replaced() {
        let once = update(OURS, &record()).expect("a baseline");
        assert!(once.starts_with("# Agreed on with the platform team.\n[[known]]\ncheck = \"resp-schema\" # ours"));
        assert!(
            once.contains("signature = \"missing-0badcafe\"") && once.contains("\n    \"resp-status-200\",\n]"),
            "{once}"
        );
        let narrow = Record { judged: BTreeSet::from(["stream-status-200"]), passed: BTreeSet::new(), ..record() };
        let twice = update(&once, &narrow).expect("a baseline");
        assert!(twice.contains("\n    \"resp-status-200\",\n]") && twice.matches("[[passed]]").count() == 1, "{twice}");
    }

    #[test]
    fn pruning_takes_out_what_expired_and_what_holds_again() {
        let text = update(OURS, &record()).expect("a baseline");
        let held = BTreeSet::from(["stream-status-200"]);
        let other = prune(&text, Some("production"), &held, "2026-11-25").expect("a baseline");
        assert!(!other.contains("resp-schema") && other.contains("0badcafe"), "{other}");
        let ours = prune(&text, Some("staging"), &held, "2026-11-25").expect("a baseline");
        assert!(!ours.contains("0badcafe") && !ours.contains("Agreed on"), "{ours}");
        let headed = prune(&format!("# Ours.\n\n{text}"), None, &held, "2026-11-25").expect("a baseline");
        assert!(headed.starts_with("# Ours.\n\n"), "{headed}");
    }

    #[test]
    fn a_baseline_of_another_shape_is_told() {
        assert!(matches!(update("known = 1\n", &record()), Err(RecordError::Shape("known"))));
        assert!(matches!(update("= 1\n", &record()), Err(RecordError::Toml(_))));
    }
}
