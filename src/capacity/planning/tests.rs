//! Plans worked out by hand.

use super::*;
use crate::capacity::answer::Answer;
use crate::capacity::record::Asked;
use crate::capacity::scaling::Usl;
use crate::capacity::stage::{Stage, Verdict};
use crate::plan::capacity::TokenPrice;

fn record() -> Record {
    let answer = Answer {
        holds: true,
        rate_per_s: Some(11.0),
        low: Some(10.0),
        high: Some(11.5),
        confirmed: true,
        trust: "trusted".to_owned(),
        input_tokens: 100.0,
        output_tokens: 50.0,
        ..Answer::default()
    };
    let stage = Stage {
        load: 11.0,
        verdict: Verdict::Held,
        offered_per_s: 11.0,
        achieved_per_s: 11.0,
        good_per_s: 10.45,
        ..Stage::default()
    };
    Record {
        capacity: 1,
        proofload: "0".to_owned(),
        asked: Asked {
            reference: "chat".to_owned(),
            flags: ["--url", "http://h/v1", "--header", "x-a=b c"].map(str::to_owned).to_vec(),
            ..Asked::default()
        },
        answer,
        spent: crate::capacity::record::Spent::default(),
        stages: vec![stage],
        little: Vec::new(),
        usl: Usl::default(),
    }
}

fn wanted(demand: Demand) -> Wanted {
    Wanted {
        demand,
        price: 2.0,
        tokens: None,
        currency: "USD".to_owned(),
        headroom: 0.5,
        start_time: Duration::from_secs(180),
        scenarios: vec![1.0, 2.0],
        efficiency: Efficiency::assumed(),
    }
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-9 * b.abs().max(1.0)
}

#[test]
fn a_constant_demand_is_planned_from_the_lower_bound() {
    // 12/s at 5/s a replica: 3, and one more. 4 * 730 h * 2 USD.
    let planned = plan(&record(), &wanted(Demand::constant(12.0))).expect("a plan");
    let first = &planned.scenarios[0];
    assert_eq!((first.needed, first.most, first.least), (3, 4, 4));
    assert!(near(first.monthly, 5840.0) && near(first.utilisation, 0.3), "{first:?}");
    let requests = 12.0 * 3600.0 * 730.0;
    assert!(near(first.per_million_tokens.expect("priced"), 5840.0 / (requests * 150.0) * 1e6));
    assert!(near(first.per_million_output.expect("priced"), 5840.0 / (requests * 50.0) * 1e6));
    assert!(near(first.per_thousand_good.expect("priced"), 5840.0 / (requests * 0.95) * 1e3));
    assert_eq!(planned.scenarios[1].needed, 5);
    assert!(first.one_lost.contains("the headroom stays") && first.one_lost.contains("out of the headroom"));
    assert_eq!(planned.confirm, "proofload run chat --url http://h/v1 --header 'x-a=b c' --rate 12 --duration 10m");
    assert!(planned.assumptions[0].contains("not measured"));
}

#[test]
fn a_curve_is_planned_by_the_hour_and_replicas_are_begun_before() {
    let curve = Demand::read("time,rate\n00:00,4\n08:00,20\n20:30,4\n").expect("a curve");
    assert_eq!((curve.hours.len(), curve.peak()), (24, 20.0));
    assert!(near(curve.hours[20].mean, 12.0) && near(curve.hours[20].peak, 20.0), "{:?}", curve.hours[20]);
    let planned = plan(&record(), &wanted(curve)).expect("a plan");
    let rows = &planned.scenarios[0].hours;
    assert_eq!((rows[3].needed, rows[3].replicas, rows[3].started), (1, 2, 0));
    assert_eq!((rows[7].needed, rows[7].replicas, rows[7].started), (1, 2, 3));
    assert_eq!((rows[8].needed, rows[8].replicas), (4, 5));
    // 11 hours with 2, 13 with 5, and three begun 3 minutes early, 730 / 24 times.
    let hours = (11.0 * 2.0 + 13.0 * 5.0 + 3.0 * 0.05) * 730.0 / 24.0;
    assert!(near(planned.scenarios[0].replica_hours, hours), "{}", planned.scenarios[0].replica_hours);
}

