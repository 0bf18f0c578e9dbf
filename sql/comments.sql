-- What \d+ says. Run by rs_create_warehouse() after the tables; only relations, a statement a line.
COMMENT ON TABLE retailscope.warehouse_state IS 'One row, locked by whoever writes to the warehouse: ingests and refreshes take turns.';
COMMENT ON COLUMN retailscope.warehouse_state.one IS 'Always true: there is one row.';
COMMENT ON COLUMN retailscope.warehouse_state.last_batch_id IS 'The newest batch.';
COMMENT ON COLUMN retailscope.warehouse_state.lake_id IS 'Names this warehouse in its lake''s folder, so that no other one writes there';

COMMENT ON TABLE retailscope.etl_batch IS 'One row per ingestion. Always: rows_read = rows_loaded + rows_duplicate + rows_rejected.';
COMMENT ON COLUMN retailscope.etl_batch.batch_id IS 'Number of the batch, ascending.';
COMMENT ON COLUMN retailscope.etl_batch.source IS 'The file or relation it was read from.';
COMMENT ON COLUMN retailscope.etl_batch.content_hash IS 'Hash of the source as it was read.';
COMMENT ON COLUMN retailscope.etl_batch.started_at IS 'When the ingestion began.';
COMMENT ON COLUMN retailscope.etl_batch.finished_at IS 'When it ended.';
COMMENT ON COLUMN retailscope.etl_batch.status IS 'running or loaded. A failed ingestion leaves no row.';
COMMENT ON COLUMN retailscope.etl_batch.rows_read IS 'Lines in the source, without its header.';
COMMENT ON COLUMN retailscope.etl_batch.rows_loaded IS 'Lines that became facts.';
COMMENT ON COLUMN retailscope.etl_batch.rows_duplicate IS 'Lines that were there already, in this source or an earlier one.';
COMMENT ON COLUMN retailscope.etl_batch.rows_rejected IS 'Lines that could not be read: see etl_reject.';
COMMENT ON COLUMN retailscope.etl_batch.amount_read IS 'Money of all lines that could be read.';
COMMENT ON COLUMN retailscope.etl_batch.amount_loaded IS 'Money of the lines loaded.';
COMMENT ON COLUMN retailscope.etl_batch.amount_duplicate IS 'Money of the duplicates.';
COMMENT ON COLUMN retailscope.etl_batch.gross_revenue IS 'Merchandise sales among the lines loaded.';
COMMENT ON COLUMN retailscope.etl_batch.net_revenue IS 'The same less returns of merchandise.';
COMMENT ON COLUMN retailscope.etl_batch.first_date IS 'First day among its lines.';
COMMENT ON COLUMN retailscope.etl_batch.last_date IS 'Last day among its lines.';
COMMENT ON COLUMN retailscope.etl_batch.mapping IS 'How columns of the source were named onto fields.';
COMMENT ON COLUMN retailscope.etl_batch.options IS 'The options of the call.';
COMMENT ON COLUMN retailscope.etl_batch.lake_files IS 'Number of Parquet files written for it.';
COMMENT ON COLUMN retailscope.etl_batch.loaded_by IS 'The role that called.';

COMMENT ON TABLE retailscope.etl_reject IS 'Every refused line, as it came, with the reason.';
COMMENT ON COLUMN retailscope.etl_reject.batch_id IS 'The ingestion that refused it.';
COMMENT ON COLUMN retailscope.etl_reject.line_no IS 'Line of the file at which it starts (1 is the header); of a relation or Parquet file the row.';
COMMENT ON COLUMN retailscope.etl_reject.reason IS 'What is wrong with it.';
COMMENT ON COLUMN retailscope.etl_reject.raw IS 'The line, at most a megabyte of it; bytes that are no text stand as \xHH.';

COMMENT ON TABLE retailscope.dim_date IS 'A day, for whole calendar years around the facts.';
COMMENT ON COLUMN retailscope.dim_date.date IS 'The day.';
COMMENT ON COLUMN retailscope.dim_date.year IS 'Calendar year.';
COMMENT ON COLUMN retailscope.dim_date.quarter IS 'Quarter, 1 to 4.';
COMMENT ON COLUMN retailscope.dim_date.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN retailscope.dim_date.week IS 'ISO week, 1 to 53; around New Year it may belong to the other year.';
COMMENT ON COLUMN retailscope.dim_date.day_of_month IS 'Day, 1 to 31.';
COMMENT ON COLUMN retailscope.dim_date.day_of_week IS 'ISO day of the week, 1 Monday to 7 Sunday.';
COMMENT ON COLUMN retailscope.dim_date.is_weekend IS 'Saturday or Sunday.';
COMMENT ON COLUMN retailscope.dim_date.is_trading_day IS 'There was a merchandise sale. Set by an ingest and corrected by rs_refresh_marts().';

