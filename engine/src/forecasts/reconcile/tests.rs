#![allow(clippy::unwrap_used)]

use serde::Deserialize;

use super::*;
use crate::control::Free;
use crate::control::testing::Probe;

const BOTTOMS: usize = 42;
const TIMES: usize = 600;

/// What numpy made of [`data`] (`engine/tests/oracle/reconcile.py`), and hierarchicalforecast where it has the method.
#[derive(Deserialize)]
struct Expected {
    bottom_up: Made,
    ols: Made,
    wls: Made,
    mint: Made,
}

#[derive(Deserialize)]
struct Made {
    forecasts: Vec<Vec<f64>>,
    spread: Vec<f64>,
}

fn groups() -> Vec<Vec<usize>> {
    vec![
        (0..BOTTOMS).collect(),
        (0..20).collect(),
        (15..30).collect(),
    ]
}

/// The generator of the script.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> f64 {
        let (a, c) = (6_364_136_223_846_793_005u64, 1_442_695_040_888_963_407);
        self.0 = self.0.wrapping_mul(a).wrapping_add(c);
        (self.0 >> 33) as f64 / (1u64 << 31) as f64 - 0.5
    }
}

/// Base forecasts and residuals of three totals and 42 bottom series, of which the last sold nothing.
fn data() -> (Vec<Vec<f64>>, Vec<Vec<f64>>) {
    let mut draws = Draws(20_110_917);
    let groups = groups();
    let size: Vec<f64> = (1..=BOTTOMS).map(|b| 1000.0 / b as f64).collect();
    let mut bottom = vec![vec![0.0; TIMES]; BOTTOMS];
    let mut rows = vec![vec![0.0; TIMES]; 3];
    for t in 0..TIMES {
        let common = draws.next();
        for (row, size) in bottom.iter_mut().zip(&size) {
            row[t] = size * (0.6 * common + draws.next());
        }
        for (row, group) in rows.iter_mut().zip(&groups) {
            row[t] = 0.7 * group.iter().map(|b| bottom[*b][t]).sum::<f64>() + 300.0 * draws.next();
        }
    }
    rows.extend(bottom);
    rows[44] = vec![0.0; TIMES];
    for row in &mut rows {
        let mean = row.iter().sum::<f64>() / TIMES as f64;
        row.iter_mut().for_each(|v| *v -= mean);
    }
    let mut base = vec![vec![0.0; 3]; 3 + BOTTOMS];
    for h in 0..3 {
        for (row, size) in base[3..].iter_mut().zip(&size) {
            row[h] = size * (2.0 + draws.next());
        }
        for (k, group) in groups.iter().enumerate() {
            let sum: f64 = group.iter().map(|b| base[3 + b][h]).sum();
            base[k][h] = sum * (1.0 + 0.2 * draws.next());
        }
    }
    base[44] = vec![0.0; 3];
    (base, rows)
}

fn run(
    structure: &Structure,
    method: Reconciliation,
    base: &[Vec<f64>],
    residuals: &[Vec<f64>],
) -> Result<Reconciled, ForecastError> {
    let request = Reconcile {
        structure,
        method,
        non_negative: false,
    };
    reconcile(&request, base, residuals, &Free)
}

fn near(got: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        let scale = expected.abs().max(1.0);
        assert!(
            (got - expected).abs() <= tolerance * scale,
            "{got} {expected}"
        );
    }
}

fn adds_up(structure: &Structure, made: &Reconciled) {
    let horizon = made.forecasts[0].len();
    for h in 0..horizon {
        for (total, parts) in made.forecasts.iter().zip(&structure.totals) {
            let parts = parts
                .iter()
                .map(|p| made.forecasts[structure.totals.len() + p][h]);
            let sum: f64 = parts.clone().sum();
            let size: f64 = parts.map(f64::abs).sum();
            assert!((total[h] - sum).abs() <= 1e-12 * size, "{} {sum}", total[h]);
        }
    }
}

#[test]
fn forecasts_are_those_of_other_tools() {
    let expected: Expected =
        serde_json::from_str(include_str!("../../../tests/oracle/reconcile.json")).unwrap();
    let (base, residuals) = data();
    let structure = Structure::new(groups(), BOTTOMS).unwrap();
    for (name, expected) in [
        ("bottom_up", expected.bottom_up),
        ("ols", expected.ols),
        ("wls", expected.wls),
        ("mint", expected.mint),
    ] {
        let method = Reconciliation::parse(name).unwrap();
        let made = run(&structure, method, &base, &residuals).unwrap();
        for (got, expected) in made.forecasts.iter().zip(&expected.forecasts) {
            near(got, expected, 1e-7);
        }
        near(&made.spread, &expected.spread, 1e-7);
        adds_up(&structure, &made);
    }
    assert!(Reconciliation::parse("mintt").is_err());
}

