//! Nothing: the cases are in `cases`.