COMMENT ON TABLE retailscope.dim_customer IS 'A customer. Key 0 is the unknown customer, for lines without one.';
COMMENT ON COLUMN retailscope.dim_customer.customer_key IS 'Key in the facts.';
COMMENT ON COLUMN retailscope.dim_customer.customer_id IS 'The number of the customer in the source, as text.';
COMMENT ON COLUMN retailscope.dim_customer.country IS 'Country of the newest line.';
COMMENT ON COLUMN retailscope.dim_customer.first_sale_date IS 'Day of the first merchandise sale; NULL without one.';
COMMENT ON COLUMN retailscope.dim_customer.last_sale_date IS 'Day of the last merchandise sale; NULL without one.';
COMMENT ON COLUMN retailscope.dim_customer.last_seen_at IS 'Time of the newest line, of any kind.';

COMMENT ON TABLE retailscope.dim_product IS 'A stock code.';
COMMENT ON COLUMN retailscope.dim_product.product_key IS 'Key in the facts.';
COMMENT ON COLUMN retailscope.dim_product.stock_code IS 'The code, trimmed and in upper case.';
COMMENT ON COLUMN retailscope.dim_product.description IS 'The most frequent description on sales, else on other lines.';
COMMENT ON COLUMN retailscope.dim_product.is_merchandise IS 'False for postage, fees, vouchers, tests and adjustments. After a change: rs_refresh_marts(incremental => false).';

COMMENT ON TABLE retailscope.product_description IS 'How often each description stands with each stock code.';
COMMENT ON COLUMN retailscope.product_description.product_key IS 'The product.';
COMMENT ON COLUMN retailscope.product_description.description IS 'The description, trimmed.';
COMMENT ON COLUMN retailscope.product_description.sale_lines IS 'Lines of sales with it.';
COMMENT ON COLUMN retailscope.product_description.other_lines IS 'Other lines with it: returns, stock notes.';
COMMENT ON COLUMN retailscope.product_description.description_hash IS '128-bit XXH3 of the description.';

COMMENT ON TABLE retailscope.fact_sales IS 'A distinct invoice line. Merchandise sales are line_kind = ''sale'' of products with is_merchandise.';
COMMENT ON COLUMN retailscope.fact_sales.sale_id IS 'Key of the line.';
COMMENT ON COLUMN retailscope.fact_sales.date IS 'Day of sold_at.';
COMMENT ON COLUMN retailscope.fact_sales.sold_at IS 'Time of the line on the clock of the shop.';
COMMENT ON COLUMN retailscope.fact_sales.customer_key IS 'The customer; 0 is unknown.';
COMMENT ON COLUMN retailscope.fact_sales.product_key IS 'The product.';
COMMENT ON COLUMN retailscope.fact_sales.invoice_no IS 'The invoice, trimmed and in upper case.';
COMMENT ON COLUMN retailscope.fact_sales.quantity IS 'Units; negative for returns and write-offs.';
COMMENT ON COLUMN retailscope.fact_sales.unit_price IS 'Price of a unit.';
COMMENT ON COLUMN retailscope.fact_sales.amount IS 'quantity * unit_price, exactly.';
COMMENT ON COLUMN retailscope.fact_sales.line_kind IS 'sale, return, fee, adjustment or free (no price or no quantity).';
COMMENT ON COLUMN retailscope.fact_sales.batch_id IS 'The ingestion it came with.';
COMMENT ON COLUMN retailscope.fact_sales.country IS 'Country on the line.';
COMMENT ON COLUMN retailscope.fact_sales.line_hash IS 'Identity: hash of all source columns. A line with a hash that is there already is a duplicate.';

