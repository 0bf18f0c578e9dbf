//! Which models may be fitted.

use serde::{Deserialize, Serialize};

use crate::params::{ParamError, wrong};

/// The highest order of an autoregressive or moving average part.
pub const MOST_ORDER: usize = 10;
/// The highest order of a seasonal part.
pub const MOST_SEASONAL_ORDER: usize = 3;
/// The most differences of one kind.
pub const MOST_DIFFERENCES: usize = 2;
/// The longest lag that a model may have: its work per value grows with it.
pub const MOST_LAG: usize = 400;

/// The orders of one model and its season.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Orders {
    /// Autoregressive coefficients.
    pub p: usize,
    /// Differences.
    pub d: usize,
    /// Moving average coefficients.
    pub q: usize,
    /// Seasonal autoregressive coefficients.
    pub seasonal_p: usize,
    /// Seasonal differences.
    pub seasonal_d: usize,
    /// Seasonal moving average coefficients.
    pub seasonal_q: usize,
    /// Steps of the season; 1 when there is none.
    pub season: usize,
}

impl Orders {
    /// Orders as they are written, `[p, d, q]` and `[P, D, Q]`.
    pub(super) fn new(order: [usize; 3], seasonal_order: [usize; 3], season: usize) -> Orders {
        let [p, d, q] = order;
        let [seasonal_p, seasonal_d, seasonal_q] = seasonal_order;
        Orders {
            p,
            d,
            q,
            seasonal_p,
            seasonal_d,
            seasonal_q,
            season: season.max(1),
        }
    }

    pub(super) fn order(&self) -> [usize; 3] {
        [self.p, self.d, self.q]
    }

    pub(super) fn seasonal_order(&self) -> [usize; 3] {
        [self.seasonal_p, self.seasonal_d, self.seasonal_q]
    }

    /// Coefficients of the polynomials.
    pub(super) fn coefficients(&self) -> usize {
        self.p + self.q + self.seasonal_p + self.seasonal_q
    }

    /// The longest autoregressive lag.
    pub(super) fn ar_lag(&self) -> usize {
        self.p + self.season * self.seasonal_p
    }

    /// The longest moving average lag.
    pub(super) fn ma_lag(&self) -> usize {
        self.q + self.season * self.seasonal_q
    }

    /// Values that the differences use up.
    pub(super) fn lost(&self) -> usize {
        self.d + self.season * self.seasonal_d
    }

    /// Differences of both kinds.
    pub(super) fn differences(&self) -> usize {
        self.d + self.seasonal_d
    }

    /// Width of the state of the differenced series.
    pub(super) fn width(&self) -> usize {
        self.ar_lag().max(self.ma_lag() + 1)
    }

    /// What is out of bounds. Nothing here may overflow: a season can be any number.
    pub(super) fn check(&self) -> Result<(), ParamError> {
        if self.p > MOST_ORDER || self.q > MOST_ORDER || self.d > MOST_DIFFERENCES {
            return Err(wrong(
                "order",
                format!("must be at most [{MOST_ORDER}, {MOST_DIFFERENCES}, {MOST_ORDER}]"),
            ));
        }
        let most = self.seasonal_order().into_iter().max().unwrap_or_default();
        if self.seasonal_p.max(self.seasonal_q) > MOST_SEASONAL_ORDER
            || self.seasonal_d > MOST_DIFFERENCES
        {
            return Err(wrong(
                "seasonal_order",
                format!(
                    "must be at most [{MOST_SEASONAL_ORDER}, {MOST_DIFFERENCES}, {MOST_SEASONAL_ORDER}]"
                ),
            ));
        }
        if most > 0 && (self.season > MOST_LAG || self.lags() > MOST_LAG) {
            return Err(wrong(
                "seasonal_order",
                format!(
                    "looks back further than {MOST_LAG} steps at a season of {}",
                    self.season
                ),
            ));
        }
        Ok(())
    }

