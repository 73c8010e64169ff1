//! The stock machines: each owns its policies and speaks the common vocabulary.
//!
//! Machines never know each other, only node ids and names that their configuration gives them.
//! What is *not* here: how messages travel, and what breaks.

mod broker;
mod client;
mod composition;
mod deployment;
mod dialer;
mod gateway;
mod in_hand;
mod job;
mod program;
mod registry;
mod saga;
mod service;
mod sidecar;
mod slab;
mod transaction;

pub use broker::{BrokerConfig, BrokerNode, Subscription};
pub use client::{Arrivals, ClientConfig, ClientNode};
pub use composition::{CompositionNode, CompositionNodeConfig, CompositionPart};
pub use deployment::{DeploymentNode, DeploymentNodeConfig, ScalingConfig, StrategyConfig};
pub use dialer::{Dialer, Dialling, Discovery, Target, ZoneMap};
pub use gateway::{GatewayConfig, GatewayNode, Route};
pub use job::{Ended, Job, Jobs, Progress};
pub use program::{Add, Program, Step, Update, Write};
pub use registry::{RegistryNode, RegistryNodeConfig};
pub use saga::{SagaAction, SagaNode, SagaNodeConfig, SagaStep, SagaTables};
pub use service::{Heartbeat, Managed, Orders, Relay, ServiceConfig, ServiceNode};
pub use sidecar::{SidecarConfig, SidecarNode};
pub use slab::Slab;