#[test]
fn threads_change_no_bit() {
    let (base, residuals) = data();
    let structure = Structure::new(groups(), BOTTOMS).unwrap();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        let pool = pool.build().unwrap();
        pool.install(|| run(&structure, Reconciliation::Mint, &base, &residuals).unwrap())
    };
    let one = with(1);
    for threads in [2, 8] {
        assert_eq!(one, with(threads));
    }
}

/// One total of two, by hand.
#[test]
fn differences_go_where_errors_are() {
    let structure = Structure::total_of(2).unwrap();
    let base = [vec![13.0], vec![4.0], vec![6.0]];
    // Mean squares 2, 1 and 9: of the 3 too many in the total 2/12 go there, 1/12 and 9/12 to the series.
    let root = 2.0f64.sqrt();
    let residuals = [
        vec![root, -root, root, -root],
        vec![1.0, 1.0, -1.0, -1.0],
        vec![3.0, -3.0, -3.0, 3.0],
    ];
    let one = |method, residuals: &[Vec<f64>]| {
        let made = run(&structure, method, &base, residuals).unwrap();
        adds_up(&structure, &made);
        made.forecasts.concat()
    };
    near(
        &one(Reconciliation::Wls, &residuals),
        &[12.5, 4.25, 8.25],
        1e-12,
    );
    // Uncorrelated residuals are the same to MinT.
    near(
        &one(Reconciliation::Mint, &residuals),
        &[12.5, 4.25, 8.25],
        1e-12,
    );
    near(&one(Reconciliation::Ols, &[]), &[12.0, 5.0, 7.0], 1e-12);
    near(
        &one(Reconciliation::BottomUp, &[]),
        &[10.0, 4.0, 6.0],
        1e-12,
    );
    // A series that is always hit stays, and one without residuals counts like its kind.
    let hit = [vec![root; 2], vec![0.0; 2], vec![3.0, -3.0]];
    near(
        &one(Reconciliation::Wls, &hit),
        &[13.0 - 6.0 / 11.0, 4.0, 6.0 + 27.0 / 11.0],
        1e-12,
    );
    let unknown = [vec![root; 2], vec![f64::NAN; 2], vec![3.0, -3.0]];
    near(
        &one(Reconciliation::Wls, &unknown),
        &[13.0 - 6.0 / 20.0, 4.0 + 27.0 / 20.0, 6.0 + 27.0 / 20.0],
        1e-12,
    );
    // All hit, or nothing known: all alike.
    for nothing in [vec![0.0; 5], vec![f64::NAN; 5], vec![]] {
        let rows = vec![nothing; 3];
        for method in [Reconciliation::Wls, Reconciliation::Mint] {
            near(&one(method, &rows), &[12.0, 5.0, 7.0], 1e-12);
        }
    }
    let made = run(&structure, Reconciliation::Ols, &base, &[]).unwrap();
    assert_eq!(made.spread, [1.0; 3]);
}

#[test]
fn missing_residuals_are_left_out() {
    let (base, mut residuals) = data();
    let structure = Structure::new(groups(), BOTTOMS).unwrap();
    let whole = run(&structure, Reconciliation::Mint, &base, &residuals).unwrap();
    // A country that came late, and days without any.
    residuals[20][..200].fill(f64::NAN);
    for row in &mut residuals {
        row[300] = f64::NAN;
    }
    let made = run(&structure, Reconciliation::Mint, &base, &residuals).unwrap();
    adds_up(&structure, &made);
    for (got, whole) in made.forecasts.iter().zip(&whole.forecasts) {
        near(got, whole, 0.02);
    }
    assert!(made.spread.iter().all(|s| s.is_finite()));
    // Times that no series has change nothing.
    let mut longer = data().1;
    for row in &mut longer {
        row.extend([f64::NAN; 50]);
    }
    let made = run(&structure, Reconciliation::Mint, &base, &longer).unwrap();
    for (got, whole) in made.forecasts.iter().zip(&whole.forecasts) {
        near(got, whole, 1e-9);
    }
}

