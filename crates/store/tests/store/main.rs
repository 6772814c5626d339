//! Stores: the contract, the oracle, faults of the disk, power cuts.
#![allow(clippy::unwrap_used, missing_docs)]

mod contract;
mod failing;
mod flushes;
mod folder;
mod folders;
mod histories;
mod power;
mod runtimes;
mod schema_3;
mod steps;
