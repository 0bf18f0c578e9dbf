//! Lag polynomials. A vector `a` stands for `1 - a[0] B - a[1] B^2 ...`; moving averages are kept with the other sign.

use super::params::Orders;

/// Coefficients from partial autocorrelations (Durbin and Levinson; Monahan 1984): stationary when each of these lies
/// within -1 and 1.
pub(super) fn from_partial(partial: &[f64], out: &mut [f64]) {
    for (k, r) in partial.iter().enumerate() {
        raise(out, k, *r);
    }
}

/// Lengthens a predictor of order `k` by the partial autocorrelation `r` of order `k + 1`.
pub(super) fn raise(a: &mut [f64], k: usize, r: f64) {
    for i in 0..k / 2 {
        let (x, y) = (a[i], a[k - 1 - i]);
        a[i] = x - r * y;
        a[k - 1 - i] = y - r * x;
    }
    if k % 2 == 1 {
        a[k / 2] *= 1.0 - r;
    }
    a[k] = r;
}

/// The partial autocorrelations of coefficients, in their place. False when the polynomial has a root on or within the unit
/// circle.
pub(super) fn to_partial(a: &mut [f64]) -> bool {
    for k in (0..a.len()).rev() {
        let r = a[k];
        let left = 1.0 - r * r;
        // Written so that NaN fails too.
        if left.is_nan() || left <= 0.0 {
            return false;
        }
        for i in 0..k / 2 {
            let (x, y) = (a[i], a[k - 1 - i]);
            a[i] = (x + r * y) / left;
            a[k - 1 - i] = (y + r * x) / left;
        }
        if k % 2 == 1 {
            a[k / 2] /= 1.0 - r;
        }
    }
    true
}

/// True when all roots of the polynomial are further from zero than `radius`.
pub(super) fn roots_beyond(a: &[f64], radius: f64) -> bool {
    let mut scaled: Vec<f64> = Vec::with_capacity(a.len());
    let mut power = 1.0;
    for v in a {
        power *= radius;
        scaled.push(v * power);
    }
    to_partial(&mut scaled)
}

/// Writes the product of a polynomial and one in steps of the season.
fn multiply(short: &[f64], seasonal: &[f64], season: usize, out: &mut [f64]) {
    out.fill(0.0);
    out[..short.len()].copy_from_slice(short);
    for (j, s) in seasonal.iter().enumerate() {
        let at = (j + 1) * season;
        out[at - 1] += s;
        for (a, out) in short.iter().zip(&mut out[at..]) {
            *out -= s * a;
        }
    }
}

/// The polynomials of a model, from parameters that are free: coefficients ar, ma, sar, sma as in R, and the products.
#[derive(Debug, Clone, Default)]
pub(super) struct Polynomials {
    orders: Orders,
    /// Coefficients ar, ma, sar, sma; moving averages with R's sign.
    pub coefficients: Vec<f64>,
    /// The autoregressive product.
    pub ar: Vec<f64>,
    /// The moving average product, with R's sign.
    pub ma: Vec<f64>,
    work: Vec<f64>,
}

impl Polynomials {
    pub(super) fn new(orders: &Orders) -> Polynomials {
        Polynomials {
            orders: *orders,
            coefficients: vec![0.0; orders.coefficients()],
            ar: vec![0.0; orders.ar_lag()],
            ma: vec![0.0; orders.ma_lag()],
            work: vec![0.0; orders.coefficients()],
        }
    }

    /// Sizes of the parts in the order of their coefficients, and the sign that makes each one autoregressive.
    fn sizes(orders: &Orders) -> [(usize, f64); 4] {
        [
            (orders.p, 1.0),
            (orders.q, -1.0),
            (orders.seasonal_p, 1.0),
            (orders.seasonal_q, -1.0),
        ]
    }

    /// Coefficients ar, ma, sar, sma apart, all with the sign of autoregressive ones.
    pub(super) fn parts(orders: &Orders, coefficients: &[f64]) -> [Vec<f64>; 4] {
        let mut rest = coefficients;
        Self::sizes(orders).map(|(size, sign)| {
            let (own, after) = rest.split_at(size.min(rest.len()));
            rest = after;
            own.iter().map(|v| v * sign).collect()
        })
    }

