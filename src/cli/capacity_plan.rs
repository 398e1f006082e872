//! `proofload capacity plan`, `report` and `compare`: from searches that are kept, without the endpoint.

use std::path::Path;

use anyhow::Context as _;

use super::capacity::read;
use super::capacity_args::{AgainArgs, CompareArgs, PlanArgs};
use super::exit::Exit;
use super::folder::Unusable;
use super::{print, read as files, say};
use crate::capacity::comparing::rank;
use crate::capacity::planning::demand::Demand;
use crate::capacity::planning::scaling::Efficiency;
use crate::capacity::planning::{Wanted, plan as plan_for, price};
use crate::profile::files::Kind;
use crate::report::capacity::{write, write_plan, write_ranking};
use crate::wire::plain::line;

pub(super) fn plan(args: &PlanArgs) -> anyhow::Result<Exit> {
    let record = read(&args.search)?;
    let wanted = wanted(args)?;
    let planned = match plan_for(&record, &wanted) {
        Ok(planned) => planned,
        Err(why) => {
            say(&format!("error: {why}\n"));
            return Ok(Exit::Fail);
        }
    };
    print(&write_plan(&planned, &record, args.output.format.into(), &args.output.dress()))?;
    Ok(Exit::Pass)
}

fn wanted(args: &PlanArgs) -> anyhow::Result<Wanted> {
    let flag = |name: &'static str| move |error: String| anyhow::anyhow!("{name}: {error}");
    Ok(Wanted {
        demand: demand(&args.demand)?,
        price: args.price.0,
        tokens: args.token_price.as_deref().map(price::tokens).transpose().map_err(flag("--token-price"))?,
        currency: line(&args.currency),
        headroom: price::headroom(&args.headroom).map_err(flag("--headroom"))?,
        start_time: args.start_time,
        scenarios: scenarios(&args.scenario)?,
        efficiency: efficiency(&args.measured)?,
    })
}

fn scenarios(times: &[f64]) -> anyhow::Result<Vec<f64>> {
    anyhow::ensure!(times.iter().all(|times| *times > 0.0), "--scenario: a multiple of the demand is above 0");
    Ok(times.to_vec())
}

/// A number, or else a file.
fn demand(text: &str) -> anyhow::Result<Demand> {
    if let Ok(rate) = text.strip_suffix("/s").unwrap_or(text).parse::<f64>() {
        anyhow::ensure!(rate > 0.0 && rate.is_finite(), "--demand: {text} is not a rate of requests per second");
        return Ok(Demand::constant(rate));
    }
    let curve = files::text(Path::new(text), Kind::DEMAND).with_context(|| {
        format!("--demand: {text:?} is neither a number of requests per second nor a readable file")
    })?;
    Demand::read(&curve).map_err(|error| anyhow::anyhow!("--demand: {text}: {error}"))
}

fn efficiency(measured: &[(String, String)]) -> anyhow::Result<Efficiency> {
    if measured.is_empty() {
        return Ok(Efficiency::assumed());
    }
    let mut rates = Vec::new();
    for (replicas, search) in measured {
        let number: u64 = replicas
            .parse()
            .with_context(|| format!("--measured: {replicas:?} is not a number of replicas, as in 2=runs/b"))?;
        let rate = read(search)?.answer.rate_per_s;
        rates.push((number, rate.with_context(|| format!("--measured: {search} found no rate that holds"))?));
    }
    Efficiency::measured(rates).map_err(|error| anyhow::anyhow!("--measured: {error}"))
}

pub(super) fn report(args: &AgainArgs) -> anyhow::Result<Exit> {
    print(&write(&read(&args.search)?, args.output.format.into(), &args.output.dress()))?;
    Ok(Exit::Pass)
}

pub(super) fn compare(args: &CompareArgs) -> anyhow::Result<Exit> {
    let searches =
        args.searches.iter().map(|name| Ok((line(name), read(name)?))).collect::<anyhow::Result<Vec<_>>>()?;
    let ranked = rank(&searches).map_err(Unusable)?;
    print(&write_ranking(&ranked, args.format.into()))?;
    Ok(Exit::Pass)
}
