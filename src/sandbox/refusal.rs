//! The connector's answers when it says no, in Teams' own envelopes.

use serde_json::{Value, json};

/// A status with its JSON body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// What stands in the answer.
    pub(super) body: Value,
}

impl Refusal {
    fn new(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({"error": {"code": code, "message": message}}),
        }
    }

    pub(super) fn bad_syntax(message: &str) -> Self {
        Self::new(400, "BadSyntax", message)
    }

    pub(super) fn bad_argument(message: &str) -> Self {
        Self::new(400, "BadArgument", message)
    }

    pub(super) fn cannot_decrypt() -> Self {
        Self::bad_argument("Failed to decrypt conversation id")
    }

    pub(super) fn creation_parameters() -> Self {
        Self::bad_syntax("Incorrect conversation creation parameters")
    }

    pub(super) fn not_of_this_tenant() -> Self {
        Self::bad_syntax("Invalid user identity in provided tenant")
    }

    pub(super) fn unauthorized() -> Self {
        Self {
            status: 401,
            body: json!({"message": "Authorization has been denied for this request."}),
        }
    }

    pub(super) fn not_in_roster() -> Self {
        Self::new(
            403,
            "BotNotInConversationRoster",
            "The bot is not part of the conversation roster.",
        )
    }

    pub(super) fn forbidden_operation() -> Self {
        Self::new(
            403,
            "ForbiddenOperationException",
            "The app is not installed in the personal scope of this user.",
        )
    }

    pub(super) fn not_enough_permissions() -> Self {
        Self::new(403, "NotEnoughPermissions", "The bot may not do this here.")
    }

    pub(super) fn read_only() -> Self {
        Self::new(
            403,
            "NotEnoughPermissions",
            "The team is archived and therefore read-only.",
        )
    }

    pub(super) fn wrong_host() -> Self {
        Self::new(403, "InvalidBotApiHost", "The bot API host is invalid for this tenant.")
    }

    /// Blocked, muted and uninstalled look the same: the reason is a JSON document inside a string.
    pub(super) fn writes_blocked() -> Self {
        let inner = "{\r\n  \"subCode\": \"MessageWritesBlocked\",\r\n  \"details\": \"Thread is blocked from message \
                     writes.\",\r\n  \"errorCode\": null,\r\n  \"errorSubCode\": null\r\n}";
        Self {
            status: 403,
            body: json!({"errorCode": 209, "message": inner}),
        }
    }

    pub(super) fn conversation_not_found() -> Self {
        Self::new(404, "ConversationNotFound", "Conversation not found.")
    }

    pub(super) fn activity_not_found() -> Self {
        Self::new(
            404,
            "ActivityNotFoundInConversation",
            "The activity was not found in the conversation.",
        )
    }

    pub(super) fn member_not_found() -> Self {
        Self::new(
            404,
            "MemberNotFoundInConversation",
            "The member was not found in the conversation.",
        )
    }

    pub(super) fn no_such_route() -> Self {
        Self::new(
            404,
            "NotFound",
            "No HTTP resource was found that matches the request URI.",
        )
    }

    pub(super) fn too_big() -> Self {
        Self::new(413, "MessageSizeTooBig", "Message size too large.")
    }

    pub(super) fn entity_too_large() -> Self {
        Self::new(413, "RequestEntityTooLarge", "The request body is too large.")
    }

    pub(super) fn throttled() -> Self {
        Self::new(
            429,
            "Throttled",
            "API calls quota exceeded! Maximum allowed is exceeded for this operation.",
        )
    }

    /// The envelope Teams uses for this status when nothing more is known.
    pub(super) fn for_status(status: u16) -> Self {
        let (code, message) = match status {
            400 => ("BadArgument", "Bad Argument"),
            401 => return Self::unauthorized(),
            403 => return Self::not_in_roster(),
            404 => return Self::conversation_not_found(),
            409 => ("Conflict", "The operation conflicts with another."),
            412 => ("PreconditionFailed", "The conversation was changed at the same time."),
            413 => return Self::too_big(),
            429 => return Self::throttled(),
            500 => ("ServiceError", "An internal error occurred."),
            502 => ("BadGateway", "The gateway received an invalid answer."),
            503 => ("ServiceUnavailable", "The service is unavailable."),
            504 => ("GatewayTimeout", "The gateway timed out."),
            _ => ("ServiceError", "The request failed."),
        };
        Self::new(status, code, message)
    }
}
