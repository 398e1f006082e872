//! How often verdicts are wrong, and how often a change is found: by simulation. Everything that README and `--help` say
//! of rates is held here.
//!
//! Six figures vary independently, which is the worst case for calling any of them; values are logarithms of a figure of
//! each run.

use rand::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal, StudentT};
use rand_pcg::Pcg64;

use super::super::figure::Criteria;
use super::super::interval::each_of;
use super::super::power::Detectable;
use super::super::quantity::{self, Quantity};
use super::super::{Basis, Conclusion, Terms, Verdict, compare};
use super::{Endpoint, STEADY, side};

const FIGURES: usize = 6;
/// The share of 5 % in so many draws has a standard deviation of 0.4 %.
const DRAWS: u32 = 3000;
/// 5 % and three of these deviations.
const MOST: f64 = 0.062;

/// How runs differ from one to the next, in the order in which they are made.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Runs {
    Normal,
    /// Student's t with three degrees of freedom.
    HeavyTails,
    /// Steadily slower, by one standard deviation a run.
    Slope,
    /// A random walk, with steps as large as what is new in each run.
    Walk,
    /// Correlated by 0.9 from one run to the next, with twice the standard deviation of what is new in each run.
    Correlated,
}

impl Runs {
    fn draw(self, count: usize, generator: &mut Pcg64) -> Vec<f64> {
        let normal = |generator: &mut Pcg64| -> f64 { StandardNormal.sample(generator) };
        let heavy = StudentT::new(3.0).expect("parameters");
        let mut drift = if self == Runs::Correlated { 2.0 * normal(generator) } else { 0.0 };
        let mut values = Vec::new();
        for _ in 0..count {
            let own = if self == Runs::HeavyTails { heavy.sample(generator) } else { normal(generator) };
            values.push(own + drift);
            drift = match self {
                Runs::Normal | Runs::HeavyTails => 0.0,
                Runs::Slope => drift + 1.0,
                Runs::Walk => drift + normal(generator),
                Runs::Correlated => 0.9 * drift + 2.0 * 0.19_f64.sqrt() * normal(generator),
            };
        }
        values
    }
}

/// So many runs of the base and of the new side.
type Sizes = (usize, usize);

/// Values of both sides in one figure: the base first, or pairs as ABBA.
fn values(runs: Runs, basis: Basis, (base, new): Sizes, generator: &mut Pcg64) -> [Vec<f64>; 2] {
    let mut all = runs.draw(base + new, generator);
    if basis != Basis::Pairs {
        let after = all.split_off(base);
        return [all, after];
    }
    let mut sides = [Vec::new(), Vec::new()];
    for (number, pair) in all.chunks(2).enumerate() {
        let first = number % 2;
        sides[first].push(pair[0]);
        sides[1 - first].push(pair[1]);
    }
    sides
}

fn criteria(basis: Basis) -> Criteria {
    let terms = Terms::default();
    Criteria {
        basis,
        confidence: each_of(FIGURES, terms.confidence),
        noise: terms.noise,
        bound: terms.max_regression,
        believed: true,
    }
}

fn median() -> Quantity {
    quantity::ALL.into_iter().find(|quantity| quantity.name() == "response_time.p50").expect("the median")
}

/// How often any figure of two equal systems is called.
fn alarms(runs: Runs, basis: Basis, sizes: Sizes) -> f64 {
    let mut generator = Pcg64::seed_from_u64(7);
    let criteria = Criteria { noise: 0.0, ..criteria(basis) };
    let called = (0..DRAWS).filter(|_| {
        (0..FIGURES)
            .map(|_| values(runs, basis, sizes, &mut generator))
            .fold(false, |any, [base, new]| any || is_called(criteria, &base, &new))
    });
    called.count() as f64 / f64::from(DRAWS)
}

fn is_called(criteria: Criteria, base: &[f64], new: &[f64]) -> bool {
    let difference = criteria.basis.difference_of(base, new, 0.0);
    matches!(criteria.verdict(median(), 0.0, difference), Verdict::Worse | Verdict::Better)
}

/// How often one of the six figures that rises by this share is found, at this spread from one run to the next.
fn found(runs: Runs, basis: Basis, sizes: Sizes, spread: f64, rise: f64) -> f64 {
    let mut generator = Pcg64::seed_from_u64(11);
    let criteria = criteria(basis);
    let found = (0..DRAWS).filter(|_| {
        let [base, new] = values(runs, basis, sizes, &mut generator);
        let base: Vec<f64> = base.into_iter().map(|value| value * spread).collect();
        let new: Vec<f64> = new.into_iter().map(|value| value * spread + rise.ln_1p()).collect();
        let difference = basis.difference_of(&base, &new, 0.0);
        let is_beyond = difference.is_some_and(|difference| difference.estimate.mean > criteria.bound.ln_1p());
        is_beyond && criteria.verdict(median(), 0.0, difference) == Verdict::Worse
    });
    found.count() as f64 / f64::from(DRAWS)
}

#[test]
fn pairs_of_equal_systems_are_called_in_at_most_a_twentieth_whatever_drifts() {
    for pairs in [3, 5, 10] {
        for runs in [Runs::Normal, Runs::HeavyTails, Runs::Slope, Runs::Walk, Runs::Correlated] {
            let alarms = alarms(runs, Basis::Pairs, (pairs, pairs));
            assert!(alarms <= MOST, "{pairs} pairs, {runs:?}: {alarms}");
        }
    }
    let exact = alarms(Runs::Normal, Basis::Pairs, (5, 5));
    assert!(exact > 0.038, "not needlessly careful: {exact}");
}

