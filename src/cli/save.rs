//! Where findings are saved: each in a file of its own, that no finding of anything else replaces.

use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use super::Trouble;
use crate::scenario::Scenario;
use crate::search::{Finding, Regression};

/// Saves a finding in a folder, which is made if need be, and gives its file.
///
/// The file is called after the scenario and the property. One that is there is replaced when it is
/// about the same property of the same scenario; otherwise the name gets a number: scenarios of two
/// folders may share a name, and names of properties may differ in signs only.
pub(super) fn save(
    folder: &Path,
    scenario: &Scenario,
    finding: &Finding,
) -> Result<PathBuf, Trouble> {
    let unwritable = |path: &Path| {
        let path = path.to_owned();
        |error| Trouble::Unwritable { path, error }
    };
    fs::create_dir_all(folder).map_err(unwritable(folder))?;
    let said = from_folder(folder, &scenario.path).map_err(unwritable(folder))?;
    let regression = Regression::of(finding, &said);
    let stem = scenario.path.file_stem().map(|stem| stem.to_string_lossy());
    let property = &finding.violation.property;
    let property: String =
        property.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    let name = format!("{}-{property}", stem.unwrap_or_default());
    let path = free(folder, &name, &regression);
    fs::write(&path, regression.to_ron()).map_err(unwritable(&path))?;
    Ok(path)
}

/// The first file of this name that is not there, or is about the same.
fn free(folder: &Path, name: &str, regression: &Regression) -> PathBuf {
    let mut path = folder.join(format!("{name}.ron"));
    for number in 2.. {
        let is_about_the_same = |known: Regression| {
            (&known.scenario, &known.property) == (&regression.scenario, &regression.property)
        };
        if !path.exists() || Regression::load(&path).is_ok_and(is_about_the_same) {
            break;
        }
        path = folder.join(format!("{name}-{number}.ron"));
    }
    path
}

/// The path of a file as one says it in a folder: relative, unless it was given in full.
fn from_folder(folder: &Path, file: &Path) -> io::Result<PathBuf> {
    if file.is_absolute() {
        return Ok(file.to_owned());
    }
    let (folder, file) = (fs::canonicalize(folder)?, fs::canonicalize(file)?);
    let shared = folder.components().zip(file.components()).take_while(|(a, b)| a == b).count();
    if shared == 0 {
        return Ok(file);
    }
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    Ok(up.chain(file.components().skip(shared)).collect())
}
