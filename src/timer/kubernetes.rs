//! A CronJob of Kubernetes (batch/v1) with the place for its state.

use std::path::PathBuf;

use super::crontab::fields;
use super::{Job, Refused};

/// What runs in a cluster.
#[derive(Debug, Clone)]
pub struct Image {
    /// The image, which holds program and project.
    pub name: String,
    /// Where the project lies in it, absolute.
    pub project: PathBuf,
    /// Where the program lies in it, absolute.
    pub program: PathBuf,
}

/// The longest name of a CronJob: names of its jobs have eleven signs more and no more than 63.
const LONGEST_NAME: usize = 52;

/// Where the state lies in the container: a volume, since what a container writes goes with it.
const STATE: &str = "/var/lib/sync";

/// A list of manifests in YAML: the claim for the state, and the CronJob.
pub fn kubernetes(job: &Job, image: &Image) -> Result<String, Refused> {
    let (fields, zone) = fields(job, "a CronJob")?;
    let [schedule] = fields.as_slice() else {
        return Err(Refused::new(
            format!(
                "a CronJob cannot have the times of `{}`: it takes {} patterns",
                job.schedule.text,
                fields.len()
            ),
            "`sync timer systemd` can",
        ));
    };
    // A claim and a job are named alike: they belong together.
    let mut name = job.name(|sign| sign.is_ascii_alphanumeric()).to_ascii_lowercase();
    name.truncate(LONGEST_NAME);
    let name = name.trim_end_matches('-');
    let zone = if zone == "UTC" { "Etc/UTC" } else { &zone };
    let about: String = job.about().into_iter().map(|line| format!("# {line}\n")).collect();
    let file = image.project.join(&job.file);
    let text = |path: &PathBuf| quoted(&path.to_string_lossy());
    Ok(format!(
        "{about}\
         # The image holds the program as {program} and the project in {project}.\n\
         # Secrets come as variables SYNC_SECRET_<NAME>, through `env` or `envFrom` of a Secret, or from secrets.yml.\n\
         apiVersion: v1\n\
         kind: PersistentVolumeClaim\n\
         metadata:\n\
         \x20 name: {name}-state\n\
         spec:\n\
         \x20 accessModes: [ReadWriteOnce]\n\
         \x20 resources:\n\
         \x20   requests:\n\
         \x20     storage: 1Gi\n\
         ---\n\
         apiVersion: batch/v1\n\
         kind: CronJob\n\
         metadata:\n\
         \x20 name: {name}\n\
         spec:\n\
         \x20 schedule: {schedule}\n\
         \x20 timeZone: {zone}\n\
         \x20 # One at a time: a second one would only say that the first still runs.\n\
         \x20 concurrencyPolicy: Forbid\n\
         \x20 jobTemplate:\n\
         \x20   spec:\n\
         \x20     # A pod that ended is not started again: `sync retry --session last` redoes what failed.\n\
         \x20     backoffLimit: 0\n\
         \x20     template:\n\
         \x20       spec:\n\
         \x20         restartPolicy: Never\n\
         \x20         # Time to cancel what runs on servers, see --grace.\n\
         \x20         terminationGracePeriodSeconds: 60\n\
         \x20         securityContext:\n\
         \x20           runAsNonRoot: true\n\
         \x20           runAsUser: 65532\n\
         \x20           fsGroup: 65532\n\
         \x20         containers:\n\
         \x20           - name: sync\n\
         \x20             image: {image}\n\
         \x20             command: [{command}]\n\
         \x20             args: [run, --scheduled, --project, {folder}, --state, {STATE}/state.db, {file}]\n\
         \x20             workingDir: {folder}\n\
         \x20             securityContext:\n\
         \x20               allowPrivilegeEscalation: false\n\
         \x20               capabilities:\n\
         \x20                 drop: [ALL]\n\
         \x20             volumeMounts:\n\
         \x20               - name: state\n\
         \x20                 mountPath: {STATE}\n\
         \x20         volumes:\n\
         \x20           - name: state\n\
         \x20             persistentVolumeClaim:\n\
         \x20               claimName: {name}-state\n",
        program = image.program.display(),
        project = image.project.display(),
        schedule = quoted(schedule),
        zone = quoted(zone),
        image = quoted(&image.name),
        command = text(&image.program),
        folder = text(&image.project),
        file = text(&file),
    ))
}

/// A text in YAML: JSON's form of it is one in YAML as well.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
