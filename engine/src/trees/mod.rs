//! Trees: one histogram tree learner for forests, AdaBoost and gradient boosting, with exact TreeSHAP.
