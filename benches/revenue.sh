# shellcheck shell=bash
# The shop's revenue from SQL: training, and a forecast from the stored model. Sourced by run.sh.

train_revenue() { server_psql bench -At -c "SELECT model, mase, coverage FROM rs_train_forecast()"; }

measure_forecasts() {
    timed train_revenue train_revenue
    printf '\n%-62s %9s\n' "revenue from SQL, threads by default" "seconds"
    printf '%-62s %9s\n' "rs_train_forecast: choice, holdout, intervals, storing" "$(median train_revenue)"
    printf '%-62s %s\n' "model, MASE and coverage on the holdout" "$(cat "$RESULTS/train_revenue.out")"
    printf '\n%-62s %9s %9s\n' "one call, ms" "warm" "99 % below"
    one_statement "rs_forecast_revenue(30) from a stored model" "SELECT * FROM rs_forecast_revenue(30)" 5
}
