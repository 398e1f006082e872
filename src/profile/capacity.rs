//! The tables `[capacity]` and `[target.builtin]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use schemars::JsonSchema;
use serde::Deserialize;

use super::CaseTable;
use super::resolve::{Resolver, case_name};
use crate::plan::Limits;
use crate::plan::capacity::{BuiltinTerms, SearchTerms, TokenPrice};
use crate::plan::goal::{Goal, Part};
use crate::wire::plain::line;

/// How `proofload capacity` searches; `proofload run` ignores it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CapacityTable {
    /// The load of the first stage, in requests per second or as a concurrency; default: that of the load.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    from: Option<f64>,
    /// Highest load to try; default: 100000.
    #[schemars(range(min = 0.0001, max = 1_000_000.0))]
    to: Option<f64>,
    /// Relative distance between the bounds at which the search ends; default: 0.05.
    #[schemars(range(min = 0.005, max = 0.5))]
    precision: Option<f64>,
    /// Minimum measured time of a stage; default: 10s. Stages are longer if the goals need more samples.
    stage: Option<String>,
    /// Minimum measured time of a stage that confirms the answer; default: three times stage.
    confirm: Option<String>,
    /// Pause between stages; default: 1s.
    cooldown: Option<String>,
    /// Goals of single cases, by case name.
    goals: BTreeMap<String, Vec<String>>,
    /// Maximum cost of the tokens of the search; needs price.
    #[schemars(range(min = 0.0))]
    max_cost: Option<f64>,
    /// Price of a million tokens, such as { input = 0.5, output = 1.5 }.
    price: Option<PriceTable>,
}

/// Price of a million tokens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct PriceTable {
    /// Price of a million prompt tokens.
    #[schemars(range(min = 0.0))]
    input: f64,
    /// Price of a million completion tokens.
    #[schemars(range(min = 0.0))]
    output: f64,
}

/// Settings of the built-in endpoint, written like the flags of `proofload serve`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct BuiltinTable {
    /// Limits of a batching server, such as "concurrency=16,step=20ms+0.5ms".
    capacity: Option<String>,
    /// Rate limit, such as "10/s".
    rate_limit: Option<String>,
    /// Faults to show, by name.
    quirks: Vec<String>,
    /// Show the faults only while more requests than this are open.
    quirk_above_in_flight: u64,
}

const STAGE: Duration = Duration::from_secs(10);
const COOLDOWN: Duration = Duration::from_secs(1);
const HIGHEST: f64 = 100_000.0;
const PRECISION: f64 = 0.05;

impl Resolver<'_> {
    pub(super) fn search(&mut self, table: &CapacityTable, cases: &[CaseTable], limits: Limits) -> SearchTerms {
        let stage = self.positive("/capacity/stage", table.stage.as_ref()).unwrap_or(STAGE);
        let confirm = self.positive("/capacity/confirm", table.confirm.as_ref());
        if table.max_cost.is_some() && table.price.is_none() {
            let help = "add price = { input = 0.5, output = 1.5 }, what a million tokens cost".to_owned();
            self.fault("/capacity/max_cost", "max_cost needs a price", "", help);
        }
        let to = table.to.unwrap_or(HIGHEST);
        if table.from.is_some_and(|from| from > to) {
            self.fault("/capacity/from", "from is above to", "", None);
        }
        SearchTerms {
            from: table.from,
            to,
            precision: table.precision.unwrap_or(PRECISION),
            stage,
            confirm: confirm.unwrap_or(stage * 3),
            cooldown: self.duration("/capacity/cooldown", table.cooldown.as_ref()).unwrap_or(COOLDOWN),
            goals: self.case_goals(&table.goals, cases),
            limits,
            cost: table.max_cost,
            price: table
                .price
                .as_ref()
                .map_or(TokenPrice::default(), |price| TokenPrice { input: price.input, output: price.output }),
        }
    }

    fn case_goals(
        &mut self,
        table: &BTreeMap<String, Vec<String>>,
        cases: &[CaseTable],
    ) -> BTreeMap<String, Vec<Goal>> {
        let names: Vec<String> = cases.iter().enumerate().map(|(number, case)| case_name(number, case)).collect();
        let known: Vec<&str> = names.iter().map(String::as_str).collect();
        let are: BTreeSet<&str> = known.iter().copied().collect();
        let mut goals: BTreeMap<String, Vec<Goal>> = BTreeMap::new();
        for (name, texts) in table {
            let case = line(name);
            if !are.contains(case.as_str()) {
                let help = self.guess(&case, &known).map(|near| format!("did you mean {near}?"));
                self.fault(&format!("/capacity/goals/{name}"), format!("no case is called {name:?}"), "", help);
            }
            for (index, text) in texts.iter().enumerate() {
                match Goal::parse(&line(text)) {
                    Ok(Goal { part: Part::Case(_), .. }) => {
                        let help = "leave its for out, or move it to goals".to_owned();
                        self.fault(
                            &format!("/capacity/goals/{name}/{index}"),
                            "it is of a case by its place",
                            "",
                            help,
                        );
                    }
                    Ok(goal) => goals.entry(case.clone()).or_default().push(goal),
                    Err(error) => {
                        self.fault(&format!("/capacity/goals/{name}/{index}"), error.message, "", error.help);
                    }
                }
            }
        }
        goals
    }

    pub(super) fn builtin(&mut self, table: &BuiltinTable, builtin: bool) -> BuiltinTerms {
        // A profile for the built-in endpoint may be tried on another one by a flag.
        let written = self.tree.at("/target/url").is_none_or(|url| url.place.source == 0);
        if !builtin && written && !self.lacks(&["/target/builtin"]) {
            let help = "it says what the built-in endpoint is; set url = \"builtin\" or leave it out".to_owned();
            self.fault("/target/builtin", "[target.builtin] without url = \"builtin\"", "", help);
        }
        BuiltinTerms {
            capacity: table.capacity.clone(),
            rate_limit: table.rate_limit.clone(),
            quirks: table.quirks.clone(),
            quirk_above_in_flight: table.quirk_above_in_flight,
        }
    }
}
