"""The Teller SDK: wire models, calls, enrolments, webhooks, errors. It imports nothing of ours but `transport`."""

from bursar.providers.teller.sdk.blocking import TellerSyncClient
from bursar.providers.teller.sdk.client import TellerClient
from bursar.providers.teller.sdk.enrollment import (
    ConnectSetup,
    Enrollment,
    EnrollmentRefusedError,
    new_nonce,
    read_enrollment,
    verify_enrollment,
)
from bursar.providers.teller.sdk.errors import TellerConfigurationError, TellerError
from bursar.providers.teller.sdk.webhooks import Webhook, WebhookRejectedError, read_webhook

__all__ = [
    "ConnectSetup",
    "Enrollment",
    "EnrollmentRefusedError",
    "TellerClient",
    "TellerConfigurationError",
    "TellerError",
    "TellerSyncClient",
    "Webhook",
    "WebhookRejectedError",
    "new_nonce",
    "read_enrollment",
    "read_webhook",
    "verify_enrollment",
]