COMMENT ON TABLE retailscope.lake_file IS 'A Parquet file of the lake, committed with the batch whose lines it holds.';
COMMENT ON COLUMN retailscope.lake_file.path IS 'Path below the lake folder.';
COMMENT ON COLUMN retailscope.lake_file.batch_id IS 'The batch.';
COMMENT ON COLUMN retailscope.lake_file.year IS 'Year of its lines: the partition.';
COMMENT ON COLUMN retailscope.lake_file.month IS 'Month of its lines: the partition.';
COMMENT ON COLUMN retailscope.lake_file.rows IS 'Lines in it.';
COMMENT ON COLUMN retailscope.lake_file.amount IS 'Money of its lines.';
COMMENT ON COLUMN retailscope.lake_file.bytes IS 'Size of the file in bytes.';
COMMENT ON COLUMN retailscope.lake_file.crc32c IS 'Checksum of the file.';

COMMENT ON TABLE retailscope.mart_state IS 'What each mart knows. Written by rs_refresh_marts().';
COMMENT ON COLUMN retailscope.mart_state.mart IS 'Name of the mart.';
COMMENT ON COLUMN retailscope.mart_state.as_of IS 'The mart knows the facts before this day; NULL when there are no facts.';
COMMENT ON COLUMN retailscope.mart_state.last_batch_id IS 'The newest batch it knows.';
COMMENT ON COLUMN retailscope.mart_state.refreshed_at IS 'When it was last refreshed.';
COMMENT ON COLUMN retailscope.mart_state.rows IS 'Its rows after that.';
COMMENT ON COLUMN retailscope.mart_state.batches IS 'Batches that it knows.';
COMMENT ON COLUMN retailscope.mart_state.batch_rows IS 'Lines that those loaded.';

COMMENT ON TABLE retailscope.mart_customer_rfm IS 'Recency, frequency and money of every known customer with a merchandise sale. Made by rs_refresh_marts().';
COMMENT ON COLUMN retailscope.mart_customer_rfm.customer_id IS 'The customer.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.as_of IS 'Only facts before this day count.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.recency_days IS 'Days from the last merchandise sale to as_of.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.frequency IS 'Invoices with a merchandise sale.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.monetary IS 'Gross merchandise sales.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.monetary_net IS 'The same less returns of merchandise.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.r_score IS 'Fifth by recency, 5 the most recent; equal values have the lowest fifth among them.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.f_score IS 'Fifth by frequency, 5 the most frequent.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.m_score IS 'Fifth by monetary, 5 the highest.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.rfm_segment IS 'Name of r_score and f_score by rfm_segment_map.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.customer_key IS 'Key of the customer in the facts.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.country IS 'Country of the customer.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.first_sale_date IS 'Day of the first merchandise sale.';
COMMENT ON COLUMN retailscope.mart_customer_rfm.last_sale_date IS 'Day of the last merchandise sale before as_of.';

COMMENT ON TABLE retailscope.mart_daily_kpis IS 'Every calendar day from the first to the last fact, from merchandise lines. Made by rs_refresh_marts().';
COMMENT ON COLUMN retailscope.mart_daily_kpis.date IS 'The day.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.is_trading_day IS 'There was a merchandise sale.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.gross_revenue IS 'Merchandise sales.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.returns_amount IS 'Returns of merchandise, as a positive number.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.net_revenue IS 'gross_revenue - returns_amount.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.orders IS 'Distinct invoices with a merchandise sale.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.units IS 'Units sold, returns not deducted.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.customers IS 'Distinct known customers with a merchandise sale.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.new_customers IS 'Known customers whose first merchandise sale is on this day.';
COMMENT ON COLUMN retailscope.mart_daily_kpis.average_order_value IS 'gross_revenue / orders, rounded to cents; NULL without orders.';

