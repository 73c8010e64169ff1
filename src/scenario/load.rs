//! Loading: from a text to a system that can run, or everything that is wrong with the text.

use std::fmt;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, OnceLock};

use brownout_models::contract::NodeId;
use brownout_models::{Profile, Time};

use super::build::populations;
use super::check::Check;
use super::diagnostic::{Diagnostic, Screen, render};
use super::file::ScenarioFile;
use super::read::{Read, read};
use super::source::{Path, Source};
use super::warnings::Warnings;
use crate::choice::Plan;
use crate::kernel::{Bounds, World};
use crate::layout::Layout;
use crate::property::{Judge, Property};
use crate::system::{Kinds, Stock};

/// The version of the scenario format that is read.
const VERSION: u32 = 1;

/// A scenario that makes sense: a system, what may break in it, and what must hold.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The file that it came from, as it was named.
    pub path: PathBuf,
    /// What it is about.
    pub title: String,
    /// The planted bug, where there is one on purpose.
    pub planted: Option<String>,
    /// The seed of a run that names none.
    pub seed: u64,
    /// What makes sense, and is hardly what was meant.
    pub warnings: Warnings,
    layout: Arc<Layout>,
    properties: Arc<[Property]>,
    template: World<Stock>,
    /// The template with its sites known, made for the first run.
    scouted: OnceLock<World<Stock>>,
}

/// So many steps meet most sites of a system, and take less time than loading it did.
const SCOUTED: u64 = 1_000;

impl Scenario {
    /// Reads a scenario of stock machines from a file.
    ///
    /// # Errors
    /// The file cannot be read, or it makes no sense: then with every mistake in it.
    pub fn load(path: impl AsRef<FilePath>) -> Result<Self, ScenarioError> {
        Self::load_with(path, &Kinds::new())
    }

    /// Reads a scenario from a file that may use the user's own kinds of machines.
    ///
    /// # Errors
    /// The file cannot be read, or it makes no sense: then with every mistake in it.
    pub fn load_with(path: impl AsRef<FilePath>, kinds: &Kinds) -> Result<Self, ScenarioError> {
        Self::read(path.as_ref(), kinds, None)
    }

    /// Reads a scenario from a file with every machine under one profile, whatever the file says:
    /// the options that it names stay. So a defect and its remedy are one scenario.
    ///
    /// # Errors
    /// The file cannot be read, or it makes no sense: then with every mistake in it.
    pub fn load_under(
        path: impl AsRef<FilePath>,
        kinds: &Kinds,
        profile: Profile,
    ) -> Result<Self, ScenarioError> {
        Self::read(path.as_ref(), kinds, Some(profile))
    }

    /// Reads a scenario from a text; `name` stands for the file in errors.
    ///
    /// # Errors
    /// It makes no sense, with every mistake in it.
    pub fn parse(name: &str, text: &str, kinds: &Kinds) -> Result<Self, ScenarioError> {
        Self::parse_under(name, text, kinds, None)
    }

    fn read(
        path: &FilePath,
        kinds: &Kinds,
        profile: Option<Profile>,
    ) -> Result<Self, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|error| ScenarioError::Unreadable {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::parse_under(&path.to_string_lossy(), &text, kinds, profile)
    }

    fn parse_under(
        name: &str,
        text: &str,
        kinds: &Kinds,
        profile: Option<Profile>,
    ) -> Result<Self, ScenarioError> {
        let source = Source::new(name, text);
        let mut read = read(&source).map_err(|diagnostics| wrong(&source, diagnostics))?;
        if let Some(profile) = profile {
            read.file.nodes.values_mut().for_each(|node| node.follow(profile));
        }
        Self::check(&source, &read, kinds)
    }

