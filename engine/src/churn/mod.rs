//! Churn: who is about to leave, how sure that is and why.
