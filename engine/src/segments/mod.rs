//! Segments: what kinds of customers there are.
