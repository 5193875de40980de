//! `include`: partials beside the template.

use std::rc::Rc;
use std::sync::Arc;

use super::{Failure, MAX_BODIES, Output, PARTIAL_PARTS, Renderer};
use crate::diagnostic::Source;
use crate::embulk::liquid::expression::Expression;
use crate::embulk::liquid::node::Body;
use crate::embulk::liquid::parser;
use crate::embulk::liquid::value::Value;

impl Renderer<'_> {
    pub(super) fn include(
        &mut self,
        template: &Expression,
        with: Option<&Expression>,
        attributes: &[(String, Expression)],
        out: &mut Output,
    ) -> Result<(), Failure> {
        let template = self.evaluate(template)?;
        if template.unknown().is_some() {
            return Ok(());
        }
        if !template.is_truthy() {
            return Err("Argument error in tag 'include' - Illegal template name".into());
        }
        if template.label().is_some() {
            return Err("Illegal template name '…'".into());
        }
        if self.depth > MAX_BODIES {
            return Err("Nesting too deep".into());
        }
        if !self.spend(PARTIAL_PARTS) {
            return Ok(());
        }
        let name = template.to_text();
        let partial = self.partial(&name)?;
        let variable_name = name.split('/').rfind(|part| !part.is_empty()).unwrap_or_default().to_owned();
        let variable = match with {
            Some(expression) => self.evaluate(expression)?,
            None => self.find(&name),
        };
        let outer = std::mem::replace(&mut self.source, Arc::clone(&partial.0));
        let place = self.place;
        let result = self.scoped(|this| {
            let inner = std::mem::replace(&mut this.source, Arc::clone(&outer));
            for (name, expression) in attributes {
                let value = this.evaluate(expression)?;
                this.set(name, value);
            }
            this.source = inner;
            match variable {
                Value::List(items) => {
                    for item in items.iter() {
                        this.set(&variable_name, item.clone());
                        this.body(&partial.1, out);
                    }
                }
                value => {
                    this.set(&variable_name, value);
                    this.body(&partial.1, out);
                }
            }
            Ok(())
        });
        self.source = outer;
        self.place = place;
        result
    }

    fn partial(&mut self, name: &str) -> Result<Rc<(Arc<Source>, Body)>, Failure> {
        if let Some(partial) = self.partials.get(name) {
            return Ok(Rc::clone(partial));
        }
        let path = partial_path(name).ok_or_else(|| format!("Illegal template name '{name}'"))?;
        let source = self.setting.partials.find(&path).ok_or_else(|| format!("No such template '{name}'"))?;
        let body = parser::parse(&source.text).map_err(|error| Failure::Syntax(error.message))?;
        let partial = Rc::new((source, body));
        self.partials.insert(name.to_owned(), Rc::clone(&partial));
        Ok(partial)
    }
}

/// The file of a partial: `a/b` is `a/_b.yml.liquid`. None for names that Embulk refuses: a hyphen, a point, a single
/// character.
fn partial_path(name: &str) -> Option<String> {
    let mut chars = name.chars();
    let first = chars.next()?;
    let rest = chars.as_str();
    let word = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '/');
    if matches!(first, '.' | '/') || rest.is_empty() || !rest.chars().all(word) {
        return None;
    }
    let (folder, base) = name.rsplit_once('/').map_or(("", name), |(folder, base)| (folder, base));
    let folder: Vec<_> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let folder = folder.join("/");
    Some(if folder.is_empty() {
        format!("_{base}.yml.liquid")
    } else {
        format!("{folder}/_{base}.yml.liquid")
    })
}
