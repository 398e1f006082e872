//! Plans worked out by hand.

use proptest::prelude::*;

use super::bill::Paid;
use super::demand::Hour;
use super::scenario::MOST;
use super::*;
use crate::capacity::answer::Answer;
use crate::capacity::record::Asked;
use crate::capacity::scaling::Usl;
use crate::capacity::stage::{Stage, Verdict};
use crate::capacity::verification::Verification;
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
        good_per_s: 10.45,
        ..Answer::default()
    };
    Record {
        capacity: 2,
        proofload: "0".to_owned(),
        asked: Asked {
            reference: "chat".to_owned(),
            flags: ["--url", "http://h/v1", "--header", "x-a=b c"].map(str::to_owned).to_vec(),
            ..Asked::default()
        },
        answer,
        spent: crate::capacity::record::Spent::default(),
        stages: Vec::new(),
        little: Vec::new(),
        usl: Usl::default(),
        verifications: Vec::new(),
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

/// A trace, a time a line.
fn lines(times: impl Iterator<Item = f64>) -> String {
    times.flat_map(|time| [time.to_string(), "\n".to_owned()]).collect()
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
    let lines: Vec<(Paid, f64, f64)> = first.bill.iter().map(|line| (line.what, line.quantity, line.monthly)).collect();
    assert_eq!(lines, [(Paid::Serving, 2920.0, 5840.0), (Paid::Starting, 0.0, 0.0)]);
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
    let month = 730.0 / 24.0;
    let [serving, starting] = &planned.scenarios[0].bill[..] else { panic!("two lines") };
    assert!(near(serving.quantity, (11.0 * 2.0 + 13.0 * 5.0) * month), "{serving:?}");
    assert!(near(starting.quantity, 3.0 * 0.05 * month), "{starting:?}");
}

/// Replicas of an hour as a simulation has them that looks at every minute: a replica is paid while it is needed, and
/// from when it has to be begun for the next time; it serves unless it was begun in between.
fn by_the_minute(needed: &[u64], start_min: usize) -> Vec<(u64, u64)> {
    let (hours, most) = (needed.len(), needed.iter().copied().max().unwrap_or(0));
    let wanted = |rank: u64, minute: usize| needed[minute / 60 % hours] >= rank;
    let mut minutes = vec![(0, 0); hours];
    // The second of two rounds: what goes on from the last hour to the first is known by then.
    for rank in 1..=most {
        for minute in hours * 60..2 * hours * 60 {
            let serves_at = (minute - minute % 60..).step_by(60).take(hours).find(|later| wanted(rank, *later));
            let before = (0..minute).rev().find(|earlier| wanted(rank, *earlier));
            let (serves, starts) = match (serves_at, before) {
                _ if wanted(rank, minute) => (true, false),
                (Some(later), Some(before)) if later - before - 1 <= start_min => (true, false),
                (Some(later), _) => (false, later - minute <= start_min),
                (None, _) => (false, false),
            };
            minutes[minute / 60 % hours].0 += u64::from(serves);
            minutes[minute / 60 % hours].1 += u64::from(starts);
        }
    }
    minutes
}

proptest! {
    #[test]
    fn replicas_are_paid_as_a_simulation_by_the_minute_has_them(rates in prop::collection::vec(0_u64..7, 2..7), start_min in 1_usize..200) {
        let hour = |rate: &u64| Hour { name: String::new(), lasts_h: 1.0, mean: 5.0 * *rate as f64, peak: 5.0 * *rate as f64 };
        let demand = Demand { hours: rates.iter().map(hour).collect(), ..Demand::constant(1.0) };
        let start_time = Duration::from_secs(60 * start_min as u64);
        // A replica for five requests a second.
        let wanted = Wanted { start_time, scenarios: vec![1.0], ..wanted(demand) };
        let planned = plan(&record(), &wanted).expect("a plan");
        let needed: Vec<u64> = planned.scenarios[0].hours.iter().map(|row| row.needed).collect();
        prop_assert_eq!(&needed, &rates.iter().map(|rate| (*rate).max(1)).collect::<Vec<_>>());
        let times = 730.0 / rates.len() as f64;
        for (row, (serving, starting)) in planned.scenarios[0].hours.iter().zip(by_the_minute(&needed, start_min)) {
            prop_assert!(near(row.serving_h / times, serving as f64 / 60.0 + 1.0), "{:?} {} {}", needed, start_min, serving);
            prop_assert!(near(row.starting_h / times, starting as f64 / 60.0), "{:?} {} {}", needed, start_min, starting);
        }
    }
}

/// Money adds up however the demand is, whatever is paid for.
#[test]
fn hours_and_the_lines_of_the_bill_come_to_the_same() {
    let mut search = record();
    search.answer.cost_per_request = Some(0.001);
    let trace = lines((0..9000).map(|second| f64::from(second) * 0.9));
    let demands = [Demand::constant(12.0), Demand::read("00:00,4\n08:00,20\n20:30,4\n").expect("a curve")];
    let tokens = [None, Some(TokenCost::Metadata), Some(TokenCost::Priced(TokenPrice { input: 1.0, output: 2.0 }))];
    for demand in demands.into_iter().chain([Demand::read(&trace).expect("a trace")]) {
        for tokens in tokens {
            let planned = plan(&search, &Wanted { tokens, ..wanted(demand.clone()) }).expect("a plan");
            for scenario in &planned.scenarios {
                let of = |part: fn(&Row) -> f64| scenario.hours.iter().map(part).sum::<f64>();
                assert!(near(of(|row| row.monthly), scenario.monthly), "{scenario:?}");
                assert!(near(of(|row| row.month_h), 730.0), "{scenario:?}");
                let lines: f64 = scenario.bill.iter().map(|line| line.quantity * line.each).sum();
                assert!(near(lines, scenario.monthly), "{scenario:?}");
                let came = of(|row| row.mean_per_s * row.month_h);
                assert!(near(came, demand.mean() * scenario.times * 730.0), "{scenario:?}");
            }
        }
    }
}

/// Page one said 44.4 % where every hour said 60.0 %.
#[test]
fn the_utilisation_of_the_month_is_that_of_its_hours() {
    let efficiency = Efficiency::measured(vec![(1, 10.0), (4, 29.6)]).expect("measured");
    let planned = plan(&record(), &Wanted { efficiency, ..wanted(Demand::constant(12.0)) }).expect("a plan");
    let scenario = &planned.scenarios[0];
    assert!(near(scenario.utilisation, scenario.hours[0].utilisation), "{scenario:?}");
    // Four replicas carry 29.6/s: twelve are 40.5 % of that, and not 30 % of forty.
    assert!(near(scenario.utilisation, 12.0 / 29.6), "{scenario:?}");
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

/// A burst in the last ten seconds weighs ten seconds.
#[test]
fn the_rest_of_a_trace_weighs_what_it_lasts() {
    let hour = (0..3600).map(f64::from);
    let rest = (0..100).map(|tenth| 3600.0 + f64::from(tenth) / 10.0);
    let text = lines(hour.chain(rest));
    let trace = Demand::read(&text).expect("a trace");
    assert_eq!(trace.hours.len(), 1, "{trace:?}");
    assert!(near(trace.mean(), 3700.0 / 3609.9), "{trace:?}");
    // Fifty seconds at 1/s and ten at 10/s, less the tenth of a second that the trace ends early.
    assert!((trace.peak() - 150.0 / 60.0).abs() < 0.1, "{trace:?}");
    let text = lines((0..5400).map(f64::from));
    let trace = Demand::read(&text).expect("a trace");
    assert!(trace.hours.len() == 2 && near(trace.lasts_h(), 5399.0 / 3600.0), "{trace:?}");
    assert!((trace.mean() - 1.0).abs() < 1e-3 && (trace.peak() - 1.0).abs() < 1e-3, "{trace:?}");
}

/// A run that verified the lower end, with this verdict.
fn verification(load: f64, verdict: Verdict, broke_after_s: Option<f64>) -> Verification {
    let reasons = if verdict == Verdict::Held { Vec::new() } else { vec!["first_token.p95 < 500ms".to_owned()] };
    let stage = Stage { load, verdict, reasons, ..Stage::default() };
    Verification { duration_s: 1800.0, started_unix_ms: 0, broke_after_s, stage }
}

#[test]
fn a_plan_says_whether_its_lower_bound_held_for_longer() {
    let mut search = record();
    let said = |search: &Record| plan(search, &wanted(Demand::constant(12.0))).expect("a plan").assumptions.join("; ");
    assert!(said(&search).contains("10.00 requests/s is not verified"), "{}", said(&search));
    search.verifications = vec![verification(9.0, Verdict::Held, None)];
    assert!(said(&search).contains("is not verified"), "of another load: {}", said(&search));
    search.verifications.push(verification(10.0, Verdict::Held, None));
    assert!(said(&search).contains("10.00 requests/s held over 30m"), "{}", said(&search));
    search.verifications.push(verification(10.0, Verdict::Broke, Some(720.0)));
    assert!(said(&search).contains("broke after 12m of 30m: first_token.p95 < 500ms"), "{}", said(&search));
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
