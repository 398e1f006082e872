//! The commands that there are and their formats, as the help tells them.

use crate::harness::program;

fn help(command: &str) -> String {
    let output =
        program().args(command.split(' ').filter(|word| !word.is_empty())).arg("--help").output().expect("runs");
    String::from_utf8(output.stdout).expect("text")
}

/// Every command that has none below it, and those that have and do something themselves.
pub(crate) fn commands(above: &str) -> Vec<String> {
    let help = help(above);
    let list = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let mut found: Vec<String> = names.flat_map(|name| commands(format!("{above} {name}").trim())).collect();
    if found.is_empty() || help.contains("[OPTIONS] <") {
        found.push(above.to_owned());
    }
    found.retain(|name| !name.is_empty());
    found
}

/// The values of `--format` that the help of a command lists.
pub(crate) fn formats(command: &str) -> Vec<String> {
    let help = help(command).split_whitespace().collect::<Vec<_>>().join(" ");
    let own = help.split(" --format <").nth(1).expect(command);
    let list = own.split("[possible values: ").nth(1).and_then(|rest| rest.split(']').next()).expect(command);
    list.split(", ").map(str::to_owned).collect()
}
