//! Who asks S3: what the AWS SDK finds, or exactly what a config says.

#![expect(
    deprecated,
    reason = "the new names of `ProfileFiles` lie in a crate that the SDK keeps for itself"
)]

use std::path::PathBuf;

use aws_config::SdkConfig;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::profile::profile_file::{ProfileFileKind, ProfileFiles};
use aws_config::provider_config::ProviderConfig;
use aws_sdk_s3::config::{Builder, Credentials, SharedCredentialsProvider};

use crate::secret::Secret;

/// Where the credentials of a call come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum S3Credentials {
    /// What the AWS SDK finds: environment, profile, web identity, container, machine.
    #[default]
    Found,
    /// An access key, perhaps of a session.
    Keys {
        /// Access key id.
        id: Secret,
        /// Secret access key.
        key: Secret,
        /// Session token.
        token: Option<Secret>,
    },
    /// The environment alone.
    Environment,
    /// The container's role or the machine's.
    Machine,
    /// A profile of a file of profiles.
    Profile {
        /// The file; none: the one that the AWS SDK finds.
        file: Option<PathBuf>,
        /// The profile; none: the one that the AWS SDK finds.
        name: Option<String>,
    },
    /// Calls are not signed.
    Anonymous,
}

impl S3Credentials {
    /// The beginning of a client's configuration, with these credentials.
    pub(super) fn builder(&self, config: &SdkConfig) -> Builder {
        match self {
            Self::Found => Builder::from(config),
            Self::Anonymous => {
                let mut unsigned = config.clone().into_builder();
                unsigned.set_credentials_provider(None);
                Builder::from(&unsigned.build()).allow_no_auth()
            }
            _ => {
                let mut builder = Builder::from(config);
                builder.set_credentials_provider(self.provider(config));
                builder
            }
        }
    }

    /// Whether asking anew may give others: those that are written down stay what they are.
    pub(super) fn may_change(&self) -> bool {
        matches!(self, Self::Found | Self::Machine | Self::Profile { .. })
    }

    /// Who gives the credentials; none where calls are not signed, or nobody was found.
    pub(super) fn provider(&self, config: &SdkConfig) -> Option<SharedCredentialsProvider> {
        Some(match self {
            Self::Found => return config.credentials_provider(),
            Self::Anonymous => return None,
            Self::Keys { id, key, token } => {
                let token = token.as_ref().map(|token| token.expose().to_owned());
                let keys = Credentials::new(id.expose(), key.expose(), token, None, "config");
                SharedCredentialsProvider::new(keys)
            }
            Self::Environment => {
                SharedCredentialsProvider::new(EnvironmentVariableCredentialsProvider::new())
            }
            Self::Machine => {
                let surroundings = surroundings(config);
                let container = EcsCredentialsProvider::builder().configure(&surroundings).build();
                let machine = ImdsCredentialsProvider::builder().configure(&surroundings).build();
                SharedCredentialsProvider::new(
                    CredentialsProviderChain::first_try("container", container).or_else("machine", machine),
                )
            }
            Self::Profile { file, name } => {
                let mut profile = ProfileFileCredentialsProvider::builder().configure(&surroundings(config));
                if let Some(name) = name {
                    profile = profile.profile_name(name);
                }
                if let Some(file) = file {
                    let files = ProfileFiles::builder().with_file(ProfileFileKind::Credentials, file).build();
                    profile = profile.profile_files(files);
                }
                SharedCredentialsProvider::new(profile.build())
            }
        })
    }
}

/// What providers that call somebody need: roles are taken on in a region.
fn surroundings(config: &SdkConfig) -> ProviderConfig {
    ProviderConfig::default().with_region(config.region().cloned())
}
