# shellcheck shell=bash
# Baskets from SQL, the reading of the sales included, beside mlxtend alone. Sourced by run.sh.

BASKETS_QUERY="SELECT f.invoice_no, f.product_key FROM retailscope.fact_sales AS f JOIN retailscope.dim_product AS p USING (product_key)
               WHERE f.line_kind = 'sale' AND p.is_merchandise"

frequent_itemsets() { server_psql bench -At -c "SELECT count(*) FROM rs_frequent_itemsets(\$\$$BASKETS_QUERY\$\$, 0.01)"; }
mine_rules() { server_psql bench -At -c "SELECT rules FROM rs_mine_rules()"; }
mine_unvalidated() { server_psql bench -At -c "SELECT rules FROM rs_mine_rules(options => '{\"validation_days\": 0}')"; }

# one_statement NAME SQL: the mean and the 99th percentile of one statement in a warm session, in milliseconds.
one_statement() {
    printf '%s;\n' "$2" | as_server tee "$SERVER_DIR/one.sql" > /dev/null
    statement_times warm -M prepared -T 3
    printf '%-62s %9.2f %9.2f\n' "$1" "$(mean warm)" "$(percentile_99 warm)"
    aim "$1, warm, mean ms" "$(printf '%.2f' "$(mean warm)")" "<=" "$3"
}

measure_rules() {
    local item other mlxtend=""
    for _ in $(seq "$RUNS"); do
        timed frequent_itemsets frequent_itemsets
        timed mine_rules mine_rules
        timed mine_unvalidated mine_unvalidated
    done
    if [ -f "$RESULTS/mlxtend" ]; then mlxtend="$(printf '%.2f' "$(cat "$RESULTS/mlxtend")")"; fi
    printf '\n%-62s %9s\n' "baskets from SQL, support 1 %, threads by default" "seconds"
    printf '%-62s %9s\n' "rs_frequent_itemsets, reading included" "$(median frequent_itemsets)" \
        "rs_mine_rules: rules, evidence, validation, storing" "$(median mine_rules)" \
        "rs_mine_rules without validation" "$(median mine_unvalidated)" \
        "mlxtend alone, baskets in memory, itemsets" "${mlxtend:--}"
    if [ -n "$mlxtend" ]; then
        aim "rs_frequent_itemsets, times faster than mlxtend alone" "$(ratio "$mlxtend" "$(median frequent_itemsets)")" ">=" 10
    fi
    item="$(value "SELECT antecedent[1] FROM rs_rules(n => 1)")"
    other="$(value "SELECT consequent[1] FROM rs_rules(n => 1)")"
    printf '\n%-62s %9s %9s\n' "one call, ms" "warm" "99 % below"
    one_statement "rs_rules of an item" "SELECT * FROM rs_rules('$item')" 1
    one_statement "rs_recommend for two items" "SELECT * FROM rs_recommend(ARRAY['$item', '$other'])" 1
}