    /// Refuses a seasonal part where the series has no season.
    pub(super) fn check_season(&self) -> Result<(), ParamError> {
        if self.season < 2 && self.seasonal_order() != [0; 3] {
            return Err(wrong(
                "seasonal_order",
                "needs a series with a season of at least 2 steps",
            ));
        }
        Ok(())
    }

    fn lags(&self) -> usize {
        self.ar_lag().max(self.ma_lag()).max(self.lost())
    }
}

/// What a SARIMA model is to be. What is `None` is found from the series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SarimaParams {
    /// `[p, d, q]`. When it is given without `seasonal_order`, the model has no seasonal part.
    pub order: Option<[usize; 3]>,
    /// `[P, D, Q]`, in steps of the season.
    pub seasonal_order: Option<[usize; 3]>,
    /// Whether a model with one difference has a drift. `None`: with given orders it has none, otherwise where it helps. A
    /// model without differences that is to have one gets a linear trend.
    pub drift: Option<bool>,
    /// Whether a model without differences has a mean. `None`: with given orders it has one, otherwise where it helps.
    pub mean: Option<bool>,
    /// Bound of the search for p.
    pub max_p: usize,
    /// Bound of the search for q.
    pub max_q: usize,
    /// Bound of the search for P.
    pub max_seasonal_p: usize,
    /// Bound of the search for Q.
    pub max_seasonal_q: usize,
    /// Bound of the search for d.
    pub max_d: usize,
    /// Bound of the search for D.
    pub max_seasonal_d: usize,
}

impl Default for SarimaParams {
    fn default() -> SarimaParams {
        SarimaParams {
            order: None,
            seasonal_order: None,
            drift: None,
            mean: None,
            max_p: 5,
            max_q: 5,
            max_seasonal_p: 2,
            max_seasonal_q: 2,
            max_d: 2,
            max_seasonal_d: 1,
        }
    }
}

impl SarimaParams {
    /// Parameters with given orders.
    #[must_use]
    pub fn of(order: [usize; 3], seasonal_order: [usize; 3]) -> SarimaParams {
        SarimaParams {
            order: Some(order),
            seasonal_order: Some(seasonal_order),
            ..SarimaParams::default()
        }
    }

    /// Verifies the parameters for series with a season of `season` steps; 0 or 1 where that is not known yet or there is
    /// none, which [`fit`](super::fit) looks at again.
    ///
    /// # Errors
    /// What is out of its range, or contradicts something else.
    pub fn check(&self, season: usize) -> Result<(), ParamError> {
        let order = self.order.unwrap_or_default();
        let seasonal_order = self.seasonal_order.unwrap_or_default();
        let orders = Orders::new(order, seasonal_order, season);
        orders.check()?;
        for (key, value, most) in [
            ("max_p", self.max_p, MOST_ORDER),
            ("max_q", self.max_q, MOST_ORDER),
            ("max_P", self.max_seasonal_p, MOST_SEASONAL_ORDER),
            ("max_Q", self.max_seasonal_q, MOST_SEASONAL_ORDER),
            ("max_d", self.max_d, MOST_DIFFERENCES),
            ("max_D", self.max_seasonal_d, MOST_DIFFERENCES),
        ] {
            if value > most {
                return Err(wrong(key, format!("must be from 0 to {most}, not {value}")));
            }
        }
        if self.order.is_some() {
            if self.drift == Some(true) && orders.differences() > 1 {
                return Err(wrong(
                    "drift",
                    "must not be true with two differences: they leave nothing of it",
                ));
            }
            if self.mean == Some(true) && orders.differences() > 0 {
                return Err(wrong(
                    "mean",
                    "must not be true with a difference: it leaves nothing of it",
                ));
            }
        }
        Ok(())
    }

    /// The orders that are given in full.
    pub(super) fn given(&self, season: usize) -> Option<Orders> {
        let order = self.order?;
        Some(Orders::new(
            order,
            self.seasonal_order.unwrap_or_default(),
            season,
        ))
    }
}