    /// Takes free parameters: the inverse hyperbolic tangents of partial autocorrelations, part by part.
    pub(super) fn set_free(&mut self, free: &[f64]) {
        for (partial, x) in self.work.iter_mut().zip(free) {
            *partial = x.tanh();
        }
        let mut at = 0;
        for (size, sign) in Self::sizes(&self.orders) {
            let own = &mut self.coefficients[at..at + size];
            from_partial(&self.work[at..at + size], own);
            own.iter_mut().for_each(|v| *v *= sign);
            at += size;
        }
        self.expand();
    }

    /// Takes coefficients ar, ma, sar, sma.
    pub(super) fn set_coefficients(&mut self, coefficients: &[f64]) {
        self.coefficients.copy_from_slice(coefficients);
        self.expand();
    }

    fn expand(&mut self) {
        let (p, q) = (self.orders.p, self.orders.q);
        let (ar, rest) = self.coefficients.split_at(p);
        let (ma, rest) = rest.split_at(q);
        let (sar, sma) = rest.split_at(self.orders.seasonal_p);
        multiply(ar, sar, self.orders.season, &mut self.ar);
        // The products of moving averages have plus signs throughout.
        let season = self.orders.season;
        self.ma.fill(0.0);
        self.ma[..q].copy_from_slice(ma);
        for (j, s) in sma.iter().enumerate() {
            let at = (j + 1) * season;
            self.ma[at - 1] += s;
            for (a, out) in ma.iter().zip(&mut self.ma[at..]) {
                *out += s * a;
            }
        }
    }

    /// The free parameters of coefficients. A part that is not stationary or invertible is drawn towards zero until it is,
    /// and no partial autocorrelation is over `most`.
    pub(super) fn free(orders: &Orders, coefficients: &[f64], most: f64) -> Vec<f64> {
        let mut free = Vec::with_capacity(coefficients.len());
        for mut own in Self::parts(orders, coefficients) {
            let mut partial = own.clone();
            for _ in 0..200 {
                if to_partial(&mut partial) {
                    break;
                }
                let mut power = 1.0;
                for v in &mut own {
                    power *= 0.95;
                    *v *= power;
                }
                partial.clone_from(&own);
            }
            free.extend(partial.iter().map(|r| {
                let r = if r.is_finite() { *r } else { 0.0 };
                r.clamp(-most, most).atanh()
            }));
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: &[f64], b: &[f64]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13)
    }

    #[test]
    fn partial_autocorrelations_go_there_and_back() {
        for partial in [
            vec![0.5],
            vec![0.9, -0.3],
            vec![0.9, -0.3, 0.2],
            vec![-0.8, 0.99, 0.1, -0.7, 0.3],
        ] {
            let mut a = vec![0.0; partial.len()];
            from_partial(&partial, &mut a);
            assert!(roots_beyond(&a, 1.0));
            assert!(to_partial(&mut a) && near(&a, &partial), "{a:?}");
        }
        // 1 - 1.2 B + 0.5 B^2: phi_1 = r_1 (1 - r_2)
        let mut a = [1.2, -0.5];
        assert!(to_partial(&mut a) && near(&a, &[0.8, -0.5]));
        assert!(!to_partial(&mut [1.0]));
        assert!(!to_partial(&mut [0.5, 0.6]));
        assert!(!to_partial(&mut [f64::NAN]));
        // a root at 1.25
        assert!(roots_beyond(&[0.8], 1.24) && !roots_beyond(&[0.8], 1.26));
    }

    #[test]
    fn polynomials_multiply() {
        let orders = Orders::new([1, 0, 2], [1, 0, 1], 4);
        let mut polynomials = Polynomials::new(&orders);
        let coefficients = [0.5, 0.4, 0.1, 0.3, -0.6];
        polynomials.set_coefficients(&coefficients);
        assert!(near(&polynomials.ar, &[0.5, 0.0, 0.0, 0.3, -0.15]));
        assert!(near(&polynomials.ma, &[0.4, 0.1, 0.0, -0.6, -0.24, -0.06]));
        let free = Polynomials::free(&orders, &coefficients, 0.999);
        polynomials.set_free(&free);
        assert!(near(&polynomials.coefficients, &coefficients));
        // What is outside is drawn in.
        let free = Polynomials::free(&orders, &[1.5, 3.0, 1.0, f64::NAN, -0.6], 0.99);
        assert!(free.iter().all(|x| x.tanh().abs() < 0.9901), "{free:?}");
    }
}