    fn check(source: &Source, read: &Read, kinds: &Kinds) -> Result<Self, ScenarioError> {
        let mut check = Check::new(source, &read.wrong);
        let file = &read.file;
        let root = Path::root();
        if file.version != VERSION {
            let message = format!("version {} of the format is not known", file.version);
            let label = format!("expected {VERSION}");
            check.problem(
                &root.field("version"),
                message,
                label,
                format!("write `version: {VERSION}`"),
            );
        }
        check.times(file);
        check.check_texts();
        check.find_words(file);
        check.find_places(file);
        check.find_deployments(file);
        check.find_zones(file);
        check.find_weights(file);
        let machines = check.build_machines(file, kinds);
        let latencies = check.latencies(&file.network);
        let faults = check.faults(&file.faults);
        let properties = check.properties(file);
        let mut diagnostics = std::mem::take(&mut check.problems);
        diagnostics.extend_from_slice(&read.wrong);
        if !diagnostics.is_empty() {
            diagnostics.sort_by_key(|diagnostic| (diagnostic.place.start, diagnostic.place.end));
            return Err(wrong(source, diagnostics));
        }
        check.warn(file, &faults);
        let warnings = Warnings::new(source, std::mem::take(&mut check.warnings));
        let populations = populations(file);
        let layout = Arc::new(Layout {
            names: check.names,
            nodes: check.places,
            latencies,
            faults,
            heal_at: file.heal_at.map(|span| Time::ZERO + span),
            populations,
            flushes: check.flushes,
        });
        let bounds = Bounds { horizon: Time::ZERO + file.horizon, ..Bounds::default() };
        let template = World::new(Arc::clone(&layout), machines, &Arc::new(Plan::calm()), bounds);
        Ok(Self {
            path: PathBuf::from(source.name()),
            title: file.title.clone(),
            planted: file.planted.clone(),
            seed: file.seed,
            warnings,
            layout,
            properties,
            template,
            scouted: OnceLock::new(),
        })
    }

    /// The parts of the system that do not move, and the names of everything.
    #[must_use]
    pub const fn layout(&self) -> &Arc<Layout> {
        &self.layout
    }

    /// The world at the start of a run that follows the plan.
    #[must_use]
    pub fn world(&self, plan: &Arc<Plan>) -> World<Stock> {
        self.begin().under(plan)
    }

    /// The same, and it writes down every point where the scenario's faults could strike.
    #[must_use]
    pub fn world_with_points(&self, plan: &Arc<Plan>) -> World<Stock> {
        self.begin().under_with_points(plan)
    }

    fn begin(&self) -> &World<Stock> {
        self.scouted.get_or_init(|| self.template.scouted(SCOUTED))
    }

    /// The machine of a node, as it stands before any run.
    pub(super) fn machine(&self, node: NodeId) -> Option<&Stock> {
        self.template.machine(node)
    }

    /// A judge of the scenario's properties.
    #[must_use]
    pub fn judge(&self) -> Judge {
        Judge::new(Arc::clone(&self.layout), self.properties.to_vec())
    }

    /// The names of the properties.
    pub fn properties(&self) -> impl Iterator<Item = &str> {
        self.properties.iter().map(|property| property.name.as_str())
    }

    /// Whether the property of this name is about all the load together.
    pub(crate) fn is_about_load(&self, property: &str) -> bool {
        let mut properties = self.properties.iter();
        properties.any(|known| known.name == property && known.observer.is_about_load())
    }

    /// Adds a property of the user's own.
    pub fn add_property(&mut self, property: Property) {
        self.properties = self.properties.iter().cloned().chain([property]).collect();
    }
}

impl Check<'_> {
    /// A run has an end, and faults that cease do so before it.
    fn times(&mut self, file: &ScenarioFile) {
        let root = Path::root();
        let help = "leave it out for an hour";
        self.not_zero(&root.field("horizon"), "the horizon", Some(file.horizon), help);
        if self.is_wrong(&root.field("horizon")) || self.is_wrong(&root.field("heal_at")) {
            return;
        }
        if let Some(heal_at) = file.heal_at
            && heal_at >= file.horizon
            && !file.horizon.is_zero()
        {
            let message = format!("the faults cease at {heal_at}, when the run is over");
            let label = format!("expected a span shorter than the horizon, {}", file.horizon);
            let help = "heal earlier, or leave `heal_at` out where faults never cease";
            self.problem(&root.field("heal_at"), message, label, help);
        }
    }
}

fn wrong(source: &Source, diagnostics: Vec<Diagnostic>) -> ScenarioError {
    ScenarioError::Wrong { source: Box::new(source.clone()), diagnostics }
}

/// Why there is no scenario.
#[derive(Clone, Debug)]
pub enum ScenarioError {
    /// The file cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file makes no sense.
    Wrong {
        /// The text and the places in it.
        source: Box<Source>,
        /// Every mistake.
        diagnostics: Vec<Diagnostic>,
    },
}

impl ScenarioError {
    /// The error as a person reads it, with the lines that it is about.
    #[must_use]
    pub fn render(&self, screen: impl Into<Screen>) -> String {
        match self {
            Self::Unreadable { path, reason } => {
                format!("error: cannot read `{}`: {reason}\n", path.display())
            }
            Self::Wrong { source, diagnostics } => render(source, diagnostics, screen),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for ScenarioError {}
