//! Where and with what it ran.

use super::Page;
use super::html::Html;

pub(super) fn write(html: &mut Html<'_>, page: &Page<'_>) {
    let (session, attempt) = (page.report.session(), page.report.attempt());
    html.markup("<section aria-labelledby=\"run-is\"><h2 id=\"run-is\">The run</h2>\n<dl class=\"run\">\n");
    let mut facts = vec![
        ("Workflow file", attempt.file.clone()),
        ("Project", session.project.clone()),
        ("Host", format!("{}, process {}", attempt.process.host, attempt.process.pid)),
    ];
    if let Some(zone) = page.report.process_zone() {
        facts.push(("Zone of the process", zone.to_owned()));
    }
    if let Some(name) = &attempt.name {
        facts.push(("Name of the attempt", name.clone()));
    }
    if attempt.starting_attempt != attempt.id {
        facts.push(("Goes on with attempt", attempt.starting_attempt.to_string()));
    }
    facts.push(("Made by", format!("sync {}", env!("CARGO_PKG_VERSION"))));
    for (name, value) in facts {
        html.markup("<div>").element("dt", name).element("dd", &value).markup("</div>\n");
    }
    html.markup("</dl>\n");
    if !attempt.params.is_empty() || !attempt.secret_params.is_empty() {
        html.markup("<h3>Parameters that were given</h3>\n<dl class=\"run\">\n");
        for (name, value) in &attempt.params {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            html.markup("<div>").element("dt", name).element("dd", &value).markup("</div>\n");
        }
        for name in &attempt.secret_params {
            html.markup("<div>").element("dt", name).markup("<dd>a secret, not kept</dd></div>\n");
        }
        html.markup("</dl>\n");
    }
    html.markup("</section>\n");
}
