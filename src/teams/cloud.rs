//! Microsoft's clouds and the addresses each of them uses.

/// A Microsoft cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Cloud {
    /// The one nearly everybody uses.
    #[default]
    Public,
    /// US Government Community Cloud.
    Gcc,
    /// US GCC High.
    Gcch,
    /// US Department of Defense.
    Dod,
}

impl Cloud {
    /// The identity service of a virtual machine, the same in every cloud.
    pub const IMDS: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

    /// The words of `bot.cloud`, in the order they are offered.
    pub const WORDS: [(&'static str, Cloud); 4] = [
        ("public", Cloud::Public),
        ("gcc", Cloud::Gcc),
        ("gcch", Cloud::Gcch),
        ("dod", Cloud::Dod),
    ];

    /// Where the bot asks for its token; `tenant: None` means a multi-tenant bot.
    pub fn token(self, tenant: Option<&str>) -> String {
        let multi_tenant = match self {
            Cloud::Public | Cloud::Gcc => "botframework.com",
            Cloud::Gcch | Cloud::Dod => "MicrosoftServices.onmicrosoft.us",
        };
        let host = self.login();
        format!("https://{host}/{}/oauth2/v2.0/token", tenant.unwrap_or(multi_tenant))
    }

    /// The host at which Entra signs people and apps in.
    pub fn login(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "login.microsoftonline.com",
            Cloud::Gcch | Cloud::Dod => "login.microsoftonline.us",
        }
    }

    /// What the bot's token is for.
    pub fn scope(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "https://api.botframework.com/.default",
            Cloud::Gcch | Cloud::Dod => "https://api.botframework.us/.default",
        }
    }

    /// Who signs the tokens that Teams sends to the bot.
    pub fn issuer(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "https://api.botframework.com",
            Cloud::Gcch | Cloud::Dod => "https://api.botframework.us",
        }
    }

    /// Where the signer's keys are announced.
    pub fn openid(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "https://login.botframework.com/v1/.well-known/openidconfiguration",
            Cloud::Gcch | Cloud::Dod => "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
        }
    }

    /// The connector's address for conversations whose own address is not known.
    pub fn service_url(self) -> &'static str {
        match self {
            Cloud::Public => "https://smba.trafficmanager.net/teams/",
            Cloud::Gcc => "https://smba.infra.gcc.teams.microsoft.com/teams/",
            Cloud::Gcch => "https://smba.infra.gov.teams.microsoft.us/teams/",
            Cloud::Dod => "https://smba.infra.dod.teams.microsoft.us/teams/",
        }
    }

    /// The connector's address for tenants of the US government's community cloud: a bot of the public cloud may be
    /// installed there, and its own address answers `InvalidBotApiHost` for them.
    pub fn gcc_service_url(self) -> Option<&'static str> {
        match self {
            Cloud::Public | Cloud::Gcc => Some(Cloud::Gcc.service_url()),
            Cloud::Gcch | Cloud::Dod => None,
        }
    }

    /// The hosts that may be sent the bot's token: each of these and whatever is under it, over https only.
    pub fn trusted_hosts(self) -> &'static [&'static str] {
        match self {
            Cloud::Public | Cloud::Gcc => &["botframework.com", "smba.trafficmanager.net", "teams.microsoft.com"],
            Cloud::Gcch | Cloud::Dod => &["botframework.azure.us", "teams.microsoft.us"],
        }
    }

    /// Microsoft Graph.
    pub fn graph(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "https://graph.microsoft.com",
            Cloud::Gcch => "https://graph.microsoft.us",
            Cloud::Dod => "https://dod-graph.microsoft.us",
        }
    }

    /// What a token for Microsoft Graph is for.
    pub fn graph_scope(self) -> String {
        format!("{}/.default", self.graph())
    }

    /// Whom a managed identity's token must be for that is shown in place of a secret.
    pub fn token_exchange(self) -> &'static str {
        match self {
            Cloud::Public | Cloud::Gcc => "api://AzureADTokenExchange",
            Cloud::Gcch | Cloud::Dod => "api://AzureADTokenExchangeUSGov",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Microsoft's table of clouds, column by column.
    #[test]
    fn each_cloud_has_the_addresses_microsoft_documents() {
        let of = |cloud: Cloud| {
            [
                cloud.token(Some("TENANT")),
                cloud.token(None),
                cloud.scope().to_owned(),
                cloud.service_url().to_owned(),
                cloud.issuer().to_owned(),
                cloud.openid().to_owned(),
                cloud.graph().to_owned(),
                cloud.graph_scope(),
            ]
        };
        let public = [
            "https://login.microsoftonline.com/TENANT/oauth2/v2.0/token",
            "https://login.microsoftonline.com/botframework.com/oauth2/v2.0/token",
            "https://api.botframework.com/.default",
            "https://smba.trafficmanager.net/teams/",
            "https://api.botframework.com",
            "https://login.botframework.com/v1/.well-known/openidconfiguration",
            "https://graph.microsoft.com",
            "https://graph.microsoft.com/.default",
        ];
        assert_eq!(of(Cloud::Public), public);
        let mut gcc = public;
        gcc[3] = "https://smba.infra.gcc.teams.microsoft.com/teams/";
        assert_eq!(of(Cloud::Gcc), gcc);
        let gcch = [
            "https://login.microsoftonline.us/TENANT/oauth2/v2.0/token",
            "https://login.microsoftonline.us/MicrosoftServices.onmicrosoft.us/oauth2/v2.0/token",
            "https://api.botframework.us/.default",
            "https://smba.infra.gov.teams.microsoft.us/teams/",
            "https://api.botframework.us",
            "https://login.botframework.azure.us/v1/.well-known/openidconfiguration",
            "https://graph.microsoft.us",
            "https://graph.microsoft.us/.default",
        ];
        assert_eq!(of(Cloud::Gcch), gcch);
        let mut dod = gcch;
        dod[3] = "https://smba.infra.dod.teams.microsoft.us/teams/";
        dod[6] = "https://dod-graph.microsoft.us";
        dod[7] = "https://dod-graph.microsoft.us/.default";
        assert_eq!(of(Cloud::Dod), dod);
    }
}