COMMENT ON TABLE retailscope.mart_customer_segments IS 'The segment of every known customer with a merchandise sale. Made by rs_refresh_segments() and rs_train_segments().';
COMMENT ON COLUMN retailscope.mart_customer_segments.customer_id IS 'The customer.';
COMMENT ON COLUMN retailscope.mart_customer_segments.as_of IS 'Only facts before this day count.';
COMMENT ON COLUMN retailscope.mart_customer_segments.segment_id IS 'Number of the segment; the nearest segment of a later model keeps it.';
COMMENT ON COLUMN retailscope.mart_customer_segments.segment IS 'Its name.';
COMMENT ON COLUMN retailscope.mart_customer_segments.distance IS 'Distance to the centre of the segment, in standard deviations of the prepared features; of a mixture Mahalanobis'' distance.';
COMMENT ON COLUMN retailscope.mart_customer_segments.model_id IS 'The model that assigned it.';
COMMENT ON COLUMN retailscope.mart_customer_segments.previous_as_of IS 'The day before that the mart knew; NULL for customers who were not known then, and before the mart has seen two days.';
COMMENT ON COLUMN retailscope.mart_customer_segments.previous_segment_id IS 'The segment on that day.';
COMMENT ON COLUMN retailscope.mart_customer_segments.previous_segment IS 'Its name on that day.';

COMMENT ON TABLE retailscope.mart_association_rules IS 'The rules of what is bought together that serve. Made by rs_mine_rules(), and again whenever another model comes to serve.';
COMMENT ON COLUMN retailscope.mart_association_rules.rank IS 'Place of the rule, 1 the best, by the measure that the model ranks by.';
COMMENT ON COLUMN retailscope.mart_association_rules.antecedent IS 'Stock codes of the items that the rule starts from, ascending.';
COMMENT ON COLUMN retailscope.mart_association_rules.consequent IS 'Stock codes of the items that it advises.';
COMMENT ON COLUMN retailscope.mart_association_rules.items IS 'All of them: what rs_rules(item) looks for.';
COMMENT ON COLUMN retailscope.mart_association_rules.antecedent_descriptions IS 'What the antecedent''s items are called.';
COMMENT ON COLUMN retailscope.mart_association_rules.consequent_descriptions IS 'What the consequent''s items are called.';
COMMENT ON COLUMN retailscope.mart_association_rules.support IS 'Share of the baskets that hold all items.';
COMMENT ON COLUMN retailscope.mart_association_rules.confidence IS 'Share of the antecedent''s baskets that hold the consequent too.';
COMMENT ON COLUMN retailscope.mart_association_rules.lift IS 'Confidence over the share of all baskets that hold the consequent: 1 is chance.';
COMMENT ON COLUMN retailscope.mart_association_rules.leverage IS 'Support less what it would be by chance.';
COMMENT ON COLUMN retailscope.mart_association_rules.conviction IS 'How many times less often the rule fails than by chance; Infinity when it never fails.';
COMMENT ON COLUMN retailscope.mart_association_rules.zhang IS 'Zhang''s measure of association, -1 to 1; 0 is chance.';
COMMENT ON COLUMN retailscope.mart_association_rules.baskets IS 'Baskets that hold all items.';
COMMENT ON COLUMN retailscope.mart_association_rules.p_value IS 'Fisher''s exact test, one-sided: probability of so many baskets by chance.';
COMMENT ON COLUMN retailscope.mart_association_rules.q_value IS 'The same after Benjamini and Hochberg, over all rules that were tested.';
COMMENT ON COLUMN retailscope.mart_association_rules.confidence_low IS 'Lower end of Wilson''s interval of 95 % for the confidence.';
COMMENT ON COLUMN retailscope.mart_association_rules.confidence_high IS 'Its upper end.';
COMMENT ON COLUMN retailscope.mart_association_rules.antecedent_baskets IS 'Baskets that hold the antecedent.';
COMMENT ON COLUMN retailscope.mart_association_rules.consequent_baskets IS 'Baskets that hold the consequent.';
COMMENT ON COLUMN retailscope.mart_association_rules.jaccard IS 'Share of the baskets with either side that hold both.';
COMMENT ON COLUMN retailscope.mart_association_rules.cosine IS 'Support over the geometric mean of the supports of the sides.';
COMMENT ON COLUMN retailscope.mart_association_rules.kulczynski IS 'Mean of the confidences of the rule and its reverse.';
COMMENT ON COLUMN retailscope.mart_association_rules.improvement IS 'Confidence less the highest one of a simpler rule for the same consequent; NULL without one.';
COMMENT ON COLUMN retailscope.mart_association_rules.revenue IS 'What the rule''s items earned in the baskets that hold them all.';
COMMENT ON COLUMN retailscope.mart_association_rules.months IS 'Months in which the antecedent was bought.';
COMMENT ON COLUMN retailscope.mart_association_rules.months_held IS 'Of these the months in which the rule had the confidence that was asked for.';
COMMENT ON COLUMN retailscope.mart_association_rules.rest_baskets IS 'Of the baskets outside the country or segment that was mined those that hold all items; NULL when all were mined.';
COMMENT ON COLUMN retailscope.mart_association_rules.rest_confidence IS 'The rule''s confidence there; NULL too where nobody bought the antecedent.';
COMMENT ON COLUMN retailscope.mart_association_rules.model_id IS 'The model that found it.';

