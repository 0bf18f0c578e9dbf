-- Rows that every warehouse starts with. Run by rs_create_warehouse() after the tables; running it again changes nothing.

INSERT INTO retailscope.warehouse_state (one) VALUES (true) ON CONFLICT DO NOTHING;

INSERT INTO retailscope.dim_customer (customer_key, customer_id) VALUES (0, '(unknown)') ON CONFLICT DO NOTHING;

INSERT INTO retailscope.rfm_segment_map (r_score, f_score, rfm_segment) VALUES
    (1, 1, 'Lost'),           (1, 2, 'Lost'),               (1, 3, 'At Risk'),            (1, 4, 'At Risk'),   (1, 5, 'Cannot Lose Them'),
    (2, 1, 'Hibernating'),    (2, 2, 'Hibernating'),        (2, 3, 'At Risk'),            (2, 4, 'At Risk'),   (2, 5, 'Cannot Lose Them'),
    (3, 1, 'About To Sleep'), (3, 2, 'About To Sleep'),     (3, 3, 'Need Attention'),     (3, 4, 'Loyal'),     (3, 5, 'Loyal'),
    (4, 1, 'Promising'),      (4, 2, 'Potential Loyalist'), (4, 3, 'Potential Loyalist'), (4, 4, 'Loyal'),     (4, 5, 'Loyal'),
    (5, 1, 'New'),            (5, 2, 'Potential Loyalist'), (5, 3, 'Potential Loyalist'), (5, 4, 'Champions'), (5, 5, 'Champions')
ON CONFLICT DO NOTHING;
