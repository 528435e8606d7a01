//! Playing a knapsack task.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use fields::{Entries, Fields, FromJson, Place};
use proto::run::Evaluation;
use proto::task::{TaskFile, ToolSpec};
use sandbox::ToolError;
use serde_json::{Map, Value, json};

use super::tools::tools;
use crate::family::environment::{Environment, FINISH};
use crate::family::object::object;
use crate::family::python_text;
use crate::tool::{self, Bound};

/// An item's data, hidden until the item is inspected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) class: String,
    pub(super) value: i64,
    pub(super) weight: i64,
}

impl FromJson for Item {
    fn from_json(value: &Value, place: &Place<'_>) -> Option<Self> {
        let fields = Fields::new(value, place)?;
        let class = fields.required("class");
        let value = fields.required("value").and_then(|value| not_negative(value, &fields.at("value")));
        let weight = fields.required("weight").and_then(|weight| not_negative(weight, &fields.at("weight")));
        Some(Self { class: class?, value: value?, weight: weight? })
    }
}

fn not_negative(number: i64, place: &Place<'_>) -> Option<i64> {
    if number < 0 { place.fail(format!("must not be negative, found {number}")) } else { Some(number) }
}

/// One episode's knapsack.
#[derive(Clone, Debug)]
pub struct Knapsack {
    public: Map<String, Value>,
    tools: Vec<ToolSpec>,
    /// In the order of the file, in which agents see them.
    item_ids: Vec<String>,
    items: HashMap<String, Item>,
    allowed_classes: Vec<String>,
    capacity: i64,
    inspect_budget: i64,
    optimal_value: i64,
    inspected: BTreeSet<String>,
    taken: BTreeSet<String>,
}

impl Knapsack {
    /// An empty knapsack; `None` after recording what is malformed.
    pub(crate) fn open(task: &TaskFile, root: &Place<'_>) -> Option<Self> {
        let public = Fields::of(&task.public, &root.key("public"));
        let listed = public.required::<Vec<String>>("item_ids");
        let capacity = public.required("capacity").and_then(|n| not_negative(n, &public.at("capacity")));
        let inspect_budget =
            public.required("inspect_budget").and_then(|n| not_negative(n, &public.at("inspect_budget")));
        let allowed_classes = public.required("allowed_classes");

        let private = Fields::of(&task.private, &root.key("private"));
        let items = private.required::<Entries<Item>>("items");

        let reference = Fields::of(&task.reference, &root.key("reference"));
        let optimal_value = reference.required::<i64>("optimal_value").and_then(|value| match value {
            1.. => Some(value),
            _ => reference.at("optimal_value").fail(format!("must be positive, found {value}")),
        });
        let optimal = reference.required::<Vec<String>>("optimal_item_ids");

        let items = items?.0;
        let known: BTreeSet<&String> = items.iter().map(|(id, _)| id).collect();
        for (ids, place) in
            [(listed.as_ref()?, public.at("item_ids")), (optimal.as_ref()?, reference.at("optimal_item_ids"))]
        {
            for (i, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id)) {
                place.index(i).fail::<()>(format!("{id} is not in private.items"));
            }
        }
        let listed: BTreeSet<String> = listed?.into_iter().collect();
        for (id, _) in items.iter().filter(|(id, _)| !listed.contains(id)) {
            private.at("items").key(id).fail::<()>("is not in public.item_ids");
        }
        Some(Self {
            public: task.public.clone(),
            tools: tools(),
            item_ids: items.iter().map(|(id, _)| id.clone()).collect(),
            items: items.into_iter().collect(),
            allowed_classes: allowed_classes?,
            capacity: capacity?,
            inspect_budget: inspect_budget?,
            optimal_value: optimal_value?,
            inspected: BTreeSet::new(),
            taken: BTreeSet::new(),
        })
    }

    fn item(&self, item_id: &str) -> Result<&Item, ToolError> {
        self.items.get(item_id).ok_or_else(|| tool::runtime_error(format!("Unknown item_id: {item_id}")))
    }

    fn weight_used(&self) -> i64 {
        self.taken.iter().fold(0, |sum, id| sum.saturating_add(self.items[id].weight))
    }

    fn list_items(&self) -> String {
        let ids: Vec<String> = self.item_ids.iter().map(|id| python_text::json_string(id)).collect();
        format!("[{}]", ids.join(", "))
    }

    fn inspect(&mut self, item_id: &str) -> Result<String, ToolError> {
        let item = self.item(item_id)?;
        let class = python_text::json_string(&item.class);
        let answer = format!("{{\"class\":{class},\"value\":{},\"weight\":{}}}", item.value, item.weight);
        if !self.inspected.contains(item_id) {
            if self.inspected.len() as i64 >= self.inspect_budget {
                return Err(tool::runtime_error(format!(
                    "Inspect budget ({}) exceeded.",
                    self.inspect_budget
                )));
            }
            self.inspected.insert(item_id.to_owned());
        }
        Ok(answer)
    }

    /// The goal forbids taking an item that was not inspected; the environment does not enforce that.
    fn take(&mut self, item_id: &str) -> Result<(), ToolError> {
        let item = self.item(item_id)?;
        if self.taken.contains(item_id) {
            return Err(tool::runtime_error(format!("Item already taken: {item_id}")));
        }
        if !self.allowed_classes.contains(&item.class) {
            let class = python_text::repr(&item.class);
            return Err(tool::runtime_error(format!("Item class {class} not allowed.")));
        }
        let (current, weight, capacity) = (self.weight_used(), item.weight, self.capacity);
        if current.saturating_add(weight) > capacity {
            return Err(tool::runtime_error(format!(
                "Capacity exceeded: current={current}, item={weight}, capacity={capacity}"
            )));
        }
        self.taken.insert(item_id.to_owned());
        Ok(())
    }
}