#[test]
fn a_trace_has_its_busiest_minute_as_peak() {
    let mut text: String = (0..3600).flat_map(|second| [second.to_string(), "\n".to_owned()]).collect();
    text += &(0..600)
        .flat_map(|tenth| [(1800.0 + f64::from(tenth) / 10.0).to_string(), "\n".to_owned()])
        .collect::<String>();
    let trace = Demand::read(&text).expect("a trace");
    assert_eq!(trace.hours.len(), 1);
    assert!(near(trace.peak(), 11.0) && (trace.mean() - 4200.0 / 3599.0).abs() < 1e-6, "{trace:?}");
}

#[test]
fn demands_that_are_none_say_the_line() {
    for (text, said) in [
        ("", "no line"),
        ("08:00,x\n", "line 1"),
        ("08:00,5\n07:00,6\n", "must go up"),
        ("1\n2\nbanana\n", "line 3"),
        ("00:00,0\n", "no rate is above 0"),
        ("0\n999999999999\n", "times are in seconds"),
    ] {
        let error = Demand::read(text).expect_err(text);
        assert!(error.contains(said), "{text:?}: {error}");
    }
}

#[test]
fn replicas_that_add_up_badly_are_more() {
    let efficiency = Efficiency::measured(vec![(4, 32.0), (1, 10.0)]).expect("measured");
    assert!(near(efficiency.of(1), 1.0) && near(efficiency.of(2), 1.0 - 0.2 / 3.0) && near(efficiency.of(9), 0.8));
    assert_eq!(efficiency.replicas_for(40.0, 5.0, 100), Some(10));
    assert!(Efficiency::measured(vec![(2, 20.0)]).is_err());
}

#[test]
fn a_quota_gets_no_replicas_and_nothing_that_holds_no_plan() {
    let mut quota = record();
    (quota.answer.limit, quota.answer.quota_per_s) = (Limit::Quota, Some(10.0));
    let planned = plan(&quota, &wanted(Demand::constant(20.0))).expect("a plan");
    assert!(planned.scenarios.is_empty() && near(planned.quota.expect("a quota").times, 4.0));
    let mut nothing = record();
    nothing.answer.holds = false;
    assert!(matches!(plan(&nothing, &wanted(Demand::constant(1.0))), Err(Unplannable::NothingHolds(_))));
    assert_eq!(plan(&record(), &wanted(Demand::constant(1e9))), Err(Unplannable::TooMany(MOST)));
}

#[test]
fn what_confirms_a_plan_names_goals_of_cases_and_asks_one_replica_for_its_share() {
    let mut search = record();
    search.asked.goals = vec!["error_rate < 1%".to_owned()];
    search.asked.case_goals = [("a b".to_owned(), vec!["ttft.p95 < 1s".to_owned(), "tpot.p95 < 1s".to_owned()])].into();
    search.asked.builtin = Some(String::new());
    search.asked.flags = Vec::new();
    // A run keeps no time per output token of single cases. 13/s are for three.
    let planned = plan(&search, &wanted(Demand::constant(13.0))).expect("a plan");
    let goals = "--goal 'error_rate < 1%' --goal 'ttft.p95 < 1s for a b'";
    assert_eq!(planned.confirm, format!("proofload run chat {goals} --rate 4.333 --duration 10m"));
    assert_eq!(planned.unconfirmed, ["tpot.p95 < 1s for a b"]);
}

#[test]
fn tokens_cost_what_their_price_is_or_what_replies_say() {
    let mut search = record();
    let with = |tokens| Wanted { tokens: Some(tokens), ..wanted(Demand::constant(12.0)) };
    let monthly = |search: &Record, tokens| plan(search, &with(tokens)).map(|planned| planned.scenarios[0].monthly);
    let requests = 12.0 * 3600.0 * 730.0;
    let priced = monthly(&search, TokenCost::Priced(TokenPrice { input: 1.0, output: 2.0 })).expect("a plan");
    assert!(near(priced, 5840.0 + requests * 200.0 / 1e6));
    assert_eq!(monthly(&search, TokenCost::Metadata), Err(Unplannable::NoCosts));
    search.answer.cost_per_request = Some(0.001);
    assert!(near(monthly(&search, TokenCost::Metadata).expect("a plan"), 5840.0 + requests * 0.001));
}