COMMENT ON TABLE retailscope.model IS 'A trained model. Its bytes are in model_chunk.';
COMMENT ON COLUMN retailscope.model.model_id IS 'Number of the model, ascending.';
COMMENT ON COLUMN retailscope.model.task IS 'What it is for: churn, segments, baskets, forecast:<series>.';
COMMENT ON COLUMN retailscope.model.algorithm IS 'How it was trained.';
COMMENT ON COLUMN retailscope.model.version IS 'Counts the models of its task.';
COMMENT ON COLUMN retailscope.model.status IS 'candidate, serving or retired. What serves is decided by model_deployment.';
COMMENT ON COLUMN retailscope.model.params IS 'All parameters of the training, defaults among them.';
COMMENT ON COLUMN retailscope.model.seed IS 'Seed of all random numbers: the same data, seed and version give the same bytes.';
COMMENT ON COLUMN retailscope.model.trained_at IS 'When.';
COMMENT ON COLUMN retailscope.model.trained_by IS 'The role that called.';
COMMENT ON COLUMN retailscope.model.as_of IS 'It knows nothing of this day and later ones.';
COMMENT ON COLUMN retailscope.model.training_rows IS 'Rows that it was trained on.';
COMMENT ON COLUMN retailscope.model.data_hash IS 'SHA-256 over hashes of their customers, features and labels.';
COMMENT ON COLUMN retailscope.model.format_version IS 'Format of its bytes.';
COMMENT ON COLUMN retailscope.model.extension_version IS 'The release that trained it.';
COMMENT ON COLUMN retailscope.model.bytes IS 'Length of its bytes.';
COMMENT ON COLUMN retailscope.model.crc32c IS 'Their checksum.';
COMMENT ON COLUMN retailscope.model.features IS 'What it reads.';
COMMENT ON COLUMN retailscope.model.seconds IS 'How long the training took.';
COMMENT ON COLUMN retailscope.model.verdict IS 'Why it was promoted, or why not.';

COMMENT ON TABLE retailscope.model_chunk IS 'The bytes of each model, in pieces.';
COMMENT ON COLUMN retailscope.model_chunk.model_id IS 'The model.';
COMMENT ON COLUMN retailscope.model_chunk.part IS 'Number of the piece, from 0.';
COMMENT ON COLUMN retailscope.model_chunk.data IS 'The piece, at most 64 MB.';

COMMENT ON TABLE retailscope.model_metric IS 'Metrics of each model.';
COMMENT ON COLUMN retailscope.model_metric.model_id IS 'The model.';
COMMENT ON COLUMN retailscope.model_metric.dataset IS 'train; validation: customers that were held out from a fit; holdout: later days that no choice has seen.';
COMMENT ON COLUMN retailscope.model_metric.metric IS 'Name of the metric.';
COMMENT ON COLUMN retailscope.model_metric.value IS 'Its value.';

COMMENT ON TABLE retailscope.model_importance IS 'How much each feature matters to a model.';
COMMENT ON COLUMN retailscope.model_importance.model_id IS 'The model.';
COMMENT ON COLUMN retailscope.model_importance.feature IS 'The feature.';
COMMENT ON COLUMN retailscope.model_importance.importance IS 'coefficient: of the prepared column, in standard deviations; gain: share of the trees'' gain; permutation: ROC AUC on the holdout that is lost when the values are dealt out anew.';
COMMENT ON COLUMN retailscope.model_importance.method IS 'coefficient, gain or permutation.';