#[test]
fn forecasts_below_zero_are_lifted() {
    let (mut base, residuals) = data();
    let structure = Structure::new(groups(), BOTTOMS).unwrap();
    let mut nearer = 0;
    // Totals far below their series pull small ones below 0.
    for total in &mut base[..3] {
        total.iter_mut().for_each(|v| *v *= 0.3);
    }
    for method in [
        Reconciliation::BottomUp,
        Reconciliation::Ols,
        Reconciliation::Wls,
        Reconciliation::Mint,
    ] {
        let request = |non_negative| Reconcile {
            structure: &structure,
            method,
            non_negative,
        };
        let plain = reconcile(&request(false), &base, &residuals, &Free).unwrap();
        let made = reconcile(&request(true), &base, &residuals, &Free).unwrap();
        adds_up(&structure, &made);
        assert!(made.forecasts.iter().flatten().all(|v| *v >= 0.0));
        let least = plain
            .forecasts
            .iter()
            .flatten()
            .fold(0.0f64, |m, v| m.min(*v));
        if least == 0.0 {
            assert_eq!(plain, made);
        } else {
            // The total stays nearer to what it was than by setting to 0 and adding up.
            for h in 0..3 {
                let bottoms = plain.forecasts[3..].iter().map(|row| row[h].max(0.0));
                let wanted = plain.forecasts[0][h];
                let clipped = bottoms.sum::<f64>() - wanted;
                let moved = (made.forecasts[0][h] - wanted).abs();
                assert!(moved <= clipped, "{method:?}: {moved} {clipped}");
                nearer += usize::from(moved < 0.9 * clipped);
            }
        }
    }
    assert!(nearer >= 4, "{nearer}");
    // Bottom-up has nothing to go by but the series.
    let total = Structure::total_of(2).unwrap();
    let request = Reconcile {
        structure: &total,
        method: Reconciliation::BottomUp,
        non_negative: true,
    };
    let made = reconcile(&request, &[vec![1.0], vec![-1.0], vec![5.0]], &[], &Free).unwrap();
    assert_eq!(made.forecasts.concat(), [5.0, 0.0, 5.0]);
}

#[test]
fn wrong_shapes_are_refused() {
    assert!(Structure::total_of(0).is_err());
    assert!(Structure::new(vec![vec![]], 3).is_err());
    assert!(Structure::new(vec![vec![1, 1]], 3).is_err());
    assert!(Structure::new(vec![vec![3]], 3).is_err());
    assert!(Structure::new(vec![vec![0]; 501], 3).is_err());
    let structure = Structure::total_of(2).unwrap();
    let row = |v: f64| vec![v; 2];
    let base = vec![row(3.0), row(1.0), row(2.0)];
    let refused = |base: &[Vec<f64>], residuals: &[Vec<f64>]| {
        run(&structure, Reconciliation::Mint, base, residuals).is_err()
    };
    assert!(!refused(&base, &base));
    assert!(refused(&base, &[]));
    assert!(refused(&base[..2], &base));
    assert!(refused(&base, &base[..2]));
    assert!(refused(&[row(3.0), row(1.0), vec![2.0]], &base));
    for odd in [f64::NAN, f64::INFINITY, 1e16] {
        assert!(refused(&[row(3.0), row(odd), row(2.0)], &base), "{odd}");
    }
    assert!(refused(&base, &[row(3.0), row(f64::INFINITY), row(2.0)]));
    // Huge and tiny ones are not; nor totals of the same series, nor none, nor nothing to forecast.
    assert!(!refused(
        &[row(1e15), row(-1e15), row(1e-300)],
        &[row(1e15), row(1e-300), row(0.0)]
    ));
    let twice = Structure::new(vec![vec![0, 1], vec![0, 1]], 2).unwrap();
    let rows = [row(9.0), row(3.0), row(1.0), row(2.0)];
    let hit = [row(0.0), row(0.0), row(1.0), row(1.0)];
    let made = run(&twice, Reconciliation::Wls, &rows, &hit).unwrap();
    adds_up(&twice, &made);
    assert!(
        made.forecasts
            .iter()
            .flatten()
            .all(|v| v.is_finite() && *v < 9.1)
    );
    let none = Structure::new(vec![], 2).unwrap();
    let made = run(&none, Reconciliation::Mint, &rows[..2], &rows[..2]).unwrap();
    assert_eq!(made.forecasts, rows[..2]);
    let empty = run(&structure, Reconciliation::Ols, &vec![vec![]; 3], &[]).unwrap();
    assert_eq!(empty.forecasts, vec![vec![]; 3] as Vec<Vec<f64>>);
}

#[test]
fn it_stops_and_keeps_to_its_memory() {
    let (base, residuals) = data();
    let structure = Structure::new(groups(), BOTTOMS).unwrap();
    let request = Reconcile {
        structure: &structure,
        method: Reconciliation::Mint,
        non_negative: true,
    };
    let patient = Probe::patient();
    reconcile(&request, &base, &residuals, &patient).unwrap();
    assert_eq!(patient.held_bytes(), 0);
    for looks in [0, 1, patient.looks() / 2, patient.looks() - 1] {
        let stopped = reconcile(&request, &base, &residuals, &Probe::stopping_after(looks));
        assert!(matches!(stopped, Err(ForecastError::Stopped(_))), "{looks}");
    }
    let poor = Probe::patient().granting(patient.most_held() / 2);
    assert!(reconcile(&request, &base, &residuals, &poor).is_err());
    assert_eq!(poor.held_bytes(), 0);
}