impl Environment for Knapsack {
    fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    fn goal(&self) -> String {
        format!(
            "You have a knapsack and a pool of {count} items. Every item has a weight, a value and a class, \
             which you do not know until you inspect the item. Pack the knapsack so that the total value of \
             the items in it is as large as possible.\n\
             \n\
             Rules:\n\
             - Capacity: the total weight of the items taken must not exceed {capacity}.\n\
             - Allowed classes: {classes}. Items of other classes cannot be taken.\n\
             - Inspect before you take: never take an item that you have not inspected.\n\
             - Inspection budget: at most {budget} different items can be inspected. Inspecting one of them \
             again is free and gives the same answer.\n\
             - A taken item cannot be put back.\n\
             \n\
             When the knapsack holds your final choice, call finish().",
            count = self.item_ids.len(),
            capacity = self.capacity,
            classes = python_text::repr_list(&self.allowed_classes),
            budget = self.inspect_budget,
        )
    }

    fn public(&self) -> &Map<String, Value> {
        &self.public
    }

    fn call(&mut self, tool: &str, arguments: &[Bound]) -> Result<Value, ToolError> {
        match (tool, arguments) {
            ("list_items", []) => Ok(self.list_items().into()),
            ("inspect", [Bound::Text(item_id)]) => self.inspect(item_id).map(Value::from),
            ("take_item", [Bound::Text(item_id)]) => self.take(item_id).map(|()| Value::Null),
            (FINISH, []) => Ok(Value::Null),
            _ => Err(tool::unknown_tool(tool)),
        }
    }

    fn evaluate(&self) -> Evaluation {
        // Never over capacity: `take` refuses.
        let value = self.taken.iter().fold(0_i64, |sum, id| sum.saturating_add(self.items[id].value));
        Evaluation {
            is_solved: value == self.optimal_value,
            score: (value as f64 / self.optimal_value as f64).min(1.0),
            metrics: object([
                ("agent_value", json!(value)),
                ("capacity", json!(self.capacity)),
                ("inspected_count", json!(self.inspected.len())),
                ("items_taken_count", json!(self.taken.len())),
                ("optimal_value", json!(self.optimal_value)),
                ("optimality_gap", json!(self.optimal_value - value)),
                ("weight_used", json!(self.weight_used())),
            ]),
        }
    }

    fn budget_left(&self) -> BTreeMap<String, i64> {
        let left = self.inspect_budget - self.inspected.len() as i64;
        BTreeMap::from([("inspect".to_owned(), left)])
    }

    fn fork(&self) -> Box<dyn Environment> {
        Box::new(self.clone())
    }
}