COMMENT ON TABLE retailscope.model_curve IS 'Curves of each model, point by point.';
COMMENT ON COLUMN retailscope.model_curve.model_id IS 'The model.';
COMMENT ON COLUMN retailscope.model_curve.curve IS 'roc, pr, calibration, gain, money_gain, lift, money_lift; silhouette, inertia, bic over the number of segments.';
COMMENT ON COLUMN retailscope.model_curve.x IS 'The x axis.';
COMMENT ON COLUMN retailscope.model_curve.y IS 'The y axis.';
COMMENT ON COLUMN retailscope.model_curve.threshold IS 'The probability that the point belongs to; of calibration where its bin begins; else NULL.';
COMMENT ON COLUMN retailscope.model_curve.position IS 'Order of the points.';

COMMENT ON TABLE retailscope.model_deployment IS 'Append only: which model serves each task since when, and why. The newest row of a task counts.';
COMMENT ON COLUMN retailscope.model_deployment.deployment_id IS 'Order of the log.';
COMMENT ON COLUMN retailscope.model_deployment.task IS 'The task.';
COMMENT ON COLUMN retailscope.model_deployment.model_id IS 'The model that serves from then on.';
COMMENT ON COLUMN retailscope.model_deployment.action IS 'promote, or rollback to a model that served before.';
COMMENT ON COLUMN retailscope.model_deployment.deployed_at IS 'When.';
COMMENT ON COLUMN retailscope.model_deployment.deployed_by IS 'The role.';
COMMENT ON COLUMN retailscope.model_deployment.reason IS 'Why.';

COMMENT ON TABLE retailscope.holiday IS 'Holidays by region, for rs_daily_features and forecasts; rs_generate_holidays adds public ones, and rows of your own (sales, events) count as much.';
COMMENT ON COLUMN retailscope.holiday.date IS 'The day.';
COMMENT ON COLUMN retailscope.holiday.name IS 'What it is called.';
COMMENT ON COLUMN retailscope.holiday.region IS 'Where it is one: GB, US, DE, FR, or a name of your own.';

COMMENT ON TABLE retailscope.clean_rule IS 'Rules that decide the kind of a line and what is merchandise; add your own.';
COMMENT ON COLUMN retailscope.clean_rule.rule_id IS 'Key of the rule.';
COMMENT ON COLUMN retailscope.clean_rule.priority IS 'The rule with the lowest number that fits decides.';
COMMENT ON COLUMN retailscope.clean_rule.field IS 'The field that pattern is compared with.';
COMMENT ON COLUMN retailscope.clean_rule.pattern IS 'A regular expression that has to fit the whole value.';
COMMENT ON COLUMN retailscope.clean_rule.line_kind IS 'The kind it gives, or reject; NULL leaves the kind to other rules.';
COMMENT ON COLUMN retailscope.clean_rule.is_merchandise IS 'Whether the product is merchandise; NULL leaves it to other rules.';
COMMENT ON COLUMN retailscope.clean_rule.note IS 'Why the rule is there.';
COMMENT ON COLUMN retailscope.clean_rule.enabled IS 'False switches it off.';

COMMENT ON TABLE retailscope.country_alias IS 'Other spellings of countries.';
COMMENT ON COLUMN retailscope.country_alias.alias IS 'The spelling, in upper case.';
COMMENT ON COLUMN retailscope.country_alias.country IS 'The name it is stored under.';

COMMENT ON TABLE retailscope.rfm_segment_map IS 'The name of each pair of recency and frequency scores; change it and refresh the marts.';
COMMENT ON COLUMN retailscope.rfm_segment_map.r_score IS 'Recency score, 1 to 5.';
COMMENT ON COLUMN retailscope.rfm_segment_map.f_score IS 'Frequency score, 1 to 5.';
COMMENT ON COLUMN retailscope.rfm_segment_map.rfm_segment IS 'Name of the segment.';

COMMENT ON VIEW retailscope.progress IS 'Ingests, exports, checks and trainings that run now in this database, one row each.';
COMMENT ON COLUMN retailscope.progress.pid IS 'The server process that works: pg_cancel_backend(pid) stops it.';
COMMENT ON COLUMN retailscope.progress.phase IS 'What it does now.';
COMMENT ON COLUMN retailscope.progress.done IS 'How much of the phase is done, in what it counts: bytes, lines, files, fits, trees.';
COMMENT ON COLUMN retailscope.progress.total IS 'How much there is to do; 0 when nobody knows yet.';
COMMENT ON COLUMN retailscope.progress.percent IS 'done as a share of total; NULL when nobody knows yet.';
COMMENT ON COLUMN retailscope.progress.started_at IS 'When the statement began.';
