"""Makes customer_features.csv: what pandas (benches/pandas_features.py) says of a few customers, rounded as documented.

    python tests/golden/customer_features.py online_retail_II.csv > tests/golden/customer_features.csv
"""

import pathlib
import sys

import pandas as pd

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "benches"))
import pandas_features  # noqa: E402

CUSTOMERS = [
    "12346",  # a bulk order that was cancelled
    "12347",
    "12357",  # one order
    "12370",  # two countries
    "12384",  # returns after 2011-09-10 alone
    "12431",  # two countries
    "12748",  # very many orders, invoices with two times
    "13199",  # bought on the one Saturday; two newest orders of one minute
    "14646",
    "15098",  # two orders on the only day, and returns of them
    "15749",  # two days with orders
    "16029",
    "18102",
    "18287",
]
COLUMNS = """customer_id recency_days frequency monetary monetary_net tenure_days average_order_value mean_gap_days
recency_over_gap orders_30 orders_90 orders_180 orders_365 spend_30 spend_90 spend_180 spend_365 spend_trend units
distinct_products returns_amount returns_share country last_order_value std_order_value last_order_over_average
last_3_orders_over_average orders_trend relative_spend_trend spend_90_share std_gap_days max_gap_days last_gap_days
recency_over_max_gap recency_over_tenure lines units_per_order products_per_order average_unit_price variety return_invoices
returns_180 weekend_share mean_hour std_hour active_months active_months_share top_product_share""".split()
SIX = [c for c in COLUMNS if c.endswith(("share", "tenure"))] + ["relative_spend_trend", "variety"]

lines = pandas_features.read(sys.argv[1])
tables = []
for as_of in ("2011-06-12", "2011-09-10"):
    table = pandas_features.features(lines, pd.Timestamp(as_of)).reset_index()
    table = table[table["customer_id"].isin(CUSTOMERS)][COLUMNS]
    table.insert(0, "as_of", as_of)
    tables.append(table)
# Money has up to 3 decimals, all others 4; adding 0 makes -0 a zero.
whole = pd.concat(tables).round({c: 6 if c in SIX else 4 for c in COLUMNS[1:]})
numbers = whole.select_dtypes("number").columns
whole[numbers] = whole[numbers] + 0
whole.to_csv(sys.stdout, index=False, float_format="%.10g")
