//! The methods, by name.

use serde::{Deserialize, Serialize};

use super::ForecastError;

/// How a series is forecast. In the order of their complexity: of methods that are as good as each other the first is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Method {
    /// The last value.
    Naive,
    /// The value of the last season.
    SeasonalNaive,
    /// The mean of all values.
    Mean,
    /// The last value, and the mean change since the first.
    Drift,
    /// The mean of the last values of the same weekday, or phase of the season.
    WeekdayMean,
    /// The level of the last weeks, moved as the year before moved.
    YearOverYear,
    /// Croston's method for demand with many zeros.
    Croston,
    /// Croston's method with the correction of Syntetos and Boylan.
    Sba,
    /// The method of Teunter, Syntetos and Babai.
    Tsb,
    /// The theta method.
    Theta,
    /// Exponential smoothing.
    Ets,
    /// Seasons by loess, the rest by exponential smoothing.
    Mstl,
    /// Seasonal ARIMA, with regressors where there are any.
    Sarima,
    /// Boosted trees on lags, rolling statistics and the calendar.
    Xgboost,
    /// The median of several methods.
    Ensemble,
    /// The method that has forecast the past best.
    Auto,
}

impl Method {
    /// All methods.
    pub const ALL: [Method; 16] = [
        Method::Naive,
        Method::SeasonalNaive,
        Method::Mean,
        Method::Drift,
        Method::WeekdayMean,
        Method::YearOverYear,
        Method::Croston,
        Method::Sba,
        Method::Tsb,
        Method::Theta,
        Method::Ets,
        Method::Mstl,
        Method::Sarima,
        Method::Xgboost,
        Method::Ensemble,
        Method::Auto,
    ];

    /// The name in SQL.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Method::Naive => "naive",
            Method::SeasonalNaive => "seasonal_naive",
            Method::Mean => "mean",
            Method::Drift => "drift",
            Method::WeekdayMean => "weekday_mean",
            Method::YearOverYear => "year_over_year",
            Method::Croston => "croston",
            Method::Sba => "sba",
            Method::Tsb => "tsb",
            Method::Theta => "theta",
            Method::Ets => "ets",
            Method::Mstl => "mstl",
            Method::Sarima => "sarima",
            Method::Xgboost => "xgboost",
            Method::Ensemble => "ensemble",
            Method::Auto => "auto",
        }
    }

    /// The method of a name; `sarimax` is `sarima`.
    ///
    /// # Errors
    /// [`ForecastError::Unknown`].
    pub fn parse(name: &str) -> Result<Method, ForecastError> {
        let name = if name == "sarimax" { "sarima" } else { name };
        let known = Method::ALL.map(Method::name);
        Method::ALL
            .into_iter()
            .find(|m| m.name() == name)
            .ok_or_else(|| ForecastError::unknown("model", name, &known))
    }

    /// True for one that is made of others.
    #[must_use]
    pub fn is_choice(self) -> bool {
        matches!(self, Method::Ensemble | Method::Auto)
    }
}
