//! What a drill can ask, and what an operation that settles an earlier one needs to know of it.

use brownout_models::Time;
use serde_json::{Map, Value};

/// Something that a drill can ask its machine.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    /// Its name in plans and traces.
    pub(crate) name: String,
    /// The request, but for its time.
    pub(crate) fields: Map<String, Value>,
    /// The earlier operation whose outcome it reports.
    pub(crate) settles: Option<Settles>,
}

/// Which earlier operation an operation settles.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settles {
    /// The operation, as an index.
    pub(crate) operation: usize,
    /// The last one that is not settled yet, not the first.
    pub(crate) newest: bool,
}

impl Operation {
    /// The request at this time.
    pub(crate) fn at(&self, now: Time) -> Value {
        let mut request = self.fields.clone();
        request.insert("at".to_owned(), now.as_nanos().into());
        Value::Object(request)
    }
}

/// Admitted operations that wait to be settled.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    open: Vec<Open>,
}

/// An admitted operation.
#[derive(Clone, Debug)]
struct Open {
    operation: usize,
    /// The permit that it was given, where the machine hands them out.
    permit: Option<Value>,
}

impl Ledger {
    /// The request of an operation at this time; `None` when it settles an earlier one and there is
    /// none to settle.
    pub(crate) fn request(&mut self, operation: &Operation, now: Time) -> Option<String> {
        let mut request = operation.at(now);
        if let Some(Settles { operation, newest }) = operation.settles {
            let mut open = (0..self.open.len()).filter(|at| self.open[*at].operation == operation);
            let settled = if newest { open.next_back() } else { open.next() };
            if let Some(permit) = self.open.remove(settled?).permit {
                request["permit"] = permit;
            }
        }
        Some(request.to_string())
    }

    /// The machine answered: unless it refused, the operation can be settled.
    pub(crate) fn answered(&mut self, operation: usize, response: &str) {
        let response: Value = serde_json::from_str(response).unwrap_or_default();
        let result = &response["result"];
        if result["allowed"] != false && result["error"].is_null() {
            let permit = result.get("permit").filter(|permit| !permit.is_null()).cloned();
            self.open.push(Open { operation, permit });
        }
    }
}
