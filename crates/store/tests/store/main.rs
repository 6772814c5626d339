//! Stores: the contract, the oracle, faults of the disk, power cuts.
#![allow(clippy::unwrap_used, missing_docs)]

mod clock;
mod contract;
mod damage;
mod erasing;
mod failing;
mod flushes;
mod folder;
mod folders;
mod histories;
mod keeping;
mod power;
mod runtimes;
mod schema_3;
mod steps;