#[test]
fn repetitions_of_equal_systems_are_called_in_at_most_a_twentieth() {
    for sizes in [(2, 2), (3, 3), (5, 5), (3, 5), (10, 3), (10, 2), (20, 2), (20, 5)] {
        for runs in [Runs::Normal, Runs::HeavyTails] {
            let alarms = alarms(runs, Basis::Repetitions, sizes);
            assert!(alarms <= MOST, "{sizes:?}, {runs:?}: {alarms}");
        }
    }
}

#[test]
fn one_run_of_an_equal_system_is_called_in_at_most_a_twentieth() {
    for base in [3, 5, 10, 20] {
        for runs in [Runs::Normal, Runs::HeavyTails, Runs::Correlated] {
            let alarms = alarms(runs, Basis::Prediction, (base, 1));
            assert!(alarms <= MOST, "{base}, {runs:?}: {alarms}");
        }
    }
}

/// What README states of runs that are made one side after the other.
#[test]
fn drift_between_sides_that_were_not_made_in_turn_raises_alarms() {
    let alarms = alarms(Runs::Walk, Basis::Repetitions, (5, 5));
    assert!(alarms > 0.5, "{alarms}");
}

#[test]
fn a_tenth_is_found() {
    let settings = [
        (Basis::Pairs, (5, 5), 0.02, 0.1, 0.90),
        (Basis::Repetitions, (3, 3), 0.02, 0.1, 0.70),
        (Basis::Repetitions, (5, 5), 0.02, 0.1, 0.98),
        (Basis::Prediction, (5, 1), 0.02, 0.2, 0.50),
        (Basis::Prediction, (10, 1), 0.02, 0.15, 0.80),
    ];
    for (basis, sizes, spread, rise, least) in settings {
        let found = found(Runs::Normal, basis, sizes, spread, rise);
        assert!(found >= least, "{basis:?} {sizes:?} +{rise}: {found}");
    }
}

#[test]
fn what_is_said_to_be_seen_is_found_in_four_of_five() {
    let spread = 0.05;
    for basis in [Basis::Pairs, Basis::Repetitions] {
        let mut generator = Pcg64::seed_from_u64(13);
        let mut advised: Vec<u32> = Vec::new();
        let mut squares = 0.0;
        for _ in 0..400 {
            let sides = values(Runs::Normal, basis, (5, 5), &mut generator);
            let [base, new] = sides.map(|side| side.into_iter().map(|value| value * spread).collect::<Vec<f64>>());
            let difference = basis.difference_of(&base, &new, 0.0).expect("several");
            let detectable = Detectable::of(difference, median().unit(), criteria(basis)).expect("known");
            squares += detectable.change.powi(2) / 400.0;
            advised.extend(detectable.repetitions(0.1_f64.ln_1p()));
        }
        advised.sort_unstable();
        // Of the spread only an estimate is known, whose square is right on average.
        let (change, repetitions) = (squares.sqrt(), advised[advised.len() / 2] as usize);
        let with_five = found(Runs::Normal, basis, (5, 5), spread, change.exp_m1());
        let with_more = found(Runs::Normal, basis, (repetitions, repetitions), spread, 0.1);
        assert!((0.7..0.95).contains(&with_five), "{basis:?} {change}: {with_five}");
        assert!((0.7..0.95).contains(&with_more), "{basis:?} {repetitions}: {with_more}");
    }
}

/// The same through whole comparisons of summaries, where sides have 60 requests a run and errors by chance.
#[test]
fn whole_comparisons_of_equal_systems_call_no_more_than_stated() {
    let terms = Terms { noise: 0.0, ..Terms::default() };
    let alarms = |endpoint: Endpoint, runs: [u64; 2], draws: u64| {
        let alarmed = (0..draws).filter(|draw| {
            let (base, new) = (side("a", endpoint, runs[0], 2 * draw + 1), side("b", endpoint, runs[1], 2 * draw + 2));
            let comparison = compare(&base, &[new], &terms).expect("they belong together");
            comparison.new[0].count(Verdict::Worse) + comparison.new[0].count(Verdict::Better) > 0
        });
        alarmed.count()
    };
    let failing = Endpoint { errors: 0.05, ..STEADY };
    let spread = Endpoint { between: 0.2, within: 0.5, ..STEADY };
    // 5 % of 80 are 4, with a standard deviation of 1.9.
    for (endpoint, runs) in [(STEADY, [5, 5]), (spread, [5, 5]), (failing, [5, 5]), (failing, [5, 1])] {
        let alarmed = alarms(endpoint, runs, 80);
        assert!(alarmed <= 10, "{alarmed} of 80, {runs:?}");
    }
    assert_eq!(alarms(spread, [1, 1], 40), 0);
}

#[test]
fn whole_comparisons_find_a_tenth_beyond_the_bound() {
    let slower = Endpoint { median_us: 1.1 * STEADY.median_us, ..STEADY };
    let found = (0..20).filter(|draw| {
        let (base, new) = (side("a", STEADY, 5, 2 * draw + 1), side("b", slower, 5, 2 * draw + 2));
        let comparison = compare(&base, &[new], &Terms::default()).expect("they belong together");
        let change = &comparison.new[0];
        change.conclusion == Conclusion::Worse && change.regressions.contains(&"response_time.p50".to_owned())
    });
    let found = found.count();
    assert!(found >= 18, "{found} of 20");
}
