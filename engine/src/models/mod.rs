//! Models: the bytes that a trained model is stored as.
