"""What people do today: the columns of rs_customer_features with pandas, from a DataFrame that is already in memory.

    python pandas_features.py FILE.csv AS_OF [OUTPUT.csv]

Written as a careful analyst would: one pass per level (lines, invoices, days, products), codes instead of strings, no
apply. Money is floating point, and nothing is checked, so that the comparison errs in its favour. Only the features are
timed, not the reading. OUTPUT.csv, if given, takes them unrounded.
"""

import sys
import time

import numpy as np
import pandas as pd

MERCHANDISE = r"\d{5}[A-Z]*"
DAY = pd.Timedelta(days=1)


def read(path):
    lines = pd.read_csv(
        path,
        dtype={
            "Invoice": "category",
            "StockCode": "string",
            "Quantity": "float64",
            "Price": "float64",
            "Customer ID": "string",
            "Country": "category",
        },
        parse_dates=["InvoiceDate"],
    ).drop_duplicates()
    lines = lines.drop(columns="Description").set_axis(
        ["invoice_no", "product", "quantity", "sold_at", "unit_price", "customer_id", "country"], axis=1
    )
    lines = lines[lines["customer_id"].notna()].reset_index(drop=True)
    lines["customer_id"] = lines["customer_id"].str.removesuffix(".0").astype("category")
    lines["product"] = lines["product"].str.strip().str.upper().astype("category")
    lines["date"] = lines["sold_at"].dt.normalize()
    lines["amount"] = lines["quantity"] * lines["unit_price"]
    codes = lines["product"].cat.categories
    goods = lines["product"].isin(codes[codes.str.fullmatch(MERCHANDISE)]) & (lines["unit_price"] > 0)
    adjustment = lines["invoice_no"].str.startswith("A")
    returned = (lines["quantity"] < 0) | lines["invoice_no"].str.startswith("C")
    lines["is_sale"] = goods & ~returned & ~adjustment
    lines["is_return"] = goods & returned & ~adjustment
    return lines


def by_customer(frame):
    return frame.groupby("customer_id", observed=True)


def order_columns(sales, as_of):
    orders = sales.groupby(["customer_id", "invoice_no"], observed=True).agg(
        sold_at=("sold_at", "max"), value=("amount", "sum")
    )
    orders = orders.reset_index().sort_values(["sold_at", "invoice_no"], ascending=False, kind="stable")
    orders["nth"] = by_customer(orders).cumcount()
    orders["age"] = (as_of - orders["sold_at"].dt.normalize()).dt.days
    orders["hour"] = (orders["sold_at"] - orders["sold_at"].dt.normalize()).dt.total_seconds() / 3600
    orders["weekend"] = orders["sold_at"].dt.day_of_week >= 5
    columns = by_customer(orders).agg(
        frequency=("value", "size"), average_order_value=("value", "mean"), std_order_value=("value", "std"),
        weekend_share=("weekend", "mean"), mean_hour=("hour", "mean"), std_hour=("hour", "std"),
    )
    for days in (30, 90, 180, 365):
        columns[f"orders_{days}"] = by_customer(orders[orders["age"] <= days]).size()
    columns["last_order_value"] = orders[orders["nth"] == 0].set_index("customer_id")["value"]
    columns["last_3"] = by_customer(orders[orders["nth"] < 3])["value"].mean()
    return columns


def day_columns(sales, as_of):
    days = sales[["customer_id", "date"]].drop_duplicates().sort_values("date", kind="stable")
    days["gap"] = by_customer(days)["date"].diff() / DAY
    days["month"] = days["date"].dt.year * 12 + days["date"].dt.month
    columns = by_customer(days).agg(
        first=("date", "min"), last=("date", "max"), active_months=("month", "nunique"), first_month=("month", "min"),
        mean_gap_days=("gap", "mean"), std_gap_days=("gap", "std"), max_gap_days=("gap", "max"),
    )
    columns["last_gap_days"] = days.drop_duplicates("customer_id", keep="last").set_index("customer_id")["gap"]
    columns["recency_days"] = (as_of - columns.pop("last")) / DAY
    columns["tenure_days"] = (as_of - columns.pop("first")) / DAY
    yesterday = as_of - DAY
    columns["active_months_share"] = columns["active_months"] / (
        yesterday.year * 12 + yesterday.month - columns.pop("first_month") + 1
    )
    return columns


def money_columns(sales, returns, as_of):
    columns = by_customer(sales).agg(monetary=("amount", "sum"), units=("quantity", "sum"), lines=("amount", "size"))
    for days in (30, 90, 180, 365):
        columns[f"spend_{days}"] = by_customer(sales[sales["date"] >= as_of - days * DAY])["amount"].sum()
    columns["returns_amount"] = -by_customer(returns)["amount"].sum()
    columns["returns_180"] = -by_customer(returns[returns["date"] >= as_of - 180 * DAY])["amount"].sum()
    columns["return_invoices"] = by_customer(returns)["invoice_no"].nunique()
    products = sales.groupby(["customer_id", "product"], observed=True)["amount"].sum().groupby("customer_id", observed=True)
    columns["distinct_products"] = products.size()
    columns["top_product_share"] = products.max() / columns["monetary"]
    return columns


def features(lines, as_of):
    lines = lines[lines["date"] < as_of]
    sales = lines[lines["is_sale"]]
    f = order_columns(sales, as_of)
    f = f.join(day_columns(sales, as_of)).join(money_columns(sales, lines[lines["is_return"]], as_of))
    counts = [c for c in f if c.startswith(("orders_", "spend_", "return"))]
    f[counts] = f[counts].fillna(0)
    f["monetary_net"] = f["monetary"] - f["returns_amount"]
    f["last_order_over_average"] = f["last_order_value"] / f["average_order_value"]
    f["last_3_orders_over_average"] = f.pop("last_3") / f["average_order_value"]
    f["orders_trend"] = 2 * f["orders_90"] - f["orders_180"]
    f["spend_trend"] = 2 * f["spend_90"] - f["spend_180"]
    f["relative_spend_trend"] = f["spend_trend"] / f["spend_180"].replace(0, np.nan)
    f["spend_90_share"] = f["spend_90"] / f["monetary"]
    f["recency_over_gap"] = f["recency_days"] / f["mean_gap_days"]
    f["recency_over_max_gap"] = f["recency_days"] / f["max_gap_days"]
    f["recency_over_tenure"] = f["recency_days"] / f["tenure_days"]
    f["units_per_order"] = f["units"] / f["frequency"]
    f["products_per_order"] = f["distinct_products"] / f["frequency"]
    f["average_unit_price"] = f["monetary"] / f["units"]
    f["variety"] = f["distinct_products"] / f["lines"]
    f["returns_share"] = f["returns_amount"] / f["monetary"]
    seen = lines[["customer_id", "sold_at", "country"]].sort_values(["sold_at", "country"], ascending=[False, True])
    f["country"] = seen.drop_duplicates("customer_id").set_index("customer_id")["country"]
    return f.sort_index()


def main(path, as_of, output=None):
    lines = read(path)
    started = time.perf_counter()
    table = features(lines, pd.Timestamp(as_of))
    print(f"features: {time.perf_counter() - started:.2f} s, {len(table)} customers, {len(table.columns) + 1} columns")
    if output:
        table.to_csv(output)


if __name__ == "__main__":
    main(*sys.argv[1:4])
